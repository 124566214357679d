package explore

import (
	"testing"

	"github.com/sluicehq/sluice/test/model"
	"github.com/sluicehq/sluice/test/sim"
)

// states is how many of each of the model's quick scopes are explored.
const states = 300

func TestScopes(t *testing.T) {
	for _, scope := range model.Quick() {
		t.Run(scope.Name, func(t *testing.T) {
			scope.MaxStates = states
			if result := model.Explore(&scope); result.Trouble != "" {
				t.Fatal(result)
			}
		})
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
