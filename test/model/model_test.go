package model

import (
	"testing"
)

func TestModel(t *testing.T) {
	for _, scope := range Scopes() {
		t.Run(scope.Name, func(t *testing.T) {
			t.Parallel()
			result := Explore(&scope)
			t.Log(result)
			if result.Trouble != "" {
				t.Fail()
			}
		})
	}
}
