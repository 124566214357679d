package plan

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func with(sets ...ReplicaSet) func(*Spec, *Observed) {
	return func(_ *Spec, o *Observed) { o.ReplicaSets = sets }
}

func pods(revision string, number int64, desired, available int32) ReplicaSet {
	return ReplicaSet{Revision: revision, Number: number, Desired: desired, Pods: desired, Available: available, Settled: true}
}

// TestPodsGoTogether: where revisions share the pods that have to stay available, those that are not available go first
// and cost nothing, and what one revision gives up another keeps.
func TestPodsGoTogether(t *testing.T) {
	numbers := func(replicas, asked int32) func(*Spec, *Observed) {
		return func(s *Spec, o *Observed) {
			s.Mover, s.Replicas, s.Surge = ByReplicas, replicas, 1
			o.State.Traffic = Traffic{Asked: asked, Low: asked, High: asked}
		}
	}
	bounded := func(high int32) func(*Spec, *Observed) {
		return func(s *Spec, o *Observed) {
			s.Surge, s.Steps = 1, []Step{{Kind: StepSetWeight, Weight: 100, Key: "100"}}
			o.State.Traffic = Traffic{Asked: high, Low: high, High: high}
		}
	}
	replaced := func(s *Spec, _ *Observed) { s.RestartAt = ago(time.Minute) }
	for name, c := range map[string]struct {
		change func(*Spec, *Observed)
		want   string
	}{
		"broken pods cost nothing":            {all(numbers(4, 50), with(pods("old", 1, 3, 0), pods("new", 2, 5, 5))), "[scale ReplicaSet old 3 -> 2 scale ReplicaSet new 5 -> 4]"},
		"an available one costs one":          {all(numbers(4, 50), with(pods("old", 1, 3, 3), pods("new", 2, 3, 2))), "[scale ReplicaSet old 3 -> 2 scale ReplicaSet new 3 -> 2]"},
		"what one gives up another keeps":     {all(numbers(4, 50), with(pods("old", 1, 3, 3), pods("new", 2, 3, 2), pods("x", 3, 1, 0))), "[scale ReplicaSet old 3 -> 2 scale ReplicaSet new 3 -> 2 scale ReplicaSet x 1 -> 0]"},
		"no more than are to spare":           {all(numbers(4, 50), with(pods("old", 1, 4, 4), pods("new", 2, 3, 1))), "[scale ReplicaSet old 4 -> 3 scale ReplicaSet new 3 -> 2]"},
		"the canary's pods fail at 100":       {all(bounded(100), with(pods("old", 1, 5, 5), pods("new", 2, 5, 2))), "[scale ReplicaSet old 5 -> 3]"},
		"the canary's pods are there":         {all(bounded(100), with(pods("old", 1, 5, 5), pods("new", 2, 5, 5))), "[scale ReplicaSet old 5 -> 1]"},
		"pods are being replaced":             {all(numbers(4, 50), replaced, with(pods("old", 1, 3, 3), pods("new", 2, 2, 2))), "[scale ReplicaSet old 3 -> 2]"},
		"pods are being replaced, some old":   {all(numbers(4, 50), replaced, with(pods("old", 1, 3, 3), pods("new", 2, 2, 2)), func(_ *Spec, o *Observed) { o.ReplicaSets[0].Old = 1 }), "[prefer old pods of old for deletion scale ReplicaSet old 3 -> 2]"},
		"after an abort":                      {all(numbers(5, 0), aborted, with(pods("old", 1, 2, 2), pods("new", 2, 3, 3))), "[]"},
		"after an abort, as stable pods come": {all(numbers(5, 0), aborted, with(pods("old", 1, 5, 4), pods("new", 2, 3, 3))), "[scale ReplicaSet new 3 -> 1]"},
		"fewer replicas at rest":              {all(numbers(3, 0), aborted, with(pods("old", 1, 5, 5))), "[scale ReplicaSet old 5 -> 3]"},
		"fewer replicas at rest, some broken": {all(numbers(3, 0), aborted, with(pods("old", 1, 5, 1))), "[scale ReplicaSet old 5 -> 3]"},
	} {
		t.Run(name, func(t *testing.T) {
			e := deciding(c.change)
			e.actShrink()
			if got := fmt.Sprint(e.plan.Actions); got != c.want {
				t.Errorf("%s, not %s", got, c.want)
			}
		})
	}
}

func aborted(_ *Spec, o *Observed) { o.State.Candidate, o.State.Rejected = "", []string{"new"} }

