package plan

import (
	"slices"
	"testing"
	"time"
)

func pausedByRequest(_ *Spec, o *Observed) { o.State.Paused = true }
func pausedBySpec(s *Spec, _ *Observed)    { s.Paused = true }
func routeGone(s *Spec, _ *Observed) {
	s.Problem = &Problem{Reason: "InvalidRoute", Message: "route r is gone"}
}
func atTheEnd(_ *Spec, o *Observed) { o.State.Step, o.State.PassedSteps = 3, stepsDigest(steps) }

func inMode(mode Mode) func(*Spec, *Observed) {
	return func(_ *Spec, o *Observed) { o.State.Mode = mode }
}

func backgroundDoubt(s *Spec, o *Observed) {
	s.Background = Background{Key: "bg"}
	o.Runs = append(o.Runs, Run{Key: BackgroundKey(o.State), Phase: RunInconclusive, Message: "too few samples"})
}

func stepRun(phase RunPhase) func(*Spec, *Observed) {
	return func(_ *Spec, o *Observed) {
		o.Runs = append(o.Runs, Run{Key: RunKey(o.State), Phase: phase, Message: "m"})
	}
}

// nothingReleased is the stable revision alone, with the revision that the spec wants rejected.
func nothingReleased(_ *Spec, o *Observed) {
	o.State = State{Stable: "old", Rejected: []string{"new"}}
	o.ReplicaSets, o.Canary = o.ReplicaSets[:1], Service{Named: true}
	o.Stable = Service{Named: true, Endpoints: []Endpoints{{"old", 5}}}
	o.Routes = []Route{{Name: "r", AtRest: true, Acknowledged: true, Original: "{}"}}
}

