package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestMoves: single decisions of a whole plan, each with what is done and a part of what is said.
func TestMoves(t *testing.T) {
	analysed := func(s *Spec, o *Observed) { o.State.Step, o.State.PassedSteps = 2, stepsDigest(s.Steps[:2]) }
	problem := routeGone
	background := func(s *Spec, _ *Observed) { s.Background = Background{Key: "bg"} }
	unhealthy := func(which ...int) func(*Spec, *Observed) {
		return func(_ *Spec, o *Observed) {
			for _, i := range which {
				o.ReplicaSets[i].Unhealthy = Unhealthy{Reason: "ImagePullBackOff", Message: "pod p", Since: ago(time.Second)}
			}
		}
	}
	idle := func(s *Spec, o *Observed) {
		nothingReleased(s, o)
		s.HistoryLimit = 0
		o.State.Abort = Abort{Revision: "new", Reason: "Requested", Message: "m"}
		o.ReplicaSets[0].Role = RoleStable
		o.ReplicaSets = append(o.ReplicaSets, ReplicaSet{Revision: "new", Number: 2, Settled: true, Role: RoleRejected})
	}
	restored := func(s *Spec, o *Observed) {
		nothingReleased(s, o)
		s.Revision, s.Mover, o.State.Rejected = "old", BySelector, nil
		o.Canary = Service{}
		o.State.Originals = []Original{{Name: "r", Rules: "{}"}}
		o.Routes[0].AtRest = false
	}
	sizing := func(available int32) func(*Spec, *Observed) {
		return func(s *Spec, o *Observed) {
			s.Steps = []Step{{Kind: StepSetWeight, Weight: 20, Key: "20"}, {Kind: StepScale, Pods: 3, Key: "3"}, {Kind: StepPause, Indefinite: true, Key: "p"}}
			o.State.Step, o.State.PassedSteps = 1, stepsDigest(s.Steps[:1])
			o.ReplicaSets[1].Desired, o.ReplicaSets[1].Pods, o.ReplicaSets[1].Available = 3, 3, available
		}
	}
	committing := func(ready int32) func(*Spec, *Observed) {
		return func(s *Spec, o *Observed) {
			s.Steps = []Step{{Kind: StepSetWeight, Weight: 100, Key: "100"}}
			o.State.Step, o.State.PassedSteps = 1, stepsDigest(s.Steps)
			o.State.Traffic = Traffic{Asked: 100, Low: 100, High: 100, AckedAt: ago(time.Minute)}
			o.Routes[0].Low, o.Routes[0].High = 100, 100
			o.ReplicaSets[1] = pods("new", 2, 5, 5)
			o.Canary.Endpoints = []Endpoints{{"new", ready}}
		}
	}
	for name, c := range map[string]struct {
		change   func(*Spec, *Observed)
		do, says string
		step     int32
	}{
		"no Service is pinned before there is a stable revision": {all(firstOne, func(_ *Spec, o *Observed) {
			o.Stable = Service{Named: true, Pinned: "x"}
			o.ReplicaSets = append(o.ReplicaSets, pods("x", 2, 1, 0))
		}), "[]", "the first revision new: 2 of 5", 0},
		"a first revision that cannot be made has not begun": {all(firstOne, problem, func(_ *Spec, o *Observed) {
			o.ReplicaSets, o.State.MostAvailable, o.State.ProgressedAt = nil, 2, ago(time.Second)
		}), "[]", "route r is gone", 0},
		"an analysis starts":                                 {analysed, "[start run RUN]", "is running", 2},
		"an analysis does not start with a problem":          {all(analysed, problem), "[]", "route r is gone", 2},
		"an analysis that is skipped does not start":         {all(analysed, pausedByRequest, inMode(ModeFullSkipAnalysis)), "[]", "paused at step 3/3 by request", 2},
		"an analysis that is skipped does not abort":         {all(analysed, pausedByRequest, inMode(ModeFullSkipAnalysis), stepRun(RunFailed)), "[]", "paused at step 3/3 by request", 2},
		"an analysis in the background starts":               {background, "[start run BG]", "paused at step 2/3", 1},
		"an analysis in the background waits with a problem": {all(background, problem), "[]", "route r is gone", 1},
		"a trouble that may pass is told":                    {unhealthy(1), "[]", "ImagePullBackOff: pod p", 1},
		"a trouble of both is told":                          {unhealthy(0, 1), "[]", "ImagePullBackOff, as in the stable revision: pod p", 1},
		"what the spec wants is kept beyond the history":     {idle, "[]", "the release of revision new was aborted", 0},
		"routes of another strategy need no canary Service":  {restored, "[restore routes]", "", 0},
		"routes are restored before old ReplicaSets go": {all(restored, func(s *Spec, o *Observed) {
			s.HistoryLimit = 0
			o.ReplicaSets = append(o.ReplicaSets, ReplicaSet{Revision: "x", Number: 2, Settled: true})
		}), "[restore routes delete ReplicaSet x]", "", 0},
		"a size waits for its pods":                          {sizing(2), "[]", "waiting for the pods of revision new: 2 of 3 available", 1},
		"a size is there":                                    {sizing(3), "[]", "", 2},
		"a commit waits for the endpoints":                   {committing(4), "[]", "waiting for the pods of revision new: 4 of 5 ready behind the canary Service", 1},
		"a route without a record is not changed":            {all(weightOnItsWay, func(_ *Spec, o *Observed) { o.State.Originals, o.Routes[0].Original, o.Routes[0].Low = nil, "", 0 }), "[]", "", 1},
		"a full promotion passes a pause before an analysis": {inMode(ModeFull), "[start run RUN]", "is running", 2},
	} {
		t.Run(name, func(t *testing.T) {
			s, seen := spec(), releasing(1)
			if c.change != nil {
				c.change(&s, &seen)
			}
			p := Next(s, seen, now)
			marks := func(a Action) bool { _, is := a.(MarkReplicaSet); return is && !strings.Contains(c.do, "mark") }
			got := fmt.Sprint(slices.DeleteFunc(slices.Clone(p.Actions), marks))
			want := strings.NewReplacer("RUN", RunKey(p.Status), "BG", BackgroundKey(p.Status)).Replace(c.do)
			if got != want || !strings.Contains(p.Summary.Message, c.says) || p.Status.Step != c.step {
				t.Errorf("%s, not %s; says %q, not %q; at %d", got, want, p.Summary.Message, c.says, p.Status.Step)
			}
			if c.says == "route r is gone" && p.Status.Stable == "" && (!p.Status.ReleaseStarted.IsZero() || p.Status.MostAvailable != 0 || !p.Status.ProgressedAt.IsZero()) {
				t.Errorf("it has begun: %+v", p.Status)
			}
			if slices.ContainsFunc(p.Status.Originals, func(o Original) bool { return o.Rules == "" }) {
				t.Errorf("an empty record: %+v", p.Status.Originals)
			}
		})
	}
}