// TestSizeWhileReached: a revision that the stable Service may reach keeps its pods as long as any share may go there.
func TestSizeWhileReached(t *testing.T) {
	at := func(low, high int32, stablePinned string) func(*Spec, *Observed) {
		return func(s *Spec, o *Observed) {
			s.Surge, s.Unavailable, s.Steps = 1, 2, []Step{{Kind: StepSetWeight, Weight: 20, Key: "20"}}
			o.State.Traffic = Traffic{Asked: low, Low: low, High: high}
			o.Stable.Pinned, o.ReplicaSets[1] = stablePinned, pods("new", 2, 5, 5)
			if stablePinned == "" {
				o.Stable.Endpoints = []Endpoints{{"old", 5}, {"new", 5}}
			}
		}
	}
	for name, c := range map[string]struct {
		change           func(*Spec, *Observed)
		candidate, other int32
		exposed          bool
	}{
		"by the canary Service, 20":              {at(20, 20, "old"), 1, 1, true},
		"by the canary Service, 60 is not gone":  {at(20, 60, "old"), 3, 1, true},
		"not at all":                             {at(0, 0, "old"), 1, 0, false},
		"by the stable Service too":              {at(20, 20, ""), 5, 5, true},
		"by the stable Service, with 1 percent":  {at(99, 99, ""), 5, 5, true},
		"by the stable Service, with no traffic": {at(100, 100, ""), 4, 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			e := deciding(c.change)
			if got := e.sizeAfterShrink(e.seen.ReplicaSets[1]); got != c.candidate {
				t.Errorf("the candidate shrinks to %d, not %d", got, c.candidate)
			}
			if got := e.exposed("new"); got != c.exposed {
				t.Errorf("exposed: %v", got)
			}
			e.s.Candidate = ""
			if got := e.sizeAfterShrink(e.seen.ReplicaSets[1]); got != c.other {
				t.Errorf("the superseded one shrinks to %d, not %d", got, c.other)
			}
		})
	}
}

// TestOneEndpointIsEnough: a revision with a single ready endpoint behind a Service is reached by it.
func TestOneEndpointIsEnough(t *testing.T) {
	s := Service{Pinned: "old", Endpoints: []Endpoints{{"old", 5}, {"new", 1}}}
	if !s.reaches("old") || !s.reaches("new") || s.reaches("x") || !(Service{}).reaches("x") {
		t.Error("who is reached?")
	}
	e := deciding(func(s *Spec, o *Observed) {
		s.Mover, o.State.Switched, o.State.StableClearAt = BySelector, "new", ago(time.Minute)
	})
	if !e.exposed("new") || !e.exposed("old") || e.exposed("x") {
		t.Error("what the stable Service was switched to is exposed before its selector follows")
	}
	e = deciding(func(_ *Spec, o *Observed) { o.State.Traffic = Traffic{Asked: 99, Low: 99, High: 99} })
	if !e.exposed("old") {
		t.Error("one percent exposes the stable revision")
	}
}

// TestSizesOfTheTwo: how large stable revision and candidate are to be.
func TestSizesOfTheTwo(t *testing.T) {
	at := func(share int32) func(*Spec, *Observed) {
		return func(s *Spec, o *Observed) {
			s.Steps = []Step{{Kind: StepSetWeight, Weight: share, Key: "w"}}
			o.State.Traffic = Traffic{Asked: share, Low: share, High: share}
		}
	}
	least := func(n int32) func(*Spec, *Observed) { return func(s *Spec, _ *Observed) { s.MinPods = n } }
	bounded := func(s *Spec, _ *Observed) { s.Surge = 1 }
	dynamic := func(s *Spec, _ *Observed) { s.DynamicStable = true }
	switched := func(s *Spec, o *Observed) {
		s.Mover, o.State.Switched, o.State.Traffic = BySelector, "new", Traffic{Asked: 100, Low: 100, High: 100}
		s.Steps, o.State.Step = blueGreen().Steps, 4
	}
	third := func(desired, there int32) func(*Spec, *Observed) {
		return func(_ *Spec, o *Observed) {
			o.ReplicaSets = append(o.ReplicaSets, ReplicaSet{Revision: "x", Number: 3, Desired: desired, Pods: there, Settled: true})
		}
	}
	for name, c := range map[string]struct {
		change      func(*Spec, *Observed)
		stable, new int32
	}{
		"weight 40":                             {at(40), 5, 2},
		"weight 0":                              {at(0), 5, 0},
		"weight 0, at least two":                {all(at(0), least(2)), 5, 0},
		"weight 20, at least two":               {all(at(20), least(2)), 5, 2},
		"weight 60, at least two":               {all(at(60), least(2)), 5, 3},
		"weight 20, at least more than all":     {all(at(20), least(9)), 5, 5},
		"dynamic, weight 40":                    {all(at(40), dynamic), 3, 2},
		"dynamic, handed over":                  {all(at(100), dynamic, func(_ *Spec, o *Observed) { o.State.Candidate, o.State.SwitchingFrom = "", "new" }), 5, 0},
		"bounded, weight 60":                    {all(at(60), bounded), 3, 3},
		"bounded, and a third that goes":        {all(at(60), bounded, third(0, 1)), 2, 3},
		"bounded, and a third that comes":       {all(at(60), bounded, third(1, 0)), 2, 3},
		"switched":                              {switched, 5, 5},
		"switched, with dynamic scale":          {all(switched, dynamic), 5, 5},
		"switched, held":                        {all(switched, pausedByRequest, func(s *Spec, _ *Observed) { s.Replicas = 7 }), 7, 7},
		"numbers of pods, weight 40":            {all(at(40), func(s *Spec, _ *Observed) { s.Mover, s.Surge = ByReplicas, 1 }), 3, 2},
		"the canary Service is still another's": {all(at(100), func(_ *Spec, o *Observed) { o.Canary.Pinned = "x" }), 5, 2},
	} {
		t.Run(name, func(t *testing.T) {
			e := deciding(c.change)
			if got := e.stableSize(); got != c.stable {
				t.Errorf("the stable revision has %d, not %d", got, c.stable)
			}
			if e.s.Candidate == "" {
				return
			}
			if got := e.candidateSize(2); got != c.new {
				t.Errorf("the candidate has %d, not %d", got, c.new)
			}
		})
	}
}