// TestAnswers: what people are told when they ask for something, and the step that the release is at then.
func TestAnswers(t *testing.T) {
	jump := func(step, to int32) Request { return Request{Verb: VerbJump, Step: step, To: to} }
	promote := func(step int32) Request { return Request{Verb: VerbPromote, Step: step} }
	other := func(verb Verb) Request { return Request{Verb: verb, Revision: "other"} }
	for name, c := range map[string]struct {
		step    int32
		change  func(*Spec, *Observed)
		request Request
		yes     bool
		message string
		at      int32
	}{
		"pause":                               {1, nil, Request{Verb: VerbPause}, true, "the release of revision new is paused at step 2/3", 1},
		"pause, paused":                       {1, pausedByRequest, Request{Verb: VerbPause}, false, "the release is paused already", 1},
		"pause, of another revision":          {1, nil, other(VerbPause), false, "it was made for revision other, which is not being released", 1},
		"pause, with nothing released":        {0, nothingReleased, Request{Verb: VerbPause}, false, "it was made for revision new, which is not being released", 0},
		"pause, of nothing, with nothing":     {0, nothingReleased, Request{Verb: VerbPause, Revision: "none"}, false, "it was made for revision , which is not being released", 0},
		"resume":                              {1, pausedByRequest, Request{Verb: VerbResume}, true, "the release of revision new goes on", 1},
		"resume, paused by the spec":          {1, pausedBySpec, Request{Verb: VerbResume}, false, "it is spec.paused that holds the release; change it there", 1},
		"resume, not paused":                  {1, nil, Request{Verb: VerbResume}, false, "nobody has asked for a pause; a pause step is passed by promote", 1},
		"sing":                                {1, nil, Request{Verb: "sing"}, false, `the verb "sing" is not known`, 1},
		"jump forward":                        {1, nil, jump(1, 2), true, "the release of revision new goes from step 2/3 to step 3/3", 2},
		"jump to the end":                     {1, nil, jump(1, 3), true, "the release of revision new goes from step 2/3 to the end", 3},
		"jump back":                           {1, nil, jump(1, 0), true, "the release of revision new goes from step 2/3 to step 1/3", 1},
		"jump out of a full promotion":        {2, inMode(ModeFull), jump(2, 1), true, "the release of revision new goes from step 3/3 to step 2/3", 1},
		"jump, blue-green":                    {1, func(s *Spec, _ *Observed) { s.BlueGreen = true }, jump(1, 2), false, "a blue-green release has no steps to jump between", 1},
		"jump, in a rollback":                 {1, inMode(ModeRollbackWindow), jump(1, 2), false, "the release goes back to a recent revision and takes no steps", 1},
		"jump, from another step":             {1, nil, jump(0, 2), false, "it was made for step 1, and the release is at step 2/3", 1},
		"jump, before the first":              {1, nil, jump(1, -1), false, "there is no step 0; the release has 3", 1},
		"jump, behind the end":                {1, nil, jump(1, 4), false, "there is no step 5; the release has 3", 1},
		"jump, to where it is":                {1, nil, jump(1, 1), false, "the release is at step 2/3 already", 1},
		"jump forward, with a problem":        {1, routeGone, jump(1, 2), false, "nothing moves forward before this is mended: route r is gone", 1},
		"jump back, with a problem":           {1, routeGone, jump(1, 0), true, "the release of revision new goes from step 2/3 to step 1/3", 0},
		"jump, after the passed steps":        {1, stepsChanged, jump(1, 2), false, "it was made for step 2, and the release is at step 1/3", 0},
		"promote, after the passed steps":     {1, stepsChanged, promote(1), false, "it was made for step 2, and the release is at step 1/3", 0},
		"promote a pause":                     {1, nil, promote(1), true, "step 2/3 of revision new is passed", 2},
		"promote a pause that is held":        {1, pausedByRequest, promote(1), true, "step 2/3 of revision new is passed", 2},
		"promote a weight":                    {0, weightOnItsWay, promote(0), false, "step 1/3 does not wait for anybody: its pods and its weight are on their way", 0},
		"promote a weight that is held":       {0, all(weightOnItsWay, pausedByRequest), promote(0), true, "the release of revision new goes on", 0},
		"promote a weight in doubt":           {0, all(weightOnItsWay, backgroundDoubt), promote(0), true, "the release of revision new goes on", 0},
		"promote a running analysis":          {2, stepRun(RunRunning), promote(2), false, "the analysis of step 3/3 has not ended; it decides", 2},
		"promote an analysis in doubt":        {2, stepRun(RunInconclusive), promote(2), true, "step 3/3 of revision new is passed", 3},
		"promote at the end":                  {0, atTheEnd, promote(3), false, "all steps are done", 3},
		"promote at the end, held":            {0, all(atTheEnd, pausedByRequest), promote(3), true, "the release of revision new goes on", 3},
		"promote, with a problem":             {1, routeGone, promote(1), false, "nothing moves forward before this is mended: route r is gone", 1},
		"promote, paused by the spec":         {1, pausedBySpec, promote(1), false, "spec.paused holds the release; change it there", 1},
		"promote, for another step":           {1, nil, promote(0), false, "it was made for step 1, and the release is at step 2/3", 1},
		"promote, for another revision":       {1, nil, other(VerbPromote), false, "it was made for revision other, which is not being released", 1},
		"promote, with nothing released":      {0, nothingReleased, promote(0), false, "it was made for revision new, which is not being released", 0},
		"promote in full, paused by spec":     {1, pausedBySpec, Request{Verb: VerbPromote, Full: true}, false, "spec.paused holds the release; change it there", 1},
		"promote in full":                     {1, nil, Request{Verb: VerbPromote, Full: true}, true, "revision new is promoted without further pauses; analysis still decides", 2},
		"promote in full, skipping":           {2, stepRun(RunRunning), Request{Verb: VerbPromote, Full: true, SkipAnalysis: true}, true, "revision new is promoted without further pauses and analysis", 3},
		"promote in full, twice":              {2, all(inMode(ModeFull), stepRun(RunRunning)), Request{Verb: VerbPromote, Full: true}, false, "somebody asked for it before", 2},
		"abort":                               {1, nil, Request{Verb: VerbAbort}, true, "the release of revision new is aborted", 0},
		"abort, of what is stable":            {1, nil, Request{Verb: VerbAbort, Revision: "old"}, false, "revision old is promoted already; put the former pod template back to undo it", 1},
		"abort, of another revision":          {1, nil, other(VerbAbort), false, "it was made for revision other, which is not being released", 1},
		"abort, of what is rejected":          {0, nothingReleased, Request{Verb: VerbAbort}, false, "it was made for revision new, which is not being released", 0},
		"abort, before there is a stable one": {0, firstOne, Request{Verb: VerbAbort}, false, "it was made for revision new, which is not being released", 0},
		"promote, of nothing, with nothing":   {0, nothingReleased, Request{Verb: VerbPromote, Revision: "none"}, false, "it was made for revision , which is not being released", 0},
		"abort, of nothing, with nothing":     {0, nothingReleased, Request{Verb: VerbAbort, Revision: "none"}, false, "it was made for revision , which is not being released", 0},
		"abort, of nothing, at first":         {0, firstOne, Request{Verb: VerbAbort, Revision: "none"}, false, "it was made for revision , which is not being released", 0},
		"retry":                               {0, nothingReleased, Request{Verb: VerbRetry}, true, "revision new is released again", 0},
		"retry, not rejected":                 {1, nil, Request{Verb: VerbRetry}, false, "revision new is not rejected", 1},
		"retry, not wanted":                   {1, nil, other(VerbRetry), false, "it was made for revision other, and the spec wants new", 1},
	} {
		t.Run(name, func(t *testing.T) {
			s, seen := spec(), releasing(c.step)
			if c.change != nil {
				c.change(&s, &seen)
			}
			c.request.ID, c.request.By = "1", "ann"
			switch c.request.Revision {
			case "":
				c.request.Revision = "new"
			case "none":
				c.request.Revision = ""
			}
			seen.Request = c.request
			p := Next(s, seen, now)
			want := Answer{Verb: c.request.Verb, By: "ann", Accepted: c.yes, Message: c.message, At: now}
			if p.Status.Answer != want || p.Status.Answered != "1" {
				t.Errorf("answer %+v\nwant   %+v", p.Status.Answer, want)
			}
			if p.Status.Step != c.at {
				t.Errorf("at step %d, not %d; notes %v", p.Status.Step, c.at, p.Notes)
			}
			note := map[bool]Note{
				true:  {Reason: "RequestAccepted", Message: string(c.request.Verb) + ": " + c.message},
				false: {Reason: "RequestRefused", Message: string(c.request.Verb) + ": " + c.message, Warning: true},
			}[c.yes]
			if !slices.Contains(p.Notes, note) {
				t.Errorf("notes %+v, without %+v", p.Notes, note)
			}
		})
	}
}

