package gatewayapi

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"github.com/sluicehq/sluice/trafficrouting"
	"github.com/sluicehq/sluice/trafficrouting/claims"
)

var web = services{claims.Services{
	RouteNamespace: "shop", Namespace: "shop", Stable: "web-stable", Canary: "web-canary",
}}

func parse(t interface{ Fatal(...any) }, rules string) *unstructured.Unstructured {
	route := &unstructured.Unstructured{}
	if err := route.UnmarshalJSON([]byte(`{"apiVersion":"gateway.networking.k8s.io/v1","kind":"HTTPRoute",
		"metadata":{"name":"web","namespace":"shop"},"spec":{"parentRefs":[{"name":"edge"}],"rules":` + rules + `}}`)); err != nil {
		t.Fatal(err, rules)
	}
	return route
}

// record is what Observe would have had recorded of the route at rest.
func record(t interface{ Fatal(...any) }, route *unstructured.Unstructured) *original {
	text, err := capture(route, web, nil, acknowledgement{}).encode()
	if err != nil {
		t.Fatal(err)
	}
	o, err := decodeOriginal("web", text)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func sameSpec(t *testing.T, reason string, want, got *unstructured.Unstructured) {
	t.Helper()
	if diff := cmp.Diff(want.Object["spec"], got.Object["spec"]); diff != "" {
		t.Errorf("%s (-want +got):\n%s", reason, diff)
	}
}

func TestWithWeight(t *testing.T) {
	const rules = `[
		{"name":"api","matches":[{"path":{"type":"PathPrefix","value":"/api"}}],
		 "filters":[{"type":"RequestHeaderModifier","requestHeaderModifier":{"set":[{"name":"a","value":"b"}]}}],
		 "backendRefs":[{"name":"web-stable","port":80,"weight":1,"filters":[{"type":"Z"}],"newer":true}]},
		{"name":"mixed","backendRefs":[{"name":"web-stable","port":80,"weight":9},{"name":"old","port":80,"weight":1}]},
		{"name":"mine","backendRefs":[{"name":"web-canary","port":80,"weight":5},{"name":"web-stable","port":80,"weight":1}]},
		{"name":"else","backendRefs":[{"name":"docs","port":80,"weight":7}]}]`
	const at20 = `[
		{"name":"api","matches":[{"path":{"type":"PathPrefix","value":"/api"}}],
		 "filters":[{"type":"RequestHeaderModifier","requestHeaderModifier":{"set":[{"name":"a","value":"b"}]}}],
		 "backendRefs":[{"name":"web-stable","port":80,"weight":80,"filters":[{"type":"Z"}],"newer":true},
		                {"name":"web-canary","port":80,"weight":20,"filters":[{"type":"Z"}],"newer":true}]},
		{"name":"mixed","backendRefs":[{"name":"web-stable","port":80,"weight":720},{"name":"old","port":80,"weight":100},
		                {"name":"web-canary","port":80,"weight":180}]},
		{"name":"mine","backendRefs":[{"name":"web-canary","port":80,"weight":20},{"name":"web-stable","port":80,"weight":80}]},
		{"name":"else","backendRefs":[{"name":"docs","port":80,"weight":7}]}]`
	const at0 = `[
		{"name":"api","matches":[{"path":{"type":"PathPrefix","value":"/api"}}],
		 "filters":[{"type":"RequestHeaderModifier","requestHeaderModifier":{"set":[{"name":"a","value":"b"}]}}],
		 "backendRefs":[{"name":"web-stable","port":80,"weight":100,"filters":[{"type":"Z"}],"newer":true}]},
		{"name":"mixed","backendRefs":[{"name":"web-stable","port":80,"weight":900},{"name":"old","port":80,"weight":100}]},
		{"name":"mine","backendRefs":[{"name":"web-canary","port":80,"weight":0},{"name":"web-stable","port":80,"weight":100}]},
		{"name":"else","backendRefs":[{"name":"docs","port":80,"weight":7}]}]`
	route := parse(t, rules)
	before := record(t, route)

	first := withWeight(route, web, before, 20)
	sameSpec(t, "20 %", parse(t, at20), first)
	if got := first.GetAnnotations()[web.mark()]; got != "20" {
		t.Errorf("the mark says %q", got)
	}
	sameSpec(t, "20 % again changes nothing", first, withWeight(first, web, before, 20))
	sameSpec(t, "back to 0 %", parse(t, at0), withWeight(first, web, before, 0))
	last := restored(withWeight(first, web, before, 100), web, before)
	sameSpec(t, "restored", route, last)
	if diff := cmp.Diff(route.Object, last.Object); diff != "" {
		t.Errorf("more than the spec is left (-want +got):\n%s", diff)
	}
	sameSpec(t, "the input is not changed", parse(t, rules), route)
}

func TestChangesInMidRelease(t *testing.T) {
	tests := map[string]struct {
		reason   string
		original string
		percent  int32
		// live is what the user makes of the route at that percentage; the mark stays.
		live string
		// at50 and restored are what comes of it.
		at50, restored string
	}{
		"Git's rules applied again by force": {
			reason:   "the original comes back",
			original: `[{"backendRefs":[{"name":"web-stable","weight":9},{"name":"old","weight":1}]}]`, percent: 20,
			live:     `[{"backendRefs":[{"name":"web-stable","weight":9},{"name":"old","weight":1}]}]`,
			at50:     `[{"backendRefs":[{"name":"web-stable","weight":450},{"name":"old","weight":100},{"name":"web-canary","weight":450}]}]`,
			restored: `[{"backendRefs":[{"name":"web-stable","weight":9},{"name":"old","weight":1}]}]`,
		},
		"new weights applied by force": {
			reason:   "they are the new original",
			original: `[{"backendRefs":[{"name":"web-stable","weight":9},{"name":"old","weight":1}]}]`, percent: 20,
			live:     `[{"backendRefs":[{"name":"web-stable","weight":3},{"name":"old","weight":2}]}]`,
			at50:     `[{"backendRefs":[{"name":"web-stable","weight":150},{"name":"old","weight":200},{"name":"web-canary","weight":150}]}]`,
			restored: `[{"backendRefs":[{"name":"web-stable","weight":3},{"name":"old","weight":2}]}]`,
		},
		"new weights applied with the share kept": {
			reason:   "as a GitSync does it",
			original: `[{"backendRefs":[{"name":"web-stable","weight":9},{"name":"old","weight":1}]}]`, percent: 20,
			live:     `[{"backendRefs":[{"name":"web-stable","weight":240},{"name":"old","weight":200},{"name":"web-canary","weight":60}]}]`,
			at50:     `[{"backendRefs":[{"name":"web-stable","weight":150},{"name":"old","weight":200},{"name":"web-canary","weight":150}]}]`,
			restored: `[{"backendRefs":[{"name":"web-stable","weight":3},{"name":"old","weight":2}]}]`,
		},
		"one weight edited by hand": {
			reason:   "the two of ours together are what the application had",
			original: `[{"backendRefs":[{"name":"web-stable","weight":9},{"name":"old","weight":1}]}]`, percent: 20,
			live:     `[{"backendRefs":[{"name":"web-stable","weight":720},{"name":"old","weight":450},{"name":"web-canary","weight":180}]}]`,
			at50:     `[{"backendRefs":[{"name":"web-stable","weight":45000},{"name":"old","weight":45000},{"name":"web-canary","weight":45000}]}]`,
			restored: `[{"backendRefs":[{"name":"web-stable","weight":900},{"name":"old","weight":450}]}]`,
		},
		"another filter, port and rule": {
			reason:   "all of it stays, our canary follows, and the moved rule keeps its weight",
			original: `[{"name":"a","backendRefs":[{"name":"web-stable","port":80,"weight":4}]}]`, percent: 20,
			live: `[{"name":"b","backendRefs":[{"name":"docs","weight":1}]},
				{"name":"a","filters":[{"type":"F"}],"backendRefs":[{"name":"web-stable","port":81,"weight":80},{"name":"web-canary","port":80,"weight":20}]}]`,
			at50: `[{"name":"b","backendRefs":[{"name":"docs","weight":1}]},
				{"name":"a","filters":[{"type":"F"}],"backendRefs":[{"name":"web-stable","port":81,"weight":50},{"name":"web-canary","port":81,"weight":50}]}]`,
			restored: `[{"name":"b","backendRefs":[{"name":"docs","weight":1}]},
				{"name":"a","filters":[{"type":"F"}],"backendRefs":[{"name":"web-stable","port":81,"weight":4}]}]`,
		},
		"a rule added": {
			reason:   "it takes part, and is left with its own weight",
			original: `[{"name":"a","backendRefs":[{"name":"web-stable","weight":1}]}]`, percent: 20,
			live: `[{"name":"a","backendRefs":[{"name":"web-stable","weight":80},{"name":"web-canary","weight":20}]},
				{"name":"b","backendRefs":[{"name":"web-stable","weight":3},{"name":"old","weight":2}]}]`,
			at50: `[{"name":"a","backendRefs":[{"name":"web-stable","weight":50},{"name":"web-canary","weight":50}]},
				{"name":"b","backendRefs":[{"name":"web-stable","weight":150},{"name":"old","weight":200},{"name":"web-canary","weight":150}]}]`,
			restored: `[{"name":"a","backendRefs":[{"name":"web-stable","weight":1}]},
				{"name":"b","backendRefs":[{"name":"web-stable","weight":3},{"name":"old","weight":2}]}]`,
		},
		"the user's own canary backend": {
			reason:   "its weight at rest is remembered, whatever was done to it meanwhile",
			original: `[{"backendRefs":[{"name":"web-stable","weight":1},{"name":"web-canary","weight":0}]}]`, percent: 20,
			live:     `[{"backendRefs":[{"name":"web-stable","weight":60},{"name":"web-canary","weight":40}]}]`,
			at50:     `[{"backendRefs":[{"name":"web-stable","weight":50},{"name":"web-canary","weight":50}]}]`,
			restored: `[{"backendRefs":[{"name":"web-stable","weight":1},{"name":"web-canary","weight":0}]}]`,
		},
		"switched off": {
			reason:   "a weight of 0 without a canary is the user's word",
			original: `[{"backendRefs":[{"name":"web-stable","weight":1}]}]`, percent: 20,
			live:     `[{"backendRefs":[{"name":"web-stable","weight":0}]}]`,
			at50:     `[{"backendRefs":[{"name":"web-stable","weight":0}]}]`,
			restored: `[{"backendRefs":[{"name":"web-stable","weight":0}]}]`,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			before := record(t, parse(t, tc.original))
			live := parse(t, tc.live)
			live.SetAnnotations(map[string]string{web.mark(): strconv.Itoa(int(tc.percent))})
			at50 := withWeight(live, web, before, 50)
			sameSpec(t, tc.reason+": at 50 %", parse(t, tc.at50), at50)
			sameSpec(t, tc.reason+": at 50 % again", at50, withWeight(at50, web, before, 50))
			sameSpec(t, tc.reason+": restored at once", parse(t, tc.restored), restored(live, web, before))
			sameSpec(t, tc.reason+": restored later", parse(t, tc.restored), restored(at50, web, before))
			// The record brought up to date leads to the same.
			renewed := capture(live, web, before, acknowledgement{})
			sameSpec(t, tc.reason+": by the new record", parse(t, tc.restored), restored(at50, web, renewed))
		})
	}
}

