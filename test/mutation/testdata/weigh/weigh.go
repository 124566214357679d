// Package weigh decides a little, in every form in which the mutants are looked for.
package weigh

import "time"

// Action is something to be done.
type Action interface{ act() }

// Set a weight.
type Set struct{ Percent int32 }

// Rest is the end.
type Rest struct{}

func (Set) act()  {}
func (Rest) act() {}

// Kind of a step.
type Kind string

// The kinds.
const (
	Weight Kind = "weight"
	Pause  Kind = "pause"
)

const most int32 = 100

const grace = 2 * time.Second

type engine struct {
	actions []Action
	notes   []string
	now     time.Time
	missing string
	done    bool
}

func (e *engine) do(a Action) { e.actions = append(e.actions, a) }

func (e *engine) note(text string, _ ...any) { e.notes = append(e.notes, text) }

// Next weight of a step, and what is done.
func Next(kind Kind, asked, ready int32, since, now time.Time) []Action {
	e := &engine{now: now}
	switch kind {
	case Weight:
		e.raise(asked, ready)
		e.rest()
	case Pause:
		if e.passed(since) {
			e.rest()
		}
	}
	e.note("decided")
	return e.actions
}

func (e *engine) raise(asked, ready int32) {
	share := min(asked, most)
	if e.missing = missing(ready, share); e.missing != "" && ready < 1 {
		return
	}
	e.do(Set{Percent: share})
	e.done = true
}

func (e *engine) rest() { e.do(Rest{}) }

func (e *engine) passed(since time.Time) bool {
	return !since.IsZero() && !e.now.Before(since.Add(grace))
}

func missing(ready, share int32) string {
	if ready > 0 || share == 0 {
		return ""
	}
	return "pods"
}
