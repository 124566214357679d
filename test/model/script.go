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

// Script is a way through a scope as text, a transition a line, which ReplayScript takes.
func Script(scope *Scope, trace []string) string {
	return scopeLine + scope.Name + "\n" + strings.Join(trace, "\n") + "\n"
}

const scopeLine = "scope: "

// ReplayScript lets what a script says happen again, and then lets a fair world come to rest. It returns what is wrong on
// the way, as Explore says it. Where the engine now decides otherwise, so that a transition is not possible, the rest of
// the script is left out. Lines that begin with # are comments. The error says that the script cannot be read.
func ReplayScript(text string) (trouble string, err error) {
	var names []string
	var scope Scope
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		name, is := strings.CutPrefix(line, scopeLine)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case is:
			if scope, is = Named(name); !is {
				return "", fmt.Errorf("there is no scope %q", name)
			}
		default:
			names = append(names, line)
		}
	}
	if scope.Name == "" {
		return "", fmt.Errorf("the script does not begin with a line %q and the name of a scope", scopeLine)
	}
	return replay(&scope, names), nil
}

// patience is for how many moves a fair world may go on.
const patience = 5000

// replay takes the moves of a script while they are possible, and fair ones then.
func replay(scope *Scope, names []string) (trouble string) {
	walk := Walk{World: Start(scope)}
	for _, name := range names {
		choices, trouble := walk.Choices(true)
		if trouble != "" {
			return trouble
		}
		choice := 0
		for choice < len(choices) && walk.Name(choice) != name {
			choice++
		}
		if choice == len(choices) {
			break
		}
		if trouble := walk.Take(choice); trouble != "" {
			return trouble
		}
	}
	return walk.Settle(patience, func(string, Choice) {})
}
