package claims_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/trafficrouting/claims"
)

const pin = "sluice.dev/pod-template-hash"

var rollout = claims.ForRollout("shop", "web-stable", "web-canary", httpRoute("web"), pin)

func httpRoute(name string) []claims.Route {
	return []claims.Route{{Kind: claims.KindHTTPRoute, Name: name}}
}

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return m
}

func route(t *testing.T, annotations, rules string) map[string]any {
	t.Helper()
	return object(t, `{"apiVersion":"gateway.networking.k8s.io/v1","kind":"HTTPRoute","metadata":{"name":"web",
		"namespace":"shop","annotations":`+annotations+`},"spec":{"hostnames":["shop.example"],"rules":`+rules+`}}`)
}

func service(t *testing.T, name, selector string) map[string]any {
	t.Helper()
	return object(t, `{"apiVersion":"v1","kind":"Service","metadata":{"name":"`+name+`","namespace":"shop"},
		"spec":{"selector":`+selector+`}}`)
}

var shopServices = claims.Services{RouteNamespace: "shop", Namespace: "shop", Stable: "web-stable", Canary: "web-canary"}

const at20 = `{"weight.sluice.dev/web-stable":"20"}`

func TestForRollout(t *testing.T) {
	want := []claims.Claim{
		{
			Kind: "HTTPRoute", Namespace: "shop", Name: "web",
			ServiceNamespace: "shop", StableService: "web-stable", CanaryService: "web-canary",
		},
		{Kind: "Service", Namespace: "shop", Name: "web-stable", PinLabel: pin},
		{Kind: "Service", Namespace: "shop", Name: "web-canary", PinLabel: pin},
	}
	if diff := cmp.Diff(want, rollout); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if none := claims.ForRollout("shop", "", "", nil, pin); len(none) != 0 {
		t.Errorf("a Rollout without Services drives %v", none)
	}
}

func TestOverlayRoute(t *testing.T) {
	const lone = `[{"backendRefs":[{"name":"web-stable","port":80}]}]`
	const live = `[{"backendRefs":[{"name":"web-stable","port":80,"weight":80},{"name":"web-canary","port":80,"weight":20}]}]`
	tests := map[string]struct {
		reason                   string
		annotations, live        string
		desired, want            string
		desiredAnnotations, kind string
	}{
		"at rest": {
			reason: "without the mark everything in Git is the user's", annotations: `{}`,
			live: lone, desired: `[{"backendRefs":[{"name":"web-stable","port":8080,"weight":3}]}]`,
			want: `[{"backendRefs":[{"name":"web-stable","port":8080,"weight":3}]}]`,
		},
		"at rest with weights of the user's own": {
			reason: "weights alone do not tell a release", annotations: `{}`, live: live, desired: lone, want: lone,
		},
		"a mark that says nothing": {
			reason: "only a percentage counts", annotations: `{"weight.sluice.dev/web-stable":"lots"}`,
			live: live, desired: lone, want: lone,
		},
		"somebody else's mark": {
			reason: "another release on the same route", annotations: `{"weight.sluice.dev/api-stable":"20"}`,
			live: live, desired: lone, want: lone,
		},
		"in a release": {
			reason: "the share is kept and the canary is put in", annotations: at20, live: live, desired: lone, want: live,
		},
		"in a release, nothing moved yet": {
			reason: "no canary before its first share", annotations: `{"weight.sluice.dev/web-stable":"0"}`,
			live:    `[{"backendRefs":[{"name":"web-stable","port":80,"weight":100}]}]`,
			desired: lone, want: `[{"backendRefs":[{"name":"web-stable","port":80,"weight":100}]}]`,
		},
		"the user's canary": {
			reason: "a canary backend in Git stays where it is", annotations: at20, live: live,
			desired: `[{"backendRefs":[{"name":"web-canary","port":80,"weight":0},{"name":"web-stable","port":80}]}]`,
			want:    `[{"backendRefs":[{"name":"web-canary","port":80,"weight":20},{"name":"web-stable","port":80,"weight":80}]}]`,
		},
		"other backends": {
			reason: "their weights follow, as the Rollout multiplies them", annotations: at20,
			live:    `[{"backendRefs":[{"name":"web-stable","weight":720},{"name":"old","weight":100},{"name":"web-canary","weight":180}]}]`,
			desired: `[{"backendRefs":[{"name":"web-stable","weight":9},{"name":"old"}]}]`,
			want:    `[{"backendRefs":[{"name":"web-stable","weight":720},{"name":"old","weight":100},{"name":"web-canary","weight":180}]}]`,
		},
		"rules moved and changed in Git": {
			reason: "a new rule first, a new filter, a new port: all are Git's, only the share is not", annotations: at20, live: live,
			desired: `[{"name":"docs","backendRefs":[{"name":"docs","weight":5}]},
				{"timeouts":{"request":"3s"},"backendRefs":[{"name":"web-stable","port":8080,"filters":[{"type":"X"}],"newer":{"a":1}}]}]`,
			want: `[{"name":"docs","backendRefs":[{"name":"docs","weight":5}]},
				{"timeouts":{"request":"3s"},"backendRefs":[
				{"name":"web-stable","port":8080,"filters":[{"type":"X"}],"newer":{"a":1},"weight":80},
				{"name":"web-canary","port":8080,"filters":[{"type":"X"}],"newer":{"a":1},"weight":20}]}]`,
		},
		"same name, not the Service": {
			reason: "another namespace or kind is another backend", annotations: at20, live: live,
			desired: `[{"backendRefs":[{"name":"web-stable","namespace":"other"}]},{"backendRefs":[{"name":"web-stable","kind":"Bucket","group":"x.y"}]}]`,
			want:    `[{"backendRefs":[{"name":"web-stable","namespace":"other"}]},{"backendRefs":[{"name":"web-stable","kind":"Bucket","group":"x.y"}]}]`,
		},
		"no rules": {reason: "nothing to claim", annotations: at20, live: live, desired: `null`, want: `null`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			desired := route(t, `{"team":"shop"}`, tc.desired)
			got := claims.Overlay(rollout, desired, route(t, tc.annotations, tc.live))
			equal(t, tc.reason, route(t, `{"team":"shop"}`, tc.want), got)
			if diff := cmp.Diff(route(t, `{"team":"shop"}`, tc.desired), desired); diff != "" {
				t.Errorf("the desired object was changed:\n%s", diff)
			}
		})
	}
}

