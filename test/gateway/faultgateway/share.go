package faultgateway

import (
	"math"
	"time"
)

// sigmas is how many standard deviations a share that is drawn may be off before it counts as another share.
const sigmas = 4.5

// Share counts the requests that are wanted among those that an app answered or should have, mirrored ones left out.
func Share(requests []Served, wanted func(Served) bool) (hits, total int) {
	for _, s := range requests {
		if s.Mirrored {
			continue
		}
		total++
		if wanted(s) {
			hits++
		}
	}
	return hits, total
}

// Reached says from when on the share of the wanted requests is percent (0 to 100): the first request such that it and the window
// after it, of so many requests, fit that share as chance allows, and at 0 and 100 exactly. ok is false when it never
// is. The difference to the moment at which a step's status changed is how long the gateway took to serve it.
func Reached(requests []Served, wanted func(Served) bool, percent float64, window int) (at time.Time, ok bool) {
	var own []Served
	for _, s := range requests {
		if !s.Mirrored {
			own = append(own, s)
		}
	}
	p := percent / 100
	allowed := sigmas * math.Sqrt(p*(1-p)*float64(window))
	hits := 0
	for i := range own {
		if wanted(own[i]) {
			hits++
		}
		if i >= window && wanted(own[i-window]) {
			hits--
		}
		if first := i - window + 1; first >= 0 && math.Abs(float64(hits)-p*float64(window)) <= allowed {
			return own[first].At, true
		}
	}
	return time.Time{}, false
}
