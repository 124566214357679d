package model

import (
	"flag"
	"testing"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

var long = flag.Bool("long", false, "explore every scope to its end; takes long")

var canary = []plan.Step{
	{Kind: plan.StepSetWeight, Weight: 50, Key: "50"},
	{Kind: plan.StepAnalysis, Key: "analysis"},
}

var paused = []plan.Step{
	{Kind: plan.StepSetWeight, Weight: 50, Key: "50"},
	{Kind: plan.StepPause, Indefinite: true, Key: "pause"},
}

func scopes() []Scope {
	return []Scope{
		{Name: "one release, crashes", Replicas: 1, Steps: canary, Revisions: []string{"B"}, Budget: Budget{SpecChanges: 1, Crashes: 1}},
		{Name: "one release, lagging caches", Replicas: 1, Steps: canary, Revisions: []string{"B"}, Budget: Budget{SpecChanges: 1}, LagCaches: true},
		{Name: "superseded and taken back", Replicas: 1, Steps: canary, Revisions: []string{"A", "B", "C"}, Budget: Budget{SpecChanges: 2}},
		{Name: "pods fail", Replicas: 1, Steps: canary, Revisions: []string{"B"}, Budget: Budget{SpecChanges: 1, Failures: 1}},
		{Name: "verbs", Replicas: 1, Steps: paused, Revisions: []string{"B"}, Budget: Budget{SpecChanges: 1, Requests: 2}},
		{Name: "status lost", Replicas: 1, Steps: canary, Revisions: []string{"B"}, Budget: Budget{SpecChanges: 1, Losses: 1}},
		{Name: "two pods", Replicas: 2, Steps: canary, Revisions: []string{"B"}, Budget: Budget{SpecChanges: 1}},
		{Name: "no pods", Replicas: 0, Steps: canary, Revisions: []string{"B", "A"}, Budget: Budget{SpecChanges: 2}},
	}
}

const shortStates = 60_000

func TestModel(t *testing.T) {
	for _, scope := range scopes() {
		t.Run(scope.Name, func(t *testing.T) {
			t.Parallel()
			if !*long {
				scope.MaxStates = shortStates
			}
			result := Explore(&scope, Start(&scope))
			t.Logf("%d states, %d transitions, complete: %v", result.States, result.Transitions, result.Complete)
			if result.Trouble != "" {
				t.Fatal(result.Trouble)
			}
		})
	}
}

// A meter that cannot show a loss proves nothing: a data plane that is slower than the engine was told must lose.
func TestModelFindsASlowGateway(t *testing.T) {
	scope := Scope{Replicas: 1, Steps: canary, Revisions: []string{"B"}, Budget: Budget{SpecChanges: 1}, Lag: 2 * settle}
	result := Explore(&scope, Start(&scope))
	t.Logf("%d states: %s", result.States, result.Trouble)
	if result.Trouble == "" {
		t.Fatal("no loss found with a gateway that is slower than settleSeconds")
	}
}

func TestModelOfCreation(t *testing.T) {
	scope := Scope{Replicas: 1, Steps: canary, Revisions: []string{"B"}, Budget: Budget{SpecChanges: 1}}
	if !*long {
		scope.MaxStates = shortStates
	}
	result := Explore(&scope, Create(&scope))
	t.Logf("%d states, %d transitions, complete: %v", result.States, result.Transitions, result.Complete)
	if result.Trouble != "" {
		t.Fatal(result.Trouble)
	}
}