// equal compares as JSON does, in which a number is a number.
func equal(t *testing.T, reason string, want, got map[string]any) {
	t.Helper()
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, object(t, string(text))); diff != "" {
		t.Errorf("%s (-want +got):\n%s", reason, diff)
	}
}

func TestOverlayService(t *testing.T) {
	for name, tc := range map[string]struct{ reason, desired, live, want string }{
		"at rest":            {"not pinned", `{"app":"web"}`, `{"app":"old"}`, `{"app":"web"}`},
		"in a release":       {"the pin stays, the rest is Git's", `{"app":"web"}`, `{"app":"old","` + pin + `":"abc"}`, `{"app":"web","` + pin + `":"abc"}`},
		"selects no pods":    {"a Service without a selector gets none", `null`, `{"` + pin + `":"abc"}`, `null`},
		"pin in Git at rest": {"what Git says is Git's", `{"app":"web","` + pin + `":"x"}`, `{"app":"web"}`, `{"app":"web","` + pin + `":"x"}`},
	} {
		t.Run(name, func(t *testing.T) {
			got := claims.Overlay(rollout, service(t, "web-stable", tc.desired), service(t, "web-stable", tc.live))
			equal(t, tc.reason, service(t, "web-stable", tc.want), got)
		})
	}
}

// The Rollout in Git and the one in the cluster claim the same.
func TestAShareIsAppliedOnce(t *testing.T) {
	renamed := claims.ForRollout("shop", "web-stable", "web-other", httpRoute("web"), pin)
	for name, twice := range map[string][]claims.Claim{
		"the same twice":              slices.Concat(rollout, rollout),
		"another canary in Git's one": slices.Concat(rollout, renamed),
	} {
		for percent, want := range map[string]string{
			"20":  `[{"backendRefs":[{"name":"web-stable","weight":80},{"name":"web-canary","weight":20}]}]`,
			"100": `[{"backendRefs":[{"name":"web-stable","weight":0},{"name":"web-canary","weight":100}]}]`,
		} {
			annotations := `{"weight.sluice.dev/web-stable":"` + percent + `"}`
			desired := route(t, `{"team":"shop"}`, `[{"backendRefs":[{"name":"web-stable"}]}]`)
			got := claims.Overlay(twice, desired, route(t, annotations, want))
			equal(t, name+" at "+percent, route(t, `{"team":"shop"}`, want), got)
		}
	}
}

