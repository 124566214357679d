package trafficroutingtest

import (
	"strings"
	"testing"
	"time"
)

func TestFits(t *testing.T) {
	for name, tc := range map[string]struct {
		want   shares
		counts map[string]int
		fits   bool
	}{
		"exact":                       {shares{Stable: 100}, map[string]int{Stable: 400}, true},
		"one of another":              {shares{Stable: 100}, map[string]int{Stable: 399, Canary: 1}, false},
		"half":                        {shares{Stable: 50, Canary: 50}, map[string]int{Stable: 215, Canary: 185}, true},
		"far from half":               {shares{Stable: 50, Canary: 50}, map[string]int{Stable: 260, Canary: 140}, false},
		"one percent":                 {shares{Stable: 99, Canary: 1}, map[string]int{Stable: 397, Canary: 3}, true},
		"none where there is one":     {shares{Stable: 99, Canary: 1}, map[string]int{Stable: 400}, false},
		"three":                       {shares{Stable: 37.5, Canary: 37.5, Other: 25}, map[string]int{Stable: 150, Canary: 155, Other: 95}, true},
		"the third has lost its part": {shares{Stable: 37.5, Canary: 37.5, Other: 25}, map[string]int{Stable: 200, Canary: 200}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := tc.want.fits(tc.counts); (err == nil) != tc.fits {
				t.Errorf("fits %v: %v", tc.fits, err)
			}
		})
	}
}

func TestConfig(t *testing.T) {
	clock := func() time.Time { return time.Time{} }
	for says, config := range map[string]Config{
		"":                   {Now: clock, Settle: 1},
		"Now is missing":     {Settle: 1},
		"Settle":             {Now: clock},
		"Requests is 5":      {Now: clock, Settle: 1, Requests: 5},
		"no case of \"all\"": {Now: clock, Settle: 1, Cases: []string{"all"}},
	} {
		completed, err := config.complete()
		if says == "" && (err != nil || completed.Requests != 1000 || completed.Within <= 0) || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%q: %+v, %v", says, completed, err)
		}
	}
}
