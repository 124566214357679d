package main

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// A small heap grows to the floor before it is collected; a large one doubles, as is Go's default.
func TestGrowth(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{
		{0, mostGrowth},
		{1 << 20, mostGrowth},
		{12 << 20, 300},
		{24 << 20, 100},
		{40 << 20, 100},
		{500 << 20, 100},
	} {
		if got := growthTo(48<<20, c.live); got != c.want {
			t.Errorf("%d bytes in use: %d %%, want %d %%", c.live, got, c.want)
		}
	}
}

// The growth follows what is in use, after each collection.
func TestGrowthFollowsTheHeap(t *testing.T) {
	before := debug.SetGCPercent(leastGrowth)
	t.Setenv("GOGC", "")
	keepHeapAbove(1 << 40)
	t.Cleanup(func() {
		t.Setenv("GOGC", "100")
		debug.SetGCPercent(before)
	})
	for deadline := time.Now().Add(10 * time.Second); ; {
		runtime.GC()
		if current := debug.SetGCPercent(leastGrowth); current == mostGrowth {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("a collection did not change the growth")
		}
	}
}