func TestOverlayLeavesTheRestAlone(t *testing.T) {
	pinned := service(t, "other", `{"app":"web","`+pin+`":"abc"}`)
	for name, tc := range map[string]struct{ desired, live map[string]any }{
		"another Service":  {service(t, "other", `{"app":"web"}`), pinned},
		"not there yet":    {service(t, "web-stable", `{"app":"web"}`), nil},
		"not even objects": {map[string]any{}, map[string]any{"metadata": "x"}},
		"a Service of another API": {
			object(t, `{"apiVersion":"serving.knative.dev/v1","kind":"Service","metadata":{"name":"web-stable","namespace":"shop"},"spec":{"selector":{"a":"b"}}}`),
			object(t, `{"apiVersion":"serving.knative.dev/v1","kind":"Service","metadata":{"name":"web-stable","namespace":"shop"},"spec":{"selector":{"`+pin+`":"b"}}}`),
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.desired, claims.Overlay(rollout, tc.desired, tc.live)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPartners(t *testing.T) {
	rule := object(t, `{"backendRefs":[{"name":"web-stable","port":80},{"name":"web-stable","port":443},
		{"name":"web-canary","port":443},{"name":"web-canary","port":9},{"name":"web-canary","port":10}]}`)
	r := claims.View(rule, shopServices)
	if diff := cmp.Diff([]int{1, 0}, r.Partners(nil)); diff != "" {
		t.Errorf("the same port first, then any (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{2, -1}, r.Partners([]bool{false, false, true})); diff != "" {
		t.Errorf("only usable ones (-want +got):\n%s", diff)
	}
}

// The mark of a Service in another namespace says which, and a route knows both apart.
func TestMark(t *testing.T) {
	own, foreign := claims.Mark("infra", "infra", "web"), claims.Mark("infra", "shop", "web")
	if own != "weight.sluice.dev/web" || foreign != "shop.weight.sluice.dev/web" {
		t.Errorf("the marks are %s and %s", own, foreign)
	}
	both := map[string]string{own: "20", foreign: "30", "other.example/web": "1"}
	if percent, ok := claims.Percent(both, foreign); !ok || percent != 30 {
		t.Errorf("%s reads as %d, %t", foreign, percent, ok)
	}
	if !claims.MarkedByOthers(both, foreign) || !claims.MarkedByOthers(both, own) {
		t.Error("each is another's mark")
	}
	if claims.MarkedByOthers(map[string]string{own: "20", "notweight.sluice.dev/x": "1"}, own) {
		t.Error("what only ends like one is no mark")
	}
}

// Routes of other kinds and of other namespaces, by name and as a selector finds them.
func TestOverlayRoutesOfAllSorts(t *testing.T) {
	const desired = `[{"backendRefs":[{"name":"web-stable","namespace":"shop","port":80},{"name":"web-stable","port":80}]}]`
	const divided = `[{"backendRefs":[{"name":"web-stable","namespace":"shop","port":80,"weight":80},
		{"name":"web-stable","port":80,"weight":100},{"name":"web-canary","namespace":"shop","port":80,"weight":20}]}]`
	routeOf := func(t *testing.T, kind, namespace, name, annotations, rules string) map[string]any {
		t.Helper()
		return object(t, `{"apiVersion":"gateway.networking.k8s.io/v1","kind":"`+kind+`","metadata":{"name":"`+name+`",
			"namespace":"`+namespace+`","annotations":`+annotations+`},"spec":{"rules":`+rules+`}}`)
	}
	const marked = `{"shop.weight.sluice.dev/web-stable":"20"}`
	tests := map[string]struct {
		reason            string
		route             claims.Route
		kind, namespace   string
		annotations, want string
	}{
		"by name": {
			"a GRPCRoute elsewhere", claims.Route{Kind: "GRPCRoute", Namespace: "infra", Name: "web"}, "GRPCRoute", "infra", marked, divided,
		},
		"found by a selector": {
			"the mark says that a release drives it", claims.Route{Kind: "TCPRoute", Namespace: "infra"}, "TCPRoute", "infra", marked, divided,
		},
		"found by a selector, at rest": {
			"no mark", claims.Route{Kind: "TCPRoute", Namespace: "infra"}, "TCPRoute", "infra", `{}`, desired,
		},
		"of another kind": {
			"names are a kind's own", claims.Route{Kind: "TCPRoute", Namespace: "infra", Name: "web"}, "TLSRoute", "infra", marked, desired,
		},
		"of another namespace": {
			"so are they a namespace's", claims.Route{Kind: "TCPRoute", Namespace: "infra", Name: "web"}, "TCPRoute", "other", marked, desired,
		},
		"a namesake's mark": {
			"the Service of that name in the route's namespace is another",
			claims.Route{Kind: "TCPRoute", Namespace: "infra", Name: "web"},
			"TCPRoute", "infra", at20, desired,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			claimed := claims.ForRollout("shop", "web-stable", "web-canary", []claims.Route{tc.route}, pin)
			got := claims.Overlay(claimed, routeOf(t, tc.kind, tc.namespace, "web", `{}`, desired),
				routeOf(t, tc.kind, tc.namespace, "web", tc.annotations, divided))
			equal(t, tc.reason, object(t, `{"rules":`+tc.want+`}`), got["spec"].(map[string]any))
		})
	}
}

// A route that is both named and found by a selector is driven once: a share is not applied to what a share was applied to.
func TestOverlayCountsOnce(t *testing.T) {
	claimed := claims.ForRollout("shop", "web-stable", "web-canary",
		[]claims.Route{{Kind: "HTTPRoute", Name: "other"}, {Kind: "HTTPRoute"}, {Kind: "HTTPRoute", Name: "web"}}, pin)
	desired := route(t, `{}`, `[{"backendRefs":[{"name":"web-stable","port":80,"weight":2},{"name":"old","port":80,"weight":1}]}]`)
	live := route(t, at20, `[{"backendRefs":[{"name":"web-stable","port":80}]}]`)
	want := object(t, `{"hostnames":["shop.example"],"rules":[{"backendRefs":[{"name":"web-stable","port":80,"weight":160},
		{"name":"old","port":80,"weight":100},{"name":"web-canary","port":80,"weight":40}]}]}`)
	equal(t, "once", want, claims.Overlay(claimed, desired, live)["spec"].(map[string]any))
}