// TestWhatAStepNeeds: the pods that a step waits for; where nobody can make room for more, one is enough at the least.
func TestWhatAStepNeeds(t *testing.T) {
	full := func(unavailable int32) func(*Spec, *Observed) {
		return func(s *Spec, o *Observed) {
			s.Surge, s.Unavailable, s.Steps = 0, unavailable, []Step{{Kind: StepSetWeight, Weight: 20, Key: "20"}}
			o.State.Traffic = Traffic{}
			o.ReplicaSets = []ReplicaSet{pods("old", 1, 5-unavailable, 5-unavailable), pods("new", 2, unavailable, 0)}
		}
	}
	for unavailable, want := range []int32{1, 1, 1, 1} {
		if got := deciding(full(int32(unavailable))).needed(); got != want {
			t.Errorf("%d may be missing: %d are needed, not %d", unavailable, got, want)
		}
	}
	scale := func(steps ...Step) func(*Spec, *Observed) {
		return func(s *Spec, o *Observed) { s.Steps, o.State.Step = steps, int32(len(steps)-1) }
	}
	for name, c := range map[string]struct {
		change func(*Spec, *Observed)
		want   int32
	}{
		"none":               {scale(Step{Kind: StepSetWeight, Weight: 50}), 0},
		"pods":               {scale(Step{Kind: StepScale, Pods: 3}), 3},
		"percent":            {scale(Step{Kind: StepScale, Pods: Unbounded, Weight: 50}), 3},
		"the share again":    {scale(Step{Kind: StepScale, Pods: 3}, Step{Kind: StepScale, Match: true}), 0},
		"no replicas":        {all(scale(Step{Kind: StepScale, Pods: 3}), func(s *Spec, _ *Observed) { s.Replicas = 0 }), 0},
		"before it is there": {all(scale(Step{Kind: StepPause}, Step{Kind: StepScale, Pods: 3}), func(_ *Spec, o *Observed) { o.State.Step = 0 }), 0},
	} {
		if got := deciding(c.change).stepScale(); got != c.want {
			t.Errorf("%s: %d pods, not %d", name, got, c.want)
		}
	}
	for share, want := range map[int32]int32{0: 5, 20: 4, 99: 1, 100: 0, 101: 0} {
		if got := deciding(nil).stableFloor(share); got != want {
			t.Errorf("share %d: the stable revision keeps %d, not %d", share, got, want)
		}
	}
}