func TestWithoutTheMarkTheRouteIsTheUsers(t *testing.T) {
	before := record(t, parse(t, `[{"backendRefs":[{"name":"web-stable","weight":1}]}]`))
	const replaced = `[{"backendRefs":[{"name":"web-stable","weight":80},{"name":"web-canary","weight":20}]}]`
	sameSpec(t, "nothing to restore", parse(t, replaced), restored(parse(t, replaced), web, before))
}

func TestLostRecord(t *testing.T) {
	route := parse(t, `[{"backendRefs":[{"name":"web-stable","weight":9},{"name":"old","weight":1}]},
		{"backendRefs":[{"name":"web-stable","weight":1}]}]`)
	live := withWeight(route, web, record(t, route), 20)
	made := record(t, live)
	sameSpec(t, "the weights can be told from the route itself", route, restored(live, web, made))
	sameSpec(t, "also without any record", route, restored(live, web, nil))
}

func TestShares(t *testing.T) {
	tests := map[string]struct {
		reason    string
		rules     string
		low, high int32
		ok        bool
	}{
		"at rest":    {"no canary", `[{"backendRefs":[{"name":"web-stable"}]}]`, 0, 0, true},
		"one":        {"the share", `[{"backendRefs":[{"name":"web-stable","weight":4},{"name":"web-canary","weight":1}]}]`, 20, 20, true},
		"two differ": {"lowest and highest", `[{"backendRefs":[{"name":"web-stable","weight":1}]},{"backendRefs":[{"name":"web-stable","weight":0},{"name":"web-canary","weight":1}]}]`, 0, 100, true},
		"one is off": {"it says nothing", `[{"backendRefs":[{"name":"web-stable","weight":0}]},{"backendRefs":[{"name":"web-stable","weight":1},{"name":"web-canary","weight":1}]}]`, 50, 50, true},
		"all off":    {"nothing is known", `[{"backendRefs":[{"name":"web-stable","weight":0}]}]`, 0, 0, false},
		"none":       {"not our rules", `[{"backendRefs":[{"name":"web-canary","weight":1}]}]`, 0, 0, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			low, high, ok := shares(parse(t, tc.rules), web)
			if low != tc.low || high != tc.high || ok != tc.ok {
				t.Errorf("%s: got %d to %d, %v; want %d to %d, %v", tc.reason, low, high, ok, tc.low, tc.high, tc.ok)
			}
		})
	}
}

