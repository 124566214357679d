package model

import (
	"flag"
	"testing"
)

var limit = flag.Int("limit", 0, "explore at most so many states of each scope")

func TestModel(t *testing.T) {
	for _, scope := range Scopes() {
		t.Run(scope.Name, func(t *testing.T) {
			t.Parallel()
			scope.MaxStates = *limit
			result := Explore(&scope)
			t.Log(result)
			if result.Trouble != "" {
				t.Fail()
			}
		})
	}
}
