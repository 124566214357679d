package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// heapFloor is up to what size the heap grows between two collections where twice what is in use is less. Go collects when
// the heap has doubled; that of a small fleet doubles many times a second while it is released, and collecting it is then a
// quarter of all that the controller does. A large fleet takes no more memory than before.
const heapFloor = 48 << 20

// Bounds of the percentage by which the heap grows between two collections; the least is Go's own default.
const (
	leastGrowth = 100
	mostGrowth  = 1000
)

// keepHeapAbove lets the heap grow to at least floor bytes between collections, from now on. It leaves a process alone
// that was told by GOGC how often to collect; GOMEMLIMIT holds in any case.
func keepHeapAbove(floor uint64) {
	if os.Getenv("GOGC") == "" {
		adaptGrowth(floor)
	}
}

// adaptGrowth sets the growth by what the last collection has left, and does so again after the next one.
func adaptGrowth(floor uint64) {
	debug.SetGCPercent(growthTo(floor, liveHeap()))
	runtime.AddCleanup(&collected{}, adaptGrowth, floor)
}

// collected is unreachable at once, so that its cleanup tells of the next collection. It holds a pointer since those without
// may share their memory with others that live on.
type collected struct{ _ *collected }

// liveHeap is what the last collection has found to be in use, in bytes.
func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// growthTo is by how many percent a heap has to grow to reach a size.
func growthTo(floor, live uint64) int {
	if live == 0 {
		return mostGrowth
	}
	return int(max(leastGrowth, min(mostGrowth, (max(floor, live)-live)*100/live)))
}
