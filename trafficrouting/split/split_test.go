package split_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluicehq/sluice/trafficrouting/split"
)

func TestDivide(t *testing.T) {
	tests := map[string]struct {
		reason        string
		stable, other []int64
		percent       int32
		want          split.Weights
	}{
		"alone, none":   {"a share of 0 is exact", []int64{1}, nil, 0, split.Weights{Stable: []int64{100}, Canary: []int64{0}, Other: []int64{}}},
		"alone, some":   {"the weight of a lone backend means nothing", []int64{7}, nil, 20, split.Weights{Stable: []int64{80}, Canary: []int64{20}, Other: []int64{}}},
		"alone, all":    {"a share of 100 is exact", []int64{1}, nil, 100, split.Weights{Stable: []int64{0}, Canary: []int64{100}, Other: []int64{}}},
		"alone, off":    {"the user sends nothing here", []int64{0}, nil, 50, split.Weights{Stable: []int64{0}, Canary: []int64{0}, Other: []int64{}}},
		"with another":  {"9:1 stays 9:1", []int64{9}, []int64{1}, 20, split.Weights{Stable: []int64{720}, Canary: []int64{180}, Other: []int64{100}}},
		"another off":   {"a weight of 0 stays 0", []int64{1}, []int64{0}, 50, split.Weights{Stable: []int64{50}, Canary: []int64{50}, Other: []int64{0}}},
		"stable off":    {"nothing of nothing", []int64{0}, []int64{5}, 50, split.Weights{Stable: []int64{0}, Canary: []int64{0}, Other: []int64{500}}},
		"several":       {"each stable backend has its own canary", []int64{1, 3}, nil, 25, split.Weights{Stable: []int64{75, 225}, Canary: []int64{25, 75}, Other: []int64{}}},
		"large":         {"the factor is 20, so that 50000 stays within the bound", []int64{1000}, []int64{50_000}, 1, split.Weights{Stable: []int64{19_800}, Canary: []int64{200}, Other: []int64{1_000_000}}},
		"large, a bit":  {"rounded, but never to none", []int64{2}, []int64{1_000_000}, 1, split.Weights{Stable: []int64{1}, Canary: []int64{1}, Other: []int64{1_000_000}}},
		"below":         {"brought inside", []int64{1}, nil, -5, split.Weights{Stable: []int64{100}, Canary: []int64{0}, Other: []int64{}}},
		"above":         {"brought inside", []int64{1}, nil, 500, split.Weights{Stable: []int64{0}, Canary: []int64{100}, Other: []int64{}}},
		"nothing there": {"no stable backend, nothing to divide", nil, []int64{3}, 50, split.Weights{Stable: []int64{}, Canary: []int64{}, Other: []int64{300}}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, split.Divide(tc.stable, tc.other, tc.percent)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// weights draws one rule's weights as users write them, now and then with very large ones.
func weights(t *rapid.T) (stable, other []int64) {
	weight := rapid.OneOf(rapid.Int64Range(0, 100), rapid.Int64Range(0, split.MaxWeight))
	return rapid.SliceOfN(weight, 1, 3).Draw(t, "stable"), rapid.SliceOfN(weight, 0, 3).Draw(t, "other")
}

func TestDivideProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stable, other := weights(t)
		percent := rapid.Int32Range(0, 100).Draw(t, "percent")
		got := split.Divide(stable, other, percent)

		lone := len(stable) == 1 && len(other) == 0
		var factor int64
		for i := range stable {
			s, c := got.Stable[i], got.Canary[i]
			if s < 0 || c < 0 || s+c > split.MaxWeight {
				t.Fatalf("weights %d and %d are out of bounds", s, c)
			}
			if percent == 0 && c != 0 || percent == 100 && s != 0 {
				t.Fatalf("at %d percent the weights are %d and %d", percent, s, c)
			}
			if stable[i] == 0 && s+c != 0 {
				t.Fatalf("a weight of 0 became %d", s+c)
			}
			if stable[i] > 0 && !lone {
				if (s+c)%stable[i] != 0 || factor != 0 && (s+c)/stable[i] != factor {
					t.Fatalf("stable weight %d became %d, others were multiplied by %d", stable[i], s+c, factor)
				}
				factor = (s + c) / stable[i]
			}
			if stable[i] > 0 && split.Divisible(stable, other) {
				if read, ok := split.Share([]int64{s}, []int64{c}); !ok || read != percent {
					t.Fatalf("%d percent reads back as %d (%v)", percent, read, ok)
				}
			}
		}
		for i := range other {
			if other[i] > 0 && (got.Other[i]%other[i] != 0 || factor != 0 && got.Other[i]/other[i] != factor) {
				t.Fatalf("weight %d became %d, others were multiplied by %d", other[i], got.Other[i], factor)
			}
		}
	})
}

func TestRecoverUndoesDivide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weight := rapid.Int64Range(0, 10_000)
		stable, other := rapid.SliceOfN(weight, 1, 3).Draw(t, "stable"), rapid.SliceOfN(weight, 0, 3).Draw(t, "other")
		percent := rapid.Int32Range(0, 100).Draw(t, "percent")
		gotStable, gotOther, ok := split.Recover(split.Divide(stable, other, percent), percent)
		if !ok {
			t.Fatal("not recognised")
		}
		if len(stable) == 1 && len(other) == 0 {
			stable = []int64{min(stable[0], 1)} // Which one it was cannot be known.
		}
		if diff := cmp.Diff([][]int64{stable, append([]int64{}, other...)}, [][]int64{gotStable, gotOther}); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

func TestRecoverKnowsWhatIsNotOurs(t *testing.T) {
	for name, tc := range map[string]struct {
		weights split.Weights
		percent int32
	}{
		"another percentage":   {split.Weights{Stable: []int64{80}, Canary: []int64{20}}, 30},
		"the user's own":       {split.Weights{Stable: []int64{1}, Canary: []int64{0}}, 20},
		"one weight changed":   {split.Weights{Stable: []int64{720}, Canary: []int64{180}, Other: []int64{150}}, 20},
		"a canary is missing":  {split.Weights{Stable: []int64{720}, Other: []int64{100}}, 20},
		"shares are different": {split.Weights{Stable: []int64{80, 50}, Canary: []int64{20, 50}}, 20},
	} {
		t.Run(name, func(t *testing.T) {
			if stable, other, ok := split.Recover(tc.weights, tc.percent); ok {
				t.Errorf("taken for %v and %v", stable, other)
			}
		})
	}
}

func TestShare(t *testing.T) {
	tests := map[string]struct {
		stable, canary []int64
		want           int32
		ok             bool
	}{
		"nothing at all":        {[]int64{0}, nil, 0, false},
		"no canary":             {[]int64{1}, nil, 0, true},
		"all canary":            {[]int64{0}, []int64{1}, 100, true},
		"exact":                 {[]int64{80}, []int64{20}, 20, true},
		"rounded":               {[]int64{2}, []int64{1}, 33, true},
		"a trace is not none":   {[]int64{999_999}, []int64{1}, 1, true},
		"nearly all is not all": {[]int64{1}, []int64{999_999}, 99, true},
		"several":               {[]int64{30, 30}, []int64{10, 30}, 40, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got, ok := split.Share(tc.stable, tc.canary); got != tc.want || ok != tc.ok {
				t.Errorf("got %d, %v; want %d, %v", got, ok, tc.want, tc.ok)
			}
		})
	}
}