// TestAnotherFirstRevision: when another revision is wanted than the one that was on its way, its time begins anew.
func TestAnotherFirstRevision(t *testing.T) {
	s, seen := spec(), releasing(0)
	firstOne(&s, &seen)
	s.Revision, seen.State.MostAvailable, seen.State.ProgressedAt = "newer", 1, ago(time.Second)
	if p := Next(s, seen, now); !p.Status.ReleaseStarted.Equal(now) || p.Status.MostAvailable != 0 || !p.Status.ProgressedAt.IsZero() {
		t.Errorf("%+v", p.Status)
	}
}

// TestNothingIsLeftOfARelease: what held one release, or was waived in it, says nothing of the next.
func TestNothingIsLeftOfARelease(t *testing.T) {
	s, seen := spec(), releasing(1)
	s.Revision = "newer"
	seen.State.Paused, seen.State.BackgroundWaived, seen.State.PausedFor = true, true, time.Hour
	p := Next(s, seen, now)
	if st := p.Status; st.Candidate != "newer" || st.Paused || st.BackgroundWaived || st.PausedFor != 0 || st.Mode != ModeSteps {
		t.Errorf("%+v", p.Status)
	}
}

// TestNoStableNoRecord: before there is a stable revision no route is ours, nor any record of one.
func TestNoStableNoRecord(t *testing.T) {
	s, seen := spec(), releasing(0)
	firstOne(&s, &seen)
	seen.State.Originals = []Original{{Name: "r", Rules: "{}"}}
	if p := Next(s, seen, now); len(p.Status.Originals) > 0 {
		t.Errorf("%+v", p.Status.Originals)
	}
}

// TestPreview: the preview Service goes to the candidate when its pods are there, and stays.
func TestPreview(t *testing.T) {
	for name, c := range map[string]struct {
		rs     ReplicaSet
		pinned string
		want   string
	}{
		"its pods are there":        {pods("new", 2, 2, 2), "old", "new"},
		"its only pod is there":     {pods("new", 2, 1, 1), "old", "new"},
		"one is missing":            {pods("new", 2, 2, 1), "old", "old"},
		"it has none":               {pods("new", 2, 0, 0), "old", "old"},
		"its status is behind":      {ReplicaSet{Revision: "new", Desired: 2, Pods: 2, Available: 2}, "old", "old"},
		"it was there, one is gone": {pods("new", 2, 2, 1), "new", "new"},
	} {
		e := deciding(func(s *Spec, o *Observed) { s.Mover, o.ReplicaSets[1], o.Canary.Pinned = BySelector, c.rs, c.pinned })
		if got := e.previewTarget(); got != c.want {
			t.Errorf("%s: %s, not %s", name, got, c.want)
		}
	}
}

