package load

import (
	"math"
	"time"
)

// sigmas is how many standard deviations an observed share may be off: about seven in a million honest shares are
// further off than that.
const sigmas = 4.5

// Share counts, among the app's answers to requests that were due at or after from and before to, those of the version
// and all of them.
func Share(records []Record, version string, from, to time.Time) (hits, total int) {
	for _, r := range records {
		if r.Outcome != Answered || r.Due.Before(from) || !r.Due.Before(to) {
			continue
		}
		total++
		if r.Version == version {
			hits++
		}
	}
	return hits, total
}

// Tolerance is how far the number of hits among total may be from percent/100 x total if each request is drawn
// independently. At 0 and 100 percent there is nothing to draw, and it is 0.
func Tolerance(total, percent int) float64 {
	if percent <= 0 || percent >= 100 {
		return 0
	}
	p := float64(percent) / 100
	return sigmas*math.Sqrt(float64(total)*p*(1-p)) + 1
}

// Fits says whether hits among total is what a share of percent gives, within Tolerance. None of none fits nothing.
func Fits(hits, total, percent int) bool {
	if total == 0 {
		return false
	}
	expected := float64(total) * float64(percent) / 100
	return math.Abs(float64(hits)-expected) <= Tolerance(total, percent)
}
