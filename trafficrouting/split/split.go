package split

import "slices"

const (
	// MaxWeight is the highest weight that Gateway API allows.
	MaxWeight = 1_000_000
	// scale is what the user's weights are multiplied by, so that a percentage of each is a whole number.
	scale = 100
	// finest is the number of units below which a share would no longer read back as the percentage that was asked for.
	finest = 200
)

// Weights are the weights of one rule's backends.
type Weights struct {
	// Stable are those of the backends that name the stable Service: mostly one.
	Stable []int64
	// Canary are those of the canary Service, one for each of Stable.
	Canary []int64
	// Other are those of all other backends.
	Other []int64
}

// Equal says whether both have the same weights.
func (w Weights) Equal(o Weights) bool {
	return slices.Equal(w.Stable, o.Stable) && slices.Equal(w.Canary, o.Canary) && slices.Equal(w.Other, o.Other)
}

// Divide gives percent (0 to 100; what lies outside is brought inside) of each stable weight to the canary.
//
// A stable backend that is alone in its rule gets 100-percent and its canary percent. With other backends, or several
// stable ones, all proportions stay as they were: others x 100, stable W x (100-percent), canary W x percent; where that
// would exceed MaxWeight the factor is smaller and shares are rounded, but never to none or all. A stable weight of 0
// stays 0: the user sends nothing there, and neither does a release.
func Divide(stable, other []int64, percent int32) Weights {
	percent = min(max(percent, 0), 100)
	w := Weights{Stable: make([]int64, len(stable)), Canary: make([]int64, len(stable)), Other: make([]int64, len(other))}
	if lone(stable, other) {
		if stable[0] > 0 {
			w.Stable[0], w.Canary[0] = int64(100-percent), int64(percent)
		}
		return w
	}
	factor := factorFor(stable, other)
	for i, weight := range stable {
		total := clamp(weight) * factor
		w.Canary[i] = portion(total, percent)
		w.Stable[i] = total - w.Canary[i]
	}
	for i, weight := range other {
		w.Other[i] = clamp(weight) * factor
	}
	return w
}

// Divisible says whether every percentage of the stable weights can be written so that it reads back as the same
// percentage. It cannot where the weights of one rule lie so far apart that MaxWeight leaves no room.
func Divisible(stable, other []int64) bool {
	if lone(stable, other) {
		return true
	}
	factor := factorFor(stable, other)
	return factor == scale || !slices.ContainsFunc(stable, func(weight int64) bool {
		return weight > 0 && clamp(weight)*factor < finest
	})
}

// Recover finds the user's weights from which Divide made w at percent. ok is false when w is not the result of Divide.
// For a lone stable backend the original cannot be known, and 1 stands for every weight but 0.
func Recover(w Weights, percent int32) (stable, other []int64, ok bool) {
	if len(w.Canary) != len(w.Stable) {
		return nil, nil, false
	}
	stable, other = make([]int64, len(w.Stable)), make([]int64, len(w.Other))
	for i := range w.Stable {
		stable[i] = (w.Stable[i] + w.Canary[i]) / scale
	}
	for i, weight := range w.Other {
		other[i] = weight / scale
	}
	return stable, other, Divide(stable, other, percent).Equal(w)
}

// Share is the canary's share in percent of what goes to the two Services together, rounded, but to 0 only where the
// canary gets nothing and to 100 only where the stable gets nothing. ok is false when both get nothing.
func Share(stable, canary []int64) (percent int32, ok bool) {
	s, c := sum(stable), sum(canary)
	switch {
	case s == 0 && c == 0:
		return 0, false
	case c == 0:
		return 0, true
	case s == 0:
		return 100, true
	}
	total := s + c
	return int32(min(max((c*100+total/2)/total, 1), 99)), true
}

// lone says whether a single stable backend is all that the rule has.
func lone(stable, other []int64) bool { return len(stable) == 1 && len(other) == 0 }

// factorFor is what the weights are multiplied by: scale, or what keeps the highest within MaxWeight.
func factorFor(stable, other []int64) int64 {
	var highest int64 = 1
	for _, weights := range [][]int64{stable, other} {
		for _, weight := range weights {
			highest = max(highest, clamp(weight))
		}
	}
	return min(scale, MaxWeight/highest)
}

// portion is percent of total, rounded, but never to none or all of it where it can be divided at all.
func portion(total int64, percent int32) int64 {
	p := (total*int64(percent) + 50) / 100
	if percent > 0 && percent < 100 && total > 1 {
		p = min(max(p, 1), total-1)
	}
	return p
}

func clamp(weight int64) int64 { return min(max(weight, 0), MaxWeight) }

func sum(weights []int64) (total int64) {
	for _, weight := range weights {
		total += clamp(weight)
	}
	return total
}
