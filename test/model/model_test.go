package model

import (
	"flag"
	"math/bits"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
)

var (
	pairs = flag.Bool("pairs", false, "explore the scopes of CI, with pairs of moves of the adversary: minutes")
	long  = flag.Bool("long", false, "explore every scope, with triples of moves of the adversary: hours")
	limit = flag.Int("limit", 0, "explore at most so many states of each scope; 0 means all")
	match = flag.String("scopes", "", "explore only the scopes whose name has this in it")
)

// fits is how many states of a scope a long run explores in full, so that two scopes side by side stay within some GiB;
// what is found beyond is still followed by fair moves to its end.
const fits = 15_000_000

// memory is how much the explorer may take before it collects garbage with more effort.
const memory = 10 << 30

func TestModel(t *testing.T) {
	// Nearly all that is made is kept, so that collecting often finds little.
	defer debug.SetGCPercent(debug.SetGCPercent(300))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(memory))
	scopes := Quick()
	switch {
	case *long:
		scopes = Deep()
		if *limit == 0 {
			*limit = fits
		}
	case *pairs:
		scopes = Scopes()
	}
	var all sums
	t.Run("scope", func(t *testing.T) {
		for _, scope := range scopes {
			if !strings.Contains(scope.Name, *match) {
				continue
			}
			t.Run(scope.Name, func(t *testing.T) {
				t.Parallel()
				scope.MaxStates = *limit
				result := Explore(&scope)
				all.add(&result)
				if result.Trouble != "" {
					t.Fatalf("%s\n\nThe same as a script:\n%s", result, Script(&scope, result.Trace))
				}
				t.Logf("%s; the adversary has %d moves of %d kinds", result, scope.Moves, kinds(&scope))
			})
		}
	})
	t.Logf("%d scopes, %d of them to their end: %d states, %d transitions", all.scopes, all.complete, all.states, all.transitions)
}

func kinds(scope *Scope) int {
	if scope.Moves == 0 {
		return 0
	}
	return bits.OnesCount32(uint32(scope.Kinds))
}

type sums struct {
	lock                                  sync.Mutex
	scopes, complete, states, transitions int
}

func (s *sums) add(r *Result) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.scopes++
	s.states += r.States
	s.transitions += r.Transitions
	if r.Complete {
		s.complete++
	}
}

// What was found once is looked at again: scripts of troubles that the engine has been mended for.
func TestReplays(t *testing.T) {
	files, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(file.Name(), func(t *testing.T) {
			text, err := os.ReadFile("testdata/" + file.Name())
			if err != nil {
				t.Fatal(err)
			}
			trouble, err := ReplayScript(string(text))
			if err != nil {
				t.Fatal(err)
			}
			if trouble != "" {
				t.Fatal(trouble)
			}
		})
	}
}
