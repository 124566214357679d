package faultgateway

import (
	"math/rand/v2"
	"sync"
)

// dice draws numbers; the same seed draws the same ones.
type dice struct {
	mu     sync.Mutex
	source *rand.Rand
}

func newDice(seed uint64) *dice {
	return &dice{source: rand.New(rand.NewPCG(seed, 0))} //nolint:gosec // Which backend a request goes to is no secret.
}

// draw gives a number from 0 to n-1.
func (d *dice) draw(n int64) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.source.Int64N(n)
}
