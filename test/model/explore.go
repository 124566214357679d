package model

import (
	"fmt"
	"slices"
	"strings"
)

// Result is what an exploration found.
type Result struct {
	States, Transitions int
	// Trouble says what is wrong, with the shortest way there; empty when nothing is.
	Trouble string
	// Complete says that every state was visited.
	Complete bool
}

type visit struct {
	from Key
	name string
}

type explorer struct {
	seen    map[Key]visit
	settled map[Key]bool
	result  Result
}

// Explore visits every state that can be reached, breadth first, and stops at the first trouble.
func Explore(scope *Scope, start World) Result {
	x := &explorer{seen: map[Key]visit{}, settled: map[Key]bool{}}
	first := start.Key()
	x.seen[first] = visit{}
	queue := []World{start}
	for len(queue) > 0 {
		w := queue[0]
		queue = queue[1:]
		key := w.Key()
		if trouble := x.visit(w); trouble != "" {
			x.result.Trouble = trouble + x.path(key)
			return x.finish(false)
		}
		for _, t := range w.Transitions() {
			x.result.Transitions++
			next := t.Next.Key()
			if trouble := step(w, t.Next); trouble != "" {
				x.result.Trouble = trouble + x.path(key) + "\n  " + t.Name
				return x.finish(false)
			}
			if _, ok := x.seen[next]; ok {
				continue
			}
			x.seen[next] = visit{from: key, name: t.Name}
			queue = append(queue, t.Next)
		}
		if scope.MaxStates > 0 && len(x.seen) >= scope.MaxStates {
			return x.finish(false)
		}
	}
	return x.finish(true)
}

func (x *explorer) finish(complete bool) Result {
	x.result.States, x.result.Complete = len(x.seen), complete
	return x.result
}

// step checks one transition.
func step(before, after World) string {
	if harm := Harm(before, after); harm != "" {
		return harm
	}
	if StepWentBack(before, after) {
		return fmt.Sprintf("step %d -> %d of the same release", before.State.Step, after.State.Step)
	}
	return ""
}

// visit checks one state: the plan's invariants, and that a fair world comes to rest from here.
func (x *explorer) visit(w World) string {
	if len(w.Pending) == 0 {
		if broken := w.BrokenInvariants(); len(broken) > 0 {
			return "invariant: " + strings.Join(broken, "; ")
		}
	}
	return x.settles(w)
}

const patience = 2000

// settles follows the fair transitions, always the first one that changes anything, until a state from which it is
// known that the world comes to rest.
func (x *explorer) settles(w World) string {
	var walked []Key
	on := map[Key]bool{}
	for range patience {
		key := w.Key()
		if x.settled[key] {
			break
		}
		walked = append(walked, key)
		next, ok := w.FairStep()
		if !ok {
			if trouble := w.Unsettled(); trouble != "" {
				return "comes to rest wrongly: " + trouble
			}
			break
		}
		if on[key] {
			return "goes round in circles: " + next.Name
		}
		on[key] = true
		w = next.Next
	}
	if len(walked) == patience {
		return "does not come to rest"
	}
	for _, key := range walked {
		x.settled[key] = true
	}
	return ""
}

// FairStep is the first fair transition that leads to another state; none when the world is at rest.
func (w World) FairStep() (Transition, bool) {
	key := w.Key()
	for _, t := range w.Transitions() {
		if t.Fair && t.Next.Key() != key {
			return t, true
		}
	}
	return Transition{}, false
}

func (x *explorer) path(key Key) string {
	var names []string
	for v := x.seen[key]; v.name != ""; v = x.seen[v.from] {
		names = append(names, v.name)
	}
	var b strings.Builder
	for _, name := range slices.Backward(names) {
		fmt.Fprintf(&b, "\n  %s", name)
	}
	return b.String()
}
