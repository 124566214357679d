package gatewayapi

import (
	"strconv"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/sluicehq/sluice/trafficrouting"
	"github.com/sluicehq/sluice/trafficrouting/claims"
)

// accepted is the route with its one parent's word that it is accepted as it is.
func accepted(t *testing.T, route *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	result := route.DeepCopy()
	condition := func(kind string) any {
		return map[string]any{"type": kind, "status": "True", "observedGeneration": int64(0)}
	}
	if err := unstructured.SetNestedSlice(result.Object, []any{map[string]any{
		"parentRef": map[string]any{"name": "edge"}, "controllerName": "x.io/a",
		"conditions": []any{condition("Accepted"), condition("ResolvedRefs")},
	}}, "status", "parents"); err != nil {
		t.Fatal(err)
	}
	return result
}

// In a marked route, a rule that has both Services at 0 and had weight before the release was overwritten. Whatever else
// takes the weight away is the user's word.
func TestOverwrittenWeights(t *testing.T) {
	const (
		one    = `[{"backendRefs":[{"name":"web-stable","weight":1}]}]`
		own    = `[{"backendRefs":[{"name":"web-stable","weight":1},{"name":"web-canary","weight":0}]}]`
		nought = `[{"backendRefs":[{"name":"web-stable","weight":0},{"name":"web-canary","weight":0}]}]`
		off    = `[{"backendRefs":[{"name":"web-stable","weight":0}]}]`
		all    = `[{"backendRefs":[{"name":"web-stable","weight":0},{"name":"web-canary","weight":100}]}]`
		mixed  = `[{"backendRefs":[{"name":"web-stable","weight":9},{"name":"old","weight":1}]}]`
	)
	for name, tc := range map[string]struct {
		reason         string
		original, mark string
		live           string
		// low, high and problem are what is seen; at100 and restored are what comes of it.
		low, high       int32
		problem         string
		at100, restored string
	}{
		"both at 0": {
			reason:   "the release wrote something else, and the user had weight there",
			original: one, mark: "100", live: nought, low: 0, high: 100, at100: all, restored: one,
		},
		"both at 0, the canary backend is the user's": {
			reason:   "it is undone as well, and stays in the rule",
			original: own, mark: "100", live: nought, low: 0, high: 100, at100: all, restored: own,
		},
		"both at 0 at another share": {
			reason:   "no share has both at 0",
			original: one, mark: "20", live: nought, low: 0, high: 100, at100: all, restored: one,
		},
		"both at 0 beside a backend as the release wrote it": {
			reason:   "the recorded proportions come back",
			original: mixed, mark: "20",
			live: `[{"backendRefs":[{"name":"web-stable","weight":0},{"name":"old","weight":100},{"name":"web-canary","weight":0}]}]`,
			low:  0, high: 100,
			at100:    `[{"backendRefs":[{"name":"web-stable","weight":0},{"name":"old","weight":100},{"name":"web-canary","weight":900}]}]`,
			restored: mixed,
		},
		"both at 0 beside a backend at 0": {
			reason:   "all of the rule was overwritten",
			original: mixed, mark: "20",
			live: `[{"backendRefs":[{"name":"web-stable","weight":0},{"name":"old","weight":0},{"name":"web-canary","weight":0}]}]`,
			low:  0, high: 100,
			at100:    `[{"backendRefs":[{"name":"web-stable","weight":0},{"name":"old","weight":100},{"name":"web-canary","weight":900}]}]`,
			restored: mixed,
		},
		"both at 0 beside a backend with another weight": {
			reason:   "that one is the user's word, as where one weight is edited by hand",
			original: mixed, mark: "20",
			live: `[{"backendRefs":[{"name":"web-stable","weight":0},{"name":"old","weight":450},{"name":"web-canary","weight":0}]}]`,
			low:  0, high: 100,
			at100:    `[{"backendRefs":[{"name":"web-stable","weight":0},{"name":"old","weight":45000},{"name":"web-canary","weight":90000}]}]`,
			restored: `[{"backendRefs":[{"name":"web-stable","weight":900},{"name":"old","weight":450}]}]`,
		},
		"both at 0 with another port": {
			reason:   "the backend that took the recorded one's place has its weight",
			original: `[{"backendRefs":[{"name":"web-stable","port":80,"weight":4}]}]`, mark: "100",
			live: `[{"backendRefs":[{"name":"web-stable","port":81,"weight":0},{"name":"web-canary","port":81,"weight":0}]}]`,
			low:  0, high: 100,
			at100:    `[{"backendRefs":[{"name":"web-stable","port":81,"weight":0},{"name":"web-canary","port":81,"weight":100}]}]`,
			restored: `[{"backendRefs":[{"name":"web-stable","port":81,"weight":4}]}]`,
		},
		"one of two rules": {
			reason:   "the share of the other rule must not hide it",
			original: `[{"name":"a","backendRefs":[{"name":"web-stable","weight":1}]},{"name":"b","backendRefs":[{"name":"web-stable","weight":1}]}]`,
			mark:     "100",
			live: `[{"name":"a","backendRefs":[{"name":"web-stable","weight":0},{"name":"web-canary","weight":0}]},
				{"name":"b","backendRefs":[{"name":"web-stable","weight":0},{"name":"web-canary","weight":100}]}]`,
			low: 0, high: 100,
			at100: `[{"name":"a","backendRefs":[{"name":"web-stable","weight":0},{"name":"web-canary","weight":100}]},
				{"name":"b","backendRefs":[{"name":"web-stable","weight":0},{"name":"web-canary","weight":100}]}]`,
			restored: `[{"name":"a","backendRefs":[{"name":"web-stable","weight":1}]},{"name":"b","backendRefs":[{"name":"web-stable","weight":1}]}]`,
		},
		"off before the release": {
			reason: "the user had switched that rule off; a release leaves it so",
			original: `[{"name":"a","backendRefs":[{"name":"web-stable","weight":0},{"name":"web-canary","weight":0}]},
				{"name":"b","backendRefs":[{"name":"web-stable","weight":1}]}]`,
			mark: "100",
			live: `[{"name":"a","backendRefs":[{"name":"web-stable","weight":0},{"name":"web-canary","weight":0}]},
				{"name":"b","backendRefs":[{"name":"web-stable","weight":0},{"name":"web-canary","weight":100}]}]`,
			low: 100, high: 100,
			at100: `[{"name":"a","backendRefs":[{"name":"web-stable","weight":0},{"name":"web-canary","weight":0}]},
				{"name":"b","backendRefs":[{"name":"web-stable","weight":0},{"name":"web-canary","weight":100}]}]`,
			restored: `[{"name":"a","backendRefs":[{"name":"web-stable","weight":0},{"name":"web-canary","weight":0}]},
				{"name":"b","backendRefs":[{"name":"web-stable","weight":1}]}]`,
		},
		"stable at 0 and no canary": {
			reason:   "who leaves the canary out means it",
			original: one, mark: "100", live: off, low: 0, high: 100, problem: trafficrouting.ReasonNoTraffic, at100: off, restored: off,
		},
		"both at 0 without the mark": {
			reason:   "no release drives the route",
			original: one, live: nought, low: 0, high: 100, problem: trafficrouting.ReasonNoTraffic, at100: nought, restored: nought,
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := record(t, accepted(t, parse(t, tc.original)))
			text, err := before.encode()
			if err != nil {
				t.Fatal(err)
			}
			live := accepted(t, parse(t, tc.live))
			if tc.mark != "" {
				live.SetAnnotations(map[string]string{web.mark(): tc.mark})
			}
			seen := read(live, trafficrouting.Target{
				Namespace: "shop", StableService: "web-stable", CanaryService: "web-canary", Originals: map[string]string{"web": text},
			}, trafficrouting.RouteRef{Kind: "HTTPRoute", Namespace: "shop", Name: "web"})
			if seen.Low != tc.low || seen.High != tc.high || seen.ProblemReason != tc.problem {
				t.Errorf("%s: seen %+v; want %d to %d, problem %q", tc.reason, seen, tc.low, tc.high, tc.problem)
			}
			at100 := withWeight(live, web, before, 100)
			sameSpec(t, tc.reason+": at 100 %", parse(t, tc.at100), at100)
			sameSpec(t, tc.reason+": restored at once", parse(t, tc.restored), restored(live, web, before))
			if tc.mark == "" {
				return // From now on a release drives it.
			}
			sameSpec(t, tc.reason+": at 100 % again", at100, withWeight(at100, web, before, 100))
			sameSpec(t, tc.reason+": restored later", parse(t, tc.restored), restored(at100, web, before))
			renewed := capture(live, web, before, acknowledgement{})
			sameSpec(t, tc.reason+": by the new record", parse(t, tc.restored), restored(at100, web, renewed))
		})
	}
}

// Whatever a release did before, what was overwritten with 0 ends as it began.
func TestOverwrittenAtAnyShare(t *testing.T) {
	route := parse(t, `[{"backendRefs":[{"name":"web-stable","port":80,"weight":3},{"name":"web-stable","port":81,"weight":0},
		{"name":"old","port":80,"weight":2},{"name":"web-canary","port":80,"weight":0}]},
		{"backendRefs":[{"name":"web-stable","port":80,"weight":7}]}]`)
	before := record(t, route)
	for percent := range int32(101) {
		wanted := withWeight(route, web, before, percent)
		live := wanted.DeepCopy()
		for _, fields := range claims.Rules(live.Object) {
			rule := web.view(fields)
			for _, refs := range [][]map[string]any{rule.Stable, rule.Canary} {
				for _, ref := range refs {
					ref["weight"] = int64(0)
				}
			}
		}
		at := strconv.Itoa(int(percent)) + " %"
		if percent > 0 { // At 0 the second rule has no canary backend, so there it is the user's word.
			sameSpec(t, "written again at "+at, wanted, withWeight(live, web, before, percent))
			sameSpec(t, "restored at "+at, route, restored(live, web, before))
		}
	}
}