// TestHandingOver: the stable Service takes over when it serves what the canary Service does, and nothing else.
func TestHandingOver(t *testing.T) {
	at := func(pinned string, canary int32, stable ...Endpoints) func(*Spec, *Observed) {
		return func(_ *Spec, o *Observed) {
			o.State.Stable, o.State.Candidate, o.State.SwitchingFrom = "new", "", "old"
			o.State.Traffic = Traffic{Asked: 100, Low: 100, High: 100}
			o.Stable = Service{Pinned: pinned, Endpoints: stable}
			o.Canary.Endpoints = []Endpoints{{"new", canary}}
		}
	}
	settling := func(_ *Spec, o *Observed) { o.State.StableServedAt = now }
	for name, c := range map[string]struct {
		change func(*Spec, *Observed)
		share  int32
	}{
		"all are there":                     {at("new", 5, Endpoints{"new", 5}), 0},
		"one is missing":                    {at("new", 5, Endpoints{"new", 4}), 100},
		"as many as the canary Service has": {at("new", 3, Endpoints{"new", 3}), 0},
		"the canary Service has none":       {at("new", 0, Endpoints{"new", 1}), 0},
		"neither has any":                   {at("new", 0), 100},
		"another's endpoint is left":        {at("new", 5, Endpoints{"new", 5}, Endpoints{"old", 1}), 100},
		"the selector is the old one's":     {at("old", 5, Endpoints{"new", 5}), 100},
		"endpoints settle":                  {all(at("new", 5, Endpoints{"new", 5}), settling), 100},
		"it goes back, whatever is there":   {all(at("new", 5), func(_ *Spec, o *Observed) { o.State.Traffic.Asked = 0 }), 0},
		"no pods are wanted":                {all(at("new", 0), func(s *Spec, _ *Observed) { s.Replicas = 0 }), 0},
	} {
		if got := deciding(c.change).handOverShare(); got != c.share {
			t.Errorf("%s: %d, not %d", name, got, c.share)
		}
	}
}

// TestCommitWithoutPods: a Rollout of no pods is promoted when nothing is served and nothing is left.
func TestCommitWithoutPods(t *testing.T) {
	none := func(traffic Traffic, left int32) func(*Spec, *Observed) {
		return func(s *Spec, o *Observed) {
			s.Replicas, o.State.Traffic = 0, traffic
			o.ReplicaSets = []ReplicaSet{{Revision: "old", Pods: left}, {Revision: "new"}}
		}
	}
	for name, c := range map[string]struct {
		change func(*Spec, *Observed)
		done   bool
	}{
		"nothing is left":          {none(Traffic{}, 0), true},
		"a pod is left":            {none(Traffic{}, 1), false},
		"a share is asked":         {none(Traffic{Asked: 20, Low: 20, High: 20}, 0), false},
		"a share is not gone":      {none(Traffic{High: 20}, 0), false},
		"the revision is not made": {all(none(Traffic{}, 0), func(_ *Spec, o *Observed) { o.ReplicaSets = o.ReplicaSets[:1] }), false},
	} {
		e := deciding(c.change)
		e.commitWithoutTraffic()
		if done := e.s.Stable == "new"; done != c.done {
			t.Errorf("%s: promoted %v", name, done)
		}
	}
}

// TestEndpointsOfOthers: a single endpoint of another revision counts.
func TestEndpointsOfOthers(t *testing.T) {
	for others := range int32(3) {
		left := func(_ *Spec, o *Observed) {
			o.Stable.Endpoints = []Endpoints{{"old", 5}, {"x", others}}
			o.State.StableServedAt, o.State.StableClearAt = ago(time.Minute), ago(time.Minute)
		}
		e := deciding(left)
		e.followEndpoints()
		if alone := others == 0; e.s.StableServedAt.IsZero() == alone || e.s.StableClearAt.IsZero() == alone {
			t.Errorf("%d others: %+v", others, e.s)
		}
		e = deciding(all(left, func(s *Spec, _ *Observed) { s.Mover = BySelector }))
		if got := e.acknowledged(); got != (others == 0) {
			t.Errorf("%d others: acknowledged %v", others, got)
		}
		e = deciding(func(_ *Spec, o *Observed) {
			o.State.Candidate, o.State.Traffic, o.ReplicaSets = "", Traffic{High: 20}, o.ReplicaSets[:1]
			o.Canary = Service{Pinned: "new", Endpoints: []Endpoints{{"new", others}}}
		})
		if got := e.mayRest(); got != (others == 0) {
			t.Errorf("%d behind the canary Service: may rest %v", others, got)
		}
	}
}

