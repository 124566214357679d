package model

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// indifferent are the fields of the engine's state on which no decision rests but by what else is in the key: what was
// answered and said, since when for people, and what names runs (of which the key has which they are).
var indifferent = []string{
	"ReleaseStarted", "PausedFor", "RestartedAt", "Answer", "Answered",
}

// A field that the key does not know would make the model take two worlds for one.
func TestKeyKnowsTheState(t *testing.T) {
	scope := Scope{Strategies: []Strategy{routed}, Replicas: 1, Settle: 2}
	w := Start(&scope)
	w.State = &plan.State{Candidate: "B"}
	base := w.Key()
	state := reflect.ValueOf(w.State).Elem()
	for i := range state.NumField() {
		name := state.Type().Field(i).Name
		if slices.Contains(indifferent, name) {
			continue
		}
		changed, state := w, *w.State
		changed.State = &state
		change(t, reflect.ValueOf(&state).Elem().Field(i))
		if changed.Key() == base {
			t.Errorf("the key does not tell State.%s", name)
		}
	}
}

func change(t *testing.T, v reflect.Value) {
	t.Helper()
	if _, is := reflect.TypeAssert[time.Time](v); is {
		v.Set(reflect.ValueOf(epoch))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int32, reflect.Int64:
		v.SetInt(v.Int() + 1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case reflect.Struct:
		change(t, v.Field(0))
	default:
		t.Fatalf("no way to change a %s", v.Type())
	}
}
