package model

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// A meter that cannot show a trouble proves nothing: each of these worlds or engines is broken in one way, and the model
// must find it.
func TestModelFinds(t *testing.T) {
	slow := func(s Scope) Scope { s.Lag = 2 * s.Settle; return s }
	hasty := func(s Scope) Scope { s.NoSettle = true; return s }
	spoiled := func(s Scope, next func(plan.Spec, plan.Observed, time.Time) plan.Plan) Scope { s.Next = next; return s }
	free := func(pods int32, s Strategy) Scope { return release(pods, 0, s) }
	for name, c := range map[string]struct {
		scope Scope
		want  string
	}{
		"a gateway that is slower than it is said to be": {slow(free(1, routed)), "behind which it knows no ready pod"},
		"a proxy that is slower than it is said to be":   {slow(free(1, activeOnly)), "that the data plane sends to the stable Service"},
		"weights that are not let settle":                {hasty(free(1, routed)), "behind which it knows no ready pod"},
		"a selector that is not let settle":              {hasty(free(1, activeOnly)), "that the data plane sends to the stable Service"},
		"numbers of pods without regard to what may be missing": {
			spoiled(free(2, replicas), func(s plan.Spec, o plan.Observed, now time.Time) plan.Plan {
				s.Unavailable = s.Replicas
				return plan.Next(s, o, now)
			}), "stay available",
		},
		"more pods than may be": {
			spoiled(free(2, stepless(bounded)), func(s plan.Spec, o plan.Observed, now time.Time) plan.Plan {
				s.Surge = plan.Unbounded
				return plan.Next(s, o, now)
			}), "of at most",
		},
		"a dynamic stable revision that goes too early": {
			spoiled(free(2, dynamic), func(s plan.Spec, o plan.Observed, now time.Time) plan.Plan {
				o.State.Traffic.Low = o.State.Traffic.Asked
				o.State.Traffic.High = o.State.Traffic.Asked
				return plan.Next(s, o, now)
			}), "pods of",
		},
		"a Service that is not pinned": {
			spoiled(free(1, routed), without(plan.PinService{Service: plan.StableService, Revision: "A"})), "",
		},
		"a route that is not restored":           {spoiled(free(1, routed), without(plan.RestoreRoutes{})), "rest"},
		"a Service that stays pinned":            {spoiled(free(1, activeOnly), without(plan.UnpinService{Service: plan.StableService})), "rest"},
		"a pause that holds nothing":             {spoiled(with(ChangePaused, gated), deaf), "while"},
		"a clock that is trusted":                {spoiled(with(MoveClock, gated), trusting), ""},
		"a status that is never the same":        {spoiled(free(1, routed), restless), "the status is written over and over"},
		"a release that goes back by itself":     {spoiled(free(1, gated), forgetful), "of the same release for no reason"},
		"an aborted revision that is tried anew": {spoiled(with(AskVerb, gated), stubborn), "though it is rejected"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.scope.MaxStates = 20_000
			result := Explore(&c.scope)
			if result.Trouble == "" {
				t.Fatalf("nothing was found: %s", result)
			}
			if !strings.Contains(result.Trouble, c.want) {
				t.Fatalf("found something else than %q: %s", c.want, result)
			}
			t.Logf("%d states: %.100s", result.States, result.Trouble)
		})
	}
}

// stepless takes the traffic over at once.
func stepless(s Strategy) Strategy {
	s.Steps = nil
	return s
}

// with is one pod and a move of the adversary.
func with(kinds Kinds, s Strategy) Scope {
	scope := release(1, 1, s)
	scope.Kinds = kinds
	return scope
}

// without is an engine that never does one thing.
func without(action plan.Action) func(plan.Spec, plan.Observed, time.Time) plan.Plan {
	return func(s plan.Spec, o plan.Observed, now time.Time) plan.Plan {
		p := plan.Next(s, o, now)
		p.Actions = slices.DeleteFunc(p.Actions, func(a plan.Action) bool { return a == action })
		return p
	}
}

// deaf does not hear that it is to pause.
func deaf(s plan.Spec, o plan.Observed, now time.Time) plan.Plan {
	s.Paused = false
	return plan.Next(s, o, now)
}

// trusting takes what is to come for what has been.
func trusting(s plan.Spec, o plan.Observed, now time.Time) plan.Plan {
	if o.State.StepStarted.After(now) {
		now = now.Add(time.Hour)
	}
	return plan.Next(s, o, now)
}

// restless writes another answer each time.
func restless(s plan.Spec, o plan.Observed, now time.Time) plan.Plan {
	p := plan.Next(s, o, now)
	p.Status.Answer.At = now
	return p
}

// forgetful falls back to the first step.
func forgetful(s plan.Spec, o plan.Observed, now time.Time) plan.Plan {
	p := plan.Next(s, o, now)
	if o.State.Step == 1 && p.Status.Candidate == o.State.Candidate {
		p.Status.Step = 0
	}
	return p
}

// stubborn releases what was aborted.
func stubborn(s plan.Spec, o plan.Observed, now time.Time) plan.Plan {
	p := plan.Next(s, o, now)
	if n := len(p.Status.Rejected); n > 0 && p.Status.Candidate == "" {
		p.Status.Candidate = p.Status.Rejected[n-1]
	}
	return p
}