func TestRulesProblem(t *testing.T) {
	many := func(n int) string {
		refs := []string{`{"name":"web-stable","weight":1}`}
		for i := range n - 1 {
			refs = append(refs, fmt.Sprintf(`{"name":"b%d","weight":1}`, i))
		}
		return `[{"backendRefs":[` + strings.Join(refs, ",") + `]}]`
	}
	for name, tc := range map[string]struct{ rules, want string }{
		"none":            {`[{"backendRefs":[{"name":"web-stable","weight":1}]}]`, ""},
		"no rules":        {`null`, trafficrouting.ReasonNoStableBackend},
		"not named":       {`[{"backendRefs":[{"name":"web"}]}]`, trafficrouting.ReasonNoStableBackend},
		"off":             {`[{"backendRefs":[{"name":"web-stable","weight":0}]}]`, trafficrouting.ReasonNoTraffic},
		"too far apart":   {`[{"backendRefs":[{"name":"web-stable","weight":1},{"name":"b","weight":1000000}]}]`, trafficrouting.ReasonWeightsTooFarApart},
		"room for one":    {many(15), ""},
		"no room":         {many(16), trafficrouting.ReasonTooManyBackends},
		"with the user's": {strings.Replace(many(16), "b14", "web-canary", 1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			reason, message := rulesProblem(parse(t, tc.rules), web, nil)
			if reason != tc.want || (message == "") != (tc.want == "") {
				t.Errorf("got %q (%s), want %q", reason, message, tc.want)
			}
		})
	}
}

