package plan

import (
	"strings"
	"testing"
	"time"
)

// waitingForPods is a release whose second of five pods has been missing for a time, at weight 100.
func waitingForPods(since time.Duration) func(*Spec, *Observed) {
	return func(s *Spec, o *Observed) {
		s.Steps = []Step{{Kind: StepSetWeight, Weight: 100, Key: "100"}}
		o.State.PassedSteps, o.State.StepStarted, o.State.ProgressedAt = "", ago(since), ago(since)
		o.ReplicaSets[1].Desired, o.ReplicaSets[1].Pods = 5, 5
	}
}

// silentGateway is a release whose weight has not been acknowledged for a time.
func silentGateway(since time.Duration) func(*Spec, *Observed) {
	return func(_ *Spec, o *Observed) {
		o.State.StepStarted, o.State.ProgressedAt = ago(since), ago(since)
		o.State.Traffic.AckedAt, o.Routes[0].Acknowledged = time.Time{}, false
	}
}

// TestDeadline: when a release is stuck, what is said of it, and whether it is aborted.
func TestDeadline(t *testing.T) {
	aborts := func(s *Spec, _ *Observed) { s.ProgressDeadlineAbort = true }
	opening := func(available int32, settled bool) func(*Spec, *Observed) {
		return func(s *Spec, o *Observed) {
			s.Steps = s.Steps[1:] // a pause comes first: no weight is asked for
			firstOne(s, o)
			o.State.ReleaseStarted, o.State.MostAvailable = ago(time.Hour), available
			o.ReplicaSets[0].Available, o.ReplicaSets[0].Settled = available, settled
		}
	}
	const missing = "no further pod became available for 10m0s: 1 of 5 available"
	const silent = "weight 20 has not been acknowledged for 10m0s"
	for name, c := range map[string]struct {
		change func(*Spec, *Observed)
		says   string
		aborts bool
	}{
		"pods are missing":                 {waitingForPods(10 * time.Minute), missing, false},
		"a moment before":                  {waitingForPods(10*time.Minute - 1), "", false},
		"pods are missing, and it aborts":  {all(waitingForPods(10*time.Minute), aborts), missing, true},
		"a gateway is silent":              {silentGateway(10 * time.Minute), silent, false},
		"a gateway is silent, it aborts":   {all(silentGateway(10*time.Minute), aborts), silent, true},
		"the step has just begun":          {all(waitingForPods(time.Hour), func(_ *Spec, o *Observed) { o.State.StepStarted = ago(time.Minute) }), "", false},
		"a pod has just become available":  {all(waitingForPods(time.Hour), func(_ *Spec, o *Observed) { o.State.ProgressedAt = ago(time.Minute) }), "", false},
		"one becomes available":            {all(waitingForPods(time.Hour), func(_ *Spec, o *Observed) { o.ReplicaSets[1].Available = 2 }), "", false},
		"no deadline":                      {all(waitingForPods(time.Hour), func(s *Spec, _ *Observed) { s.ProgressDeadline = 0 }), "", false},
		"held by a person":                 {all(waitingForPods(time.Hour), pausedByRequest), "", false},
		"held by a doubt":                  {all(waitingForPods(time.Hour), backgroundDoubt), "", false},
		"it was paused until now":          {all(waitingForPods(time.Hour), func(_ *Spec, o *Observed) { o.State.PausedSince = ago(time.Minute) }), "", false},
		"the first revision":               {opening(1, true), missing, false},
		"the first revision is not undone": {all(opening(1, true), aborts), missing, false},
		"the first revision has its pods":  {opening(5, false), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			s, seen := spec(), releasing(0)
			c.change(&s, &seen)
			p := Next(s, seen, now)
			stuck := p.Summary.Phase == Degraded && strings.Contains(p.Summary.Message, c.says)
			if stuck != (c.says != "") {
				t.Errorf("%+v", p.Summary)
			}
			if aborted := p.Status.Abort.Reason == "ProgressDeadlineExceeded" && p.Status.Abort.Message == c.says && p.Status.Rejected[0] == "new"; aborted != c.aborts {
				t.Errorf("%+v, rejected %v", p.Status.Abort, p.Status.Rejected)
			}
			if !c.aborts && len(p.Status.Rejected) > 0 {
				t.Errorf("rejected %v", p.Status.Rejected)
			}
		})
	}
}

// TestProgressIsWrittenSeldom: a pod more is written when a tenth of the deadline has passed since the last one, or with
// the next change.
func TestProgressIsWrittenSeldom(t *testing.T) {
	more := func(_ *Spec, o *Observed) { o.ReplicaSets[1].Available = 2 }
	for name, c := range map[string]struct {
		change func(*Spec, *Observed)
		want   int32
	}{
		"soon":                     {waitingForPods(time.Minute - 1), 1},
		"a tenth later":            {waitingForPods(time.Minute), 2},
		"soon, with a change":      {all(waitingForPods(time.Second), func(_ *Spec, o *Observed) { o.Request = Request{ID: "1", Verb: "sing"} }), 2},
		"soon, with the step done": {all(waitingForPods(time.Second), func(s *Spec, _ *Observed) { s.Steps[0].Weight = 20 }), 2},
	} {
		t.Run(name, func(t *testing.T) {
			s, seen := spec(), releasing(0)
			all(c.change, more)(&s, &seen)
			if c.want == 1 {
				// Whatever else changes would be written as well.
				seen.State = Next(s, seen, now).Status
				seen.State.MostAvailable, seen.State.ProgressedAt = 1, ago(time.Minute-1)
			}
			if p := Next(s, seen, now); p.Status.MostAvailable != c.want {
				t.Errorf("%d pods are written, not %d: %+v, notes %v", p.Status.MostAvailable, c.want, p.Status, p.Notes)
			}
		})
	}
}
