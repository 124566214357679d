package explore

import (
	"slices"
	"testing"

	"github.com/sluicehq/sluice/test/model"
	"github.com/sluicehq/sluice/test/sim"
)

// names of the model's scopes that are explored, each for its first states.
var names = []string{
	"gated, 2 pods", "dynamic, 2 pods", "bounded, 2 pods", "replicas, 2 pods", "lean, 2 pods", "blue-green, 2 pods",
	"gated, every move", "routed blue-green, every move", "replicas, every move", "gated to blue-green",
}

const states = 1500

func TestScopes(t *testing.T) {
	found := 0
	for _, scope := range model.Scopes() {
		if !slices.Contains(names, scope.Name) {
			continue
		}
		found++
		t.Run(scope.Name, func(t *testing.T) {
			scope.MaxStates = states
			if result := model.Explore(&scope); result.Trouble != "" {
				t.Fatal(result)
			}
		})
	}
	if found != len(names) {
		t.Fatalf("the model has %d of the scopes %v: which are like the ones that are gone?", found, names)
	}
}

// lives is how many Rollouts are simulated.
const lives = 15

func TestLives(t *testing.T) {
	for seed := range uint64(lives) {
		l := sim.Begin(seed+1, sim.NewTally())
		for l.Step() {
		}
		if l.Trouble != "" {
			t.Fatal(l.Story())
		}
	}
}