func TestMatchRecords(t *testing.T) {
	before := claims.Rules(parse(t, `[{"name":"a","matches":[{"x":1}]},{"matches":[{"x":2}]},{"matches":[{"x":2}]},{"matches":[{"x":3}]}]`).Object)
	recorded := &original{}
	for i, rule := range before {
		recorded.Rules = append(recorded.Rules, keyOf(i, rule))
	}
	now := claims.Rules(parse(t, `[{"name":"new","matches":[{"x":9}]},{"matches":[{"x":2}]},{"name":"a","matches":[{"x":7}]},{"matches":[{"x":8}]},
		{"matches":[{"x":2}]}]`).Object)
	got := map[int]int{}
	for i, found := range matchRecords(recorded, now) {
		got[i] = found.Index
	}
	// By name: 2. By matches at the same place: 1. By matches: 4. By place: 3. Rule 0 is new: the record of its place is taken.
	if diff := cmp.Diff(map[int]int{2: 0, 1: 1, 4: 2, 3: 3}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// drawRoute draws a route as users write them: weights given, several rules, backends before and after.
func drawRoute(t *rapid.T) *unstructured.Unstructured {
	var rules []string
	for i := range rapid.IntRange(1, 4).Draw(t, "rules") {
		var refs []string
		for j := range rapid.IntRange(0, 2).Draw(t, "others before") {
			refs = append(refs, fmt.Sprintf(`{"name":"before%d","weight":%d}`, j, rapid.IntRange(0, 50).Draw(t, "weight")))
		}
		for j := range rapid.IntRange(0, 2).Draw(t, "stable") {
			refs = append(refs, fmt.Sprintf(`{"group":"","kind":"Service","name":"web-stable","port":%d,"weight":%d}`,
				80+j, rapid.IntRange(0, 50).Draw(t, "weight")))
		}
		for j := range rapid.IntRange(0, 2).Draw(t, "canary") {
			refs = append(refs, fmt.Sprintf(`{"name":"web-canary","port":%d,"weight":%d}`,
				80+j, rapid.IntRange(0, 3).Draw(t, "weight")))
		}
		for j := range rapid.IntRange(0, 1).Draw(t, "others after") {
			refs = append(refs, fmt.Sprintf(`{"name":"after%d","weight":%d}`, j, rapid.IntRange(0, 50).Draw(t, "weight")))
		}
		name := ""
		if rapid.Bool().Draw(t, "named") {
			name = fmt.Sprintf(`"name":"r%d",`, i)
		}
		rules = append(rules, fmt.Sprintf(`{%s"matches":[{"path":{"value":"/%d"}}],"backendRefs":[%s]}`,
			name, rapid.IntRange(0, 2).Draw(t, "path"), strings.Join(refs, ",")))
	}
	return parse(t, "["+strings.Join(rules, ",")+"]")
}

// Whatever shares a release goes through, the route ends as it began; each share reads back as what was asked for; and
// what Git says, overlaid with what the release claims, is what the release wrote.
func TestReleaseProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		route := drawRoute(t)
		before := record(t, route)
		live := route
		claimed := claims.ForRollout("shop", "web-stable", "web-canary", []claims.Route{{Kind: claims.KindHTTPRoute, Name: "web"}}, "pin")
		for _, percent := range rapid.SliceOfN(rapid.Int32Range(0, 100), 1, 5).Draw(t, "percents") {
			live = withWeight(live, web, before, percent)
			if low, high, ok := shares(live, web); ok && (low != percent || high != percent) {
				t.Fatalf("%d percent reads back as %d to %d", percent, low, high)
			}
			if diff := cmp.Diff(live.Object, withWeight(live, web, before, percent).Object); diff != "" {
				t.Fatalf("the same share again (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(live.Object["spec"], claims.Overlay(claimed, route.Object, live.Object)["spec"]); diff != "" {
				t.Fatalf("a GitSync would fight (-live +applied):\n%s", diff)
			}
			if rapid.Bool().Draw(t, "renewed") {
				before = capture(live, web, before, acknowledgement{})
			}
			if diff := cmp.Diff(route.Object, restored(live, web, before).Object); diff != "" {
				t.Fatalf("restored (-want +got):\n%s", diff)
			}
		}
		if diff := cmp.Diff(route.Object, claims.Overlay(claimed, route.Object, route.Object)); diff != "" {
			t.Fatalf("at rest nothing is claimed (-want +got):\n%s", diff)
		}
	})
}