// TestNumbersOfPodsAreTheShare: without a route nothing is acknowledged, and nothing of a share is left over.
func TestNumbersOfPodsAreTheShare(t *testing.T) {
	e := deciding(func(s *Spec, o *Observed) {
		s.Mover, o.State.Traffic = ByReplicas, Traffic{Asked: 20, Low: 0, High: 100, AckedAt: ago(time.Minute)}
	})
	e.followTraffic()
	if want := (Traffic{Asked: 20, Low: 20, High: 20}); e.s.Traffic != want {
		t.Errorf("%+v", e.s.Traffic)
	}
	for left, missing := range []bool{false, true, true} {
		e := deciding(func(s *Spec, o *Observed) {
			s.Mover, s.Surge, s.Steps = ByReplicas, 1, steps[:1]
			o.ReplicaSets = []ReplicaSet{pods("old", 1, 4, 4), pods("new", 2, 1, 1), pods("x", 3, int32(left), 0)}
		})
		if got := e.podsMissing(e.seen.ReplicaSets[1]); (got != "") != missing {
			t.Errorf("%d pods of a third revision: %q", left, got)
		}
	}
}

// TestSkipped: what a full promotion passes.
func TestSkipped(t *testing.T) {
	weight, size := Step{Kind: StepSetWeight, Weight: 20}, Step{Kind: StepScale, Pods: 2}
	pause, analysis := Step{Kind: StepPause, Indefinite: true}, Step{Kind: StepAnalysis}
	for name, c := range map[string]struct {
		mode  Mode
		steps []Step
		blue  bool
		want  bool
	}{
		"all steps are taken":                {ModeSteps, []Step{pause}, false, false},
		"a rollback":                         {ModeRollbackWindow, []Step{pause}, false, false},
		"a pause":                            {ModeFull, []Step{pause}, false, true},
		"a pause before an analysis":         {ModeFull, []Step{pause, analysis}, false, true},
		"an analysis":                        {ModeFull, []Step{analysis}, false, false},
		"an analysis, skipped":               {ModeFullSkipAnalysis, []Step{analysis}, false, true},
		"a weight before an analysis":        {ModeFull, []Step{weight, analysis}, false, false},
		"a weight before one, skipped":       {ModeFullSkipAnalysis, []Step{weight, analysis}, false, true},
		"a weight before another":            {ModeFull, []Step{weight, weight, analysis}, false, true},
		"the last weight":                    {ModeFull, []Step{weight, pause}, false, true},
		"a size before an analysis":          {ModeFull, []Step{size, analysis}, false, false},
		"the last size":                      {ModeFull, []Step{size}, false, true},
		"the last size of a blue-green one":  {ModeFull, []Step{size}, true, true},
		"no switch of a blue-green one":      {ModeFull, []Step{weight}, true, false},
		"the switch of a blue-green release": {ModeFull, []Step{{Kind: StepSetWeight, Weight: 100}}, true, true},
	} {
		e := deciding(func(s *Spec, o *Observed) { s.Steps, s.BlueGreen, o.State.Mode = c.steps, c.blue, c.mode })
		if got := e.skips(c.steps[0]); got != c.want {
			t.Errorf("%s: skipped %v", name, got)
		}
	}
}

// TestAPauseOfNoTime: what begins with a pause waits for it at once; a pause of no time is none.
func TestAPauseOfNoTime(t *testing.T) {
	for name, c := range map[string]struct {
		next Step
		wake time.Duration
	}{
		"a pause":            {Step{Kind: StepPause, Duration: time.Minute, Key: "n"}, time.Minute},
		"a pause of no time": {Step{Kind: StepPause, Key: "n"}, 0},
		"an analysis":        {Step{Kind: StepAnalysis, Duration: time.Minute, Key: "n"}, 0},
		"a weight":           {Step{Kind: StepSetWeight, Weight: 20, Duration: time.Minute, Key: "n"}, 0},
	} {
		e := deciding(func(s *Spec, _ *Observed) { s.Steps = []Step{steps[0], c.next} })
		e.passStep()
		if got := e.plan.WakeAt.Sub(now); got != c.wake || e.s.Step != 1 {
			t.Errorf("%s: looked at again in %s, not %s", name, got, c.wake)
		}
	}
}
