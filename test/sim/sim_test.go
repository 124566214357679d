package sim

import (
	"flag"
	"hash/fnv"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	duration = flag.Duration("duration", 4*time.Second, "how long fleets are begun for")
	seed     = flag.Uint64("seed", 0, "live the one life with this seed, and print it; 0 means fleets")
	first    = flag.Uint64("first", 1, "the seed of the first fleet")
	side     = flag.Int("size", 50, "how many Rollouts there are in a fleet")
)

// tries is how often a trace of a life that ended badly is tried to be made shorter.
const tries = 4000

// gap is between the seeds of two fleets: no two share a life.
const gap = 10_000

// TestFleets lets fleets live for a while, two at a time on two cores.
func TestFleets(t *testing.T) {
	if *seed != 0 {
		alone(t, *seed)
		return
	}
	until := time.Now().Add(*duration)
	total := NewTally()
	var lock sync.Mutex
	var next atomic.Uint64
	var failed atomic.Bool
	var fleets sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		fleets.Go(func() {
			for time.Now().Before(until) && !failed.Load() {
				tally := NewTally()
				fleet := NewFleet(*first+gap*(next.Add(1)-1), *side, tally)
				bad := fleet.Live(failed.Load)
				lock.Lock()
				total.Add(tally)
				for _, l := range bad {
					failed.Store(true)
					report(t, l)
				}
				lock.Unlock()
			}
		})
	}
	fleets.Wait()
	t.Logf("fleets of %d from seed %d:\n%s", *side, *first, total)
	if total.Lives >= 400 {
		for _, missing := range total.Missing() {
			t.Errorf("nothing has come to the %s: the simulation does not exercise it", missing)
		}
	}
}

func report(t *testing.T, l *Life) {
	t.Helper()
	t.Errorf("a Rollout with %d steps behind it: %s\nagain: go test ./test/sim -v -seed %d", len(l.trace), l.Trouble, l.Seed)
}

// alone lives one life, and makes what went wrong in it short.
func alone(t *testing.T, seed uint64) {
	t.Helper()
	l := Begin(seed, NewTally())
	for l.Step() {
	}
	t.Logf("%d steps\n%s", len(l.trace), l.tally)
	if l.Trouble == "" {
		t.Log(describe(l.scope))
		return
	}
	l.trace, l.tail = shrink(l.scope, l.trace, l.Trouble, tries)
	t.Error(l.Story())
}

// TestALifeIsTheSameAlone begins lives in a fleet and alone: what one Rollout does must not depend on others, nor on
// anything but its seed.
func TestALifeIsTheSameAlone(t *testing.T) {
	const n = 8
	start := rand.New(rand.NewPCG(7, 7)).Uint64N(1 << 30)
	fleet := NewFleet(start, n, NewTally())
	together := append([]*Life{}, fleet.lives...)
	fleet.Live(func() bool { return false })
	for _, l := range together {
		single := Begin(l.Seed, NewTally())
		for single.Step() {
		}
		if digest(single) != digest(l) {
			t.Errorf("the life with seed %d is another one alone", l.Seed)
		}
	}
}

func digest(l *Life) uint64 {
	h := fnv.New64a()
	for _, name := range append(l.trace, l.Trouble) {
		h.Write([]byte(name + "\n"))
	}
	return h.Sum64()
}
