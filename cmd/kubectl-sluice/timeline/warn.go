package timeline

import (
	"fmt"

	"github.com/sluicehq/sluice/cmd/kubectl-sluice/lint"
	"github.com/sluicehq/sluice/controllers/rollout/forecast"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// toldAnyway says that a finding is told by the forecast itself, with its figures.
func (*builder) toldAnyway(f lint.Finding) bool { return f.Rule == lint.SurgeDoubles }

// warn says what a person should look at: how it ended, what it costs, and what lint finds in the Rollout.
func (b *builder) warn(found []lint.Finding) {
	f, totals := b.out.Forecast, b.out.Forecast.Totals
	say := func(format string, args ...any) {
		b.out.Warnings = append(b.out.Warnings, fmt.Sprintf(format, args...))
	}
	for _, broken := range f.Violations {
		say("the controller would break a rule of its own, which is a mistake in it; please report it: %s", broken)
	}
	switch f.Ending {
	case forecast.Endless:
		say("it is not at rest where the forecast ends: %s", f.Message)
	case forecast.Stuck:
		say("it ends stuck, and nothing ends that by itself: %s", f.Summary.Message)
	case forecast.WaitsForPerson:
		say("it ends waiting for a person: %s", f.Summary.Message)
	case forecast.AtRest:
	}
	if totals.WaitsForPersons > 0 && f.Ending != forecast.WaitsForPerson {
		say("it waits for a person %s: nothing goes on before somebody promotes", times(totals.WaitsForPersons))
	}
	if totals.Replicas > 1 && totals.PeakPods >= 2*totals.Replicas {
		say("at its peak it has %d pods, and %d at rest: see that the cluster has room for them", totals.PeakPods, totals.Replicas)
	}
	if least := b.least(); totals.LeastAvailable < least {
		say("for a time only %d of %d pods are available", totals.LeastAvailable, least)
	}
	for _, event := range f.Unused {
		say("%s never happened: its time did not come", event)
	}
	for _, f := range found {
		say("%s:%d: %s: %s", f.File, f.Line, f.Field, f.Message)
	}
}

// least is how many pods were there to begin with, where all of them stay wanted.
func (b *builder) least() int32 {
	if b.scenario.Before.Revision == "" {
		return 0
	}
	return min(b.scenario.Before.Replicas, b.scenario.After.Replicas)
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// Good says that the release ended with the wanted revision at rest.
func (t *Timeline) Good() bool {
	return t.Forecast.Ending == forecast.AtRest && t.Forecast.Summary.Phase == plan.Healthy
}

// Waits says that it ended waiting for a person.
func (t *Timeline) Waits() bool { return t.Forecast.Ending == forecast.WaitsForPerson }