// stepsChanged puts another first step in the place of the one that was passed.
func stepsChanged(s *Spec, _ *Observed) {
	s.Steps = append([]Step{{Kind: StepSetWeight, Weight: 10, Key: "10"}}, s.Steps[1:]...)
}

// weightOnItsWay is a first step whose weight is asked for, and not acknowledged.
func weightOnItsWay(_ *Spec, o *Observed) {
	o.Routes[0].Acknowledged, o.State.Traffic.AckedAt = false, time.Time{}
}

// firstOne is a Rollout whose first revision is on its way.
func firstOne(_ *Spec, o *Observed) {
	o.State = State{ReleaseStarted: ago(time.Second)}
	o.ReplicaSets = []ReplicaSet{{Revision: "new", Number: 1, Desired: 5, Pods: 5, Available: 2, Settled: true}}
	o.Stable, o.Canary, o.Routes = Service{Named: true, Endpoints: []Endpoints{{"new", 2}}}, Service{Named: true}, nil
}

// TestNobodyAsks: an id that is not set is no request, whatever else there is.
func TestNobodyAsks(t *testing.T) {
	seen := releasing(1)
	seen.State.Answered, seen.Request = "7", Request{Verb: VerbAbort, Revision: "new"}
	if p := Next(spec(), seen, now); p.Status.Candidate != "new" || p.Status.Answered != "7" || len(p.Notes) > 0 {
		t.Errorf("%+v, notes %v", p.Status, p.Notes)
	}
}

// TestWhoAborts: the history names who asked for it, and why.
func TestWhoAborts(t *testing.T) {
	for want, r := range map[string]Request{
		"somebody asked for it":          {},
		"ann asked for it":               {By: "ann"},
		"ann asked for it: too many 5xx": {By: "ann", Reason: "too many 5xx"},
		"somebody asked for it: slow":    {Reason: "slow"},
	} {
		r.ID, r.Verb, r.Revision = "1", VerbAbort, "new"
		seen := releasing(1)
		seen.Request = r
		if p := Next(spec(), seen, now); p.Status.Abort.Message != want || len(p.Ended) != 1 || p.Ended[0].Message != want {
			t.Errorf("abort %+v, ended %+v, want %q", p.Status.Abort, p.Ended, want)
		}
	}
}

// TestPromoteEndsWhatHolds: a promote takes back a pause that somebody asked for, and waives the doubt of an analysis in
// the background for the rest of the release.
func TestPromoteEndsWhatHolds(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Spec, *Observed)
		waived bool
	}{
		"a pause":          {pausedByRequest, false},
		"a doubt":          {backgroundDoubt, true},
		"both":             {all(pausedByRequest, backgroundDoubt), true},
		"a doubt, waived":  {all(pausedByRequest, backgroundDoubt, func(_ *Spec, o *Observed) { o.State.BackgroundWaived = true }), true},
		"a pause, and old": {all(pausedByRequest, func(_ *Spec, o *Observed) { o.State.BackgroundWaived = true }), true},
	} {
		t.Run(name, func(t *testing.T) {
			s, seen := spec(), releasing(0)
			c.change(&s, &seen)
			seen.Request = Request{ID: "1", Verb: VerbPromote, Revision: "new"}
			p := Next(s, seen, now)
			if p.Status.Paused || p.Status.BackgroundWaived != c.waived || p.Status.Step != 1 {
				t.Errorf("paused %v, waived %v, at step %d; notes %v", p.Status.Paused, p.Status.BackgroundWaived, p.Status.Step, p.Notes)
			}
		})
	}
}

// TestJumpEndsAFullPromotion: who jumps wants the steps again.
func TestJumpEndsAFullPromotion(t *testing.T) {
	seen := releasing(2)
	seen.State.Mode = ModeFull
	seen.Request = Request{ID: "1", Verb: VerbJump, Revision: "new", Step: 2, To: 1}
	if p := Next(spec(), seen, now); p.Status.Mode != ModeSteps || p.Status.Step != 1 || p.Summary.Phase != Paused {
		t.Errorf("mode %q at step %d: %+v", p.Status.Mode, p.Status.Step, p.Summary)
	}
}
