// Package traces plays releases in the model's world, in the order in which a fair world takes them, and keeps what the
// engine decided, with its reasons, as text that a person can review.
package traces

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/test/model"
)

// Script is a release: what the adversary does, each once the world has come to rest or waits.
type Script struct {
	Name  string
	Scope model.Scope
	// Do are the names of transitions, each taken as soon as it can be after the one before it has been taken.
	Do []string
}

const patience = 500

// Play returns the trace of a script, or an error that says which transition never became possible.
func Play(s Script) (string, error) {
	scope := s.Scope
	w := model.Start(&scope)
	start := w.Now
	var out strings.Builder
	todo := slices.Clone(s.Do)
	for range patience {
		t, ok := choose(w, &todo)
		if !ok {
			if len(todo) > 0 {
				return out.String(), fmt.Errorf("%s: %q never became possible", s.Name, todo[0])
			}
			return out.String(), nil
		}
		record(&out, w.Now.Sub(start), t)
		w = t.Next
	}
	return out.String(), fmt.Errorf("%s: does not come to rest", s.Name)
}

// choose takes the next transition of the script if it is possible now, and a fair one otherwise.
func choose(w model.World, todo *[]string) (model.Transition, bool) {
	if len(*todo) > 0 {
		for _, t := range w.Transitions() {
			if t.Name == (*todo)[0] {
				*todo = (*todo)[1:]
				return t, true
			}
		}
	}
	return w.FairStep()
}

func record(out *strings.Builder, at time.Duration, t model.Transition) {
	line := func(format string, args ...any) {
		fmt.Fprintf(out, "%4s  %s\n", at, fmt.Sprintf(format, args...))
	}
	if t.Plan == nil {
		if t.Name != "tick" {
			line("%s", t.Name)
		}
		return
	}
	for _, n := range t.Plan.Notes {
		line("* %s: %s", n.Reason, n.Message)
	}
	line("= %s: %s", t.Plan.Summary.Phase, t.Plan.Summary.Message)
}
