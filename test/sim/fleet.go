package sim

import "math/rand/v2"

// Fleet is many Rollouts side by side.
type Fleet struct {
	// Seed makes the same fleet again. The life with number i in it has the seed Seed + i.
	Seed uint64

	lives  []*Life
	chance *rand.Rand
	tally  *Tally
}

// NewFleet begins lives side by side, whose counts are added up in a tally.
func NewFleet(seed uint64, size int, tally *Tally) *Fleet {
	f := &Fleet{Seed: seed, chance: rand.New(rand.NewPCG(seed, 0xf1ee7)), tally: tally} //nolint:gosec // the same each time, by its seed
	tally.Fleets++
	for i := range uint64(size) {
		f.lives = append(f.lives, Begin(seed+i, tally))
	}
	return f
}

// Live until all have ended, one step of one of them at a time, and return those that ended badly.
func (f *Fleet) Live(stopped func() bool) (bad []*Life) {
	for len(f.lives) > 0 && !stopped() {
		i := f.chance.IntN(len(f.lives))
		// A few steps in a row are as good, and kinder to caches.
		for range 1 + f.chance.IntN(20) {
			if f.lives[i].Step() {
				continue
			}
			if f.lives[i].Trouble != "" {
				bad = append(bad, f.lives[i])
			}
			f.lives[i] = f.lives[len(f.lives)-1]
			f.lives = f.lives[:len(f.lives)-1]
			break
		}
	}
	return bad
}
