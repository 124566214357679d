package model

import (
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// Transition is one thing that may happen in a world, by its name.
type Transition struct {
	Name string
	// Fair says that it happens sooner or later by itself; the others are the adversary's.
	Fair bool
	// Tick says that nothing but time passes.
	Tick bool
	// Plan is what the controller decides, where it does.
	Plan *plan.Plan
	next World
}

// Transitions are all that may happen next. The fair ones are in the order in which a fair world takes them.
func (w *World) Transitions() []Transition {
	moves := w.moves(nil)
	out := make([]Transition, len(moves))
	for i := range moves {
		m := &moves[i]
		out[i] = Transition{Name: w.name(m), Fair: m.fair, Tick: m.do == passTick, Plan: m.plan, next: *w}
		if !m.fair {
			out[i].next.pay(m)
		}
		out[i].next.take(m)
	}
	return out
}

// Next is the world after a transition.
func (t *Transition) Next() World { return t.next }

// FairStep is the first fair transition that leads to another state; none when the world is at rest.
func (w *World) FairStep() (Transition, bool) {
	key := w.Key()
	for _, t := range w.Transitions() {
		if t.Fair && t.next.Key() != key {
			return t, true
		}
	}
	return Transition{}, false
}

// Replay lets transitions happen by their names, in a world from the start of a scope, and returns what is wrong on the
// way, as Explore says it; the error says which transition is not possible.
func Replay(scope *Scope, names []string) (trouble string, err error) {
	w := Start(scope)
	enc := encoder{}
	for i, name := range names {
		moves := w.moves(nil)
		if trouble := w.check(moves); trouble != "" {
			return trouble, nil
		}
		m := w.named(moves, name)
		if m == nil {
			return "", fmt.Errorf("line %d: %q is not possible; what is: %s", i+1, name, w.names(moves))
		}
		next := w
		if !m.fair {
			next.pay(m)
		}
		next.take(m)
		if trouble := checkMove(&w, m, &next, enc.key(&w) == enc.key(&next)); trouble != "" {
			return trouble, nil
		}
		w = next
	}
	if trouble := w.check(w.moves(nil)); trouble != "" {
		return trouble, nil
	}
	if _, more := w.FairStep(); !more {
		return w.unsettled(), nil
	}
	return "", nil
}

func (w *World) named(moves []move, name string) *move {
	for i := range moves {
		if w.name(&moves[i]) == name {
			return &moves[i]
		}
	}
	return nil
}

func (w *World) names(moves []move) string {
	names := make([]string, len(moves))
	for i := range moves {
		names[i] = w.name(&moves[i])
	}
	return strings.Join(names, ", ")
}