// TestGoingBeforeTheirTime: who is kept for a delay goes early where more are kept than may be, the oldest first, and
// where the stable revision cannot get its pods back otherwise.
func TestGoingBeforeTheirTime(t *testing.T) {
	kept := func(s *Spec, o *Observed) {
		s.Revision, o.State.Candidate, o.State.Traffic, o.Canary = "old", "", Traffic{}, Service{Named: true, Pinned: "old"}
		o.ReplicaSets = []ReplicaSet{pods("a", 1, 1, 1), pods("b", 2, 1, 1), pods("old", 3, 5, 5), pods("c", 4, 1, 1)}
		for _, r := range []string{"a", "b", "c"} {
			o.State.Retiring = append(o.State.Retiring, Retiring{Revision: r, At: now.Add(time.Minute)})
		}
	}
	limited := func(n int32) func(*Spec, *Observed) {
		return func(s *Spec, _ *Observed) { s.ScaleDownLimit = n }
	}
	short := func(surge, stable int32) func(*Spec, *Observed) {
		return func(s *Spec, o *Observed) {
			s.ScaleDownLimit, s.Surge, o.ReplicaSets[2] = Unbounded, surge, pods("old", 3, stable, stable)
		}
	}
	for name, c := range map[string]struct {
		change func(*Spec, *Observed)
		want   string
	}{
		"all may be kept":                 {all(kept, limited(Unbounded)), ""},
		"three may be kept":               {all(kept, limited(3)), ""},
		"two may be kept":                 {all(kept, limited(2)), "a"},
		"one may be kept":                 {all(kept, limited(1)), "ab"},
		"none may be kept":                {all(kept, limited(0)), "abc"},
		"their time has come":             {all(kept, limited(Unbounded), func(_ *Spec, o *Observed) { o.State.Retiring[1].At = now }), "b"},
		"the stable revision has no room": {all(kept, short(2, 4)), "abc"},
		"the stable revision has room":    {all(kept, short(3, 4)), ""},
		"the stable revision is complete": {all(kept, short(2, 5)), ""},
		"the room is not bounded":         {all(kept, short(Unbounded, 4)), ""},
		"a request may reach one": {all(kept, limited(0), func(_ *Spec, o *Observed) {
			o.Stable.Endpoints = append(o.Stable.Endpoints, Endpoints{"b", 1})
		}), "ac"},
	} {
		t.Run(name, func(t *testing.T) {
			e := deciding(all(func(s *Spec, _ *Observed) { s.ScaleDownLimit = Unbounded }, c.change))
			var got strings.Builder
			for _, rs := range e.seen.ReplicaSets {
				if e.mayGo(rs.Revision) {
					got.WriteString(rs.Revision)
				}
			}
			if got.String() != c.want {
				t.Errorf("%q may go, not %q", &got, c.want)
			}
		})
	}
}

// TestRetiring: who has pods that nobody needs gets a time to go, in the order of their names, and loses it with them.
func TestRetiring(t *testing.T) {
	listed := func(revisions ...string) func(*Spec, *Observed) {
		return func(_ *Spec, o *Observed) {
			for _, r := range revisions {
				o.State.Retiring = append(o.State.Retiring, Retiring{Revision: r, At: now.Add(time.Minute)})
			}
		}
	}
	three := with(pods("old", 1, 5, 5), pods("new", 2, 2, 2), pods("b", 3, 1, 1), pods("a", 4, 1, 1))
	for name, c := range map[string]struct {
		change func(*Spec, *Observed)
		want   string
	}{
		"two have pods":                  {three, "[{a 5s} {b 5s}]"},
		"one was listed":                 {all(three, listed("b")), "[{a 5s} {b 1m0s}]"},
		"one is rejected":                {all(three, func(_ *Spec, o *Observed) { o.State.Rejected = []string{"b"} }), "[{a 5s} {b 30s}]"},
		"one is gone":                    {all(listed("x")), "[]"},
		"one has no pods":                {all(listed("x"), with(pods("old", 1, 5, 5), pods("x", 2, 0, 0))), "[]"},
		"one has pods that go":           {all(listed("x"), with(pods("old", 1, 5, 5), ReplicaSet{Revision: "x", Pods: 1})), "[{x 1m0s}]"},
		"one has pods to come":           {all(listed("x"), with(pods("old", 1, 5, 5), ReplicaSet{Revision: "x", Desired: 1})), "[{x 1m0s}]"},
		"one is released again":          {listed("new"), "[]"},
		"one is stable again":            {listed("old"), "[]"},
		"numbers of pods":                {all(three, listed("b"), func(s *Spec, _ *Observed) { s.Mover = ByReplicas }), "[]"},
		"none is stable":                 {all(three, func(_ *Spec, o *Observed) { o.State.Stable, o.State.Candidate = "", "" }), "[]"},
		"a request may reach one by now": {all(three, listed("b"), func(_ *Spec, o *Observed) { o.Stable.Endpoints = []Endpoints{{"old", 5}, {"b", 1}} }), "[{a 5s}]"},
	} {
		t.Run(name, func(t *testing.T) {
			e := deciding(all(func(s *Spec, _ *Observed) { s.AbortScaleDownDelay = 30 * time.Second }, c.change))
			e.retire()
			got := []string{}
			for _, r := range e.s.Retiring {
				got = append(got, fmt.Sprintf("{%s %s}", r.Revision, r.At.Sub(now)))
			}
			if fmt.Sprint(got) != c.want {
				t.Errorf("%v, not %s", got, c.want)
			}
		})
	}
}
