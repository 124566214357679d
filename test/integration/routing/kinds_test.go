package routing

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluicehq/sluice/trafficrouting"
)

// A route of any kind, in any version that is served, is left without a trace. Its owner's version counts: what is
// allowed in one may be refused in another, such as two rules of a TLSRoute.
func TestEveryKindIsLeftWithoutATrace(t *testing.T) {
	const two = `
- backendRefs: [{name: web-stable, port: 80}]
- backendRefs: [{name: web-stable, port: 81, weight: 3}, {name: legacy, port: 81, weight: 1}]
`
	const backends = `
- name: only
  backendRefs: [{name: web-stable, port: 80, weight: 3}, {name: legacy, port: 80, weight: 1}]
`
	for name, tc := range map[string]struct {
		kind, version, rules, at20 string
	}{
		"GRPCRoute": {"GRPCRoute", "v1", `
- name: method
  matches: [{method: {service: shop.Cart}}]
  filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: a, value: b}]}}]
  backendRefs: [{name: web-stable, port: 80}]
`, "0/web-stable=80 0/web-canary=20"},
		"TCPRoute":      {"TCPRoute", "v1", backends, "0/web-stable=240 0/legacy=100 0/web-canary=60"},
		"TCPRoute, old": {"TCPRoute", "v1alpha2", backends, "0/web-stable=240 0/legacy=100 0/web-canary=60"},
		"TLSRoute":      {"TLSRoute", "v1", backends, "0/web-stable=240 0/legacy=100 0/web-canary=60"},
		"TLSRoute, old": {
			"TLSRoute", "v1alpha2", two,
			"0/web-stable=80 0/web-canary=20 1/web-stable=240 1/legacy=100 1/web-canary=60",
		},
		"TLSRoute, not so old": {"TLSRoute", "v1alpha3", backends, "0/web-stable=240 0/legacy=100 0/web-canary=60"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorldOf(t, schema.GroupVersionKind{Group: httpRoute.Group, Version: tc.version, Kind: tc.kind})
			w.mustApply("team", tc.rules)
			w.accept()
			before := w.live()
			w.begin()
			w.setWeight(20)
			if got := w.weights(); got != tc.at20 {
				t.Errorf("at 20 %% the weights are %s, want %s", got, tc.at20)
			}
			if seen := w.observe(); seen.Acknowledged {
				t.Error("nobody has acknowledged this generation")
			}
			w.accept()
			if seen := w.observe(); !seen.Acknowledged {
				t.Errorf("it was acknowledged: %+v", seen)
			}
			w.setWeight(100)
			w.setWeight(0)
			w.restore()
			w.wantUnchanged(before)
			w.mustApply("team", backends) // without force
		})
	}
}

// grant makes a ReferenceGrant of this name; to is "Kind" or "Kind/name".
func (w *world) grant(namespace, name, fromGroup, fromKind, fromNamespace string, to ...string) *gatewayv1.ReferenceGrant {
	w.Helper()
	grant := &gatewayv1.ReferenceGrant{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: gatewayv1.ReferenceGrantSpec{From: []gatewayv1.ReferenceGrantFrom{{
			Group: gatewayv1.Group(fromGroup), Kind: gatewayv1.Kind(fromKind), Namespace: gatewayv1.Namespace(fromNamespace),
		}}},
	}
	for _, text := range to {
		kind, object, named := strings.Cut(text, "/")
		target := gatewayv1.ReferenceGrantTo{Kind: gatewayv1.Kind(kind)}
		if kind != "Service" {
			target.Group = gatewayv1.Group(httpRoute.Group)
		}
		if named {
			target.Name = new(gatewayv1.ObjectName(object))
		}
		grant.Spec.To = append(grant.Spec.To, target)
	}
	if err := direct.Create(w.Context(), grant); err != nil {
		w.Fatalf("granting: %v", err)
	}
	return grant
}

func (w *world) withdraw(grant *gatewayv1.ReferenceGrant) {
	w.Helper()
	if err := direct.Delete(w.Context(), grant); err != nil {
		w.Fatalf("withdrawing a grant: %v", err)
	}
}

// wantProblem holds the route to a problem that says all of these; none means no problem.
func (w *world) wantProblem(when, reason string, says ...string) {
	w.Helper()
	seen := w.observe()
	if seen.ProblemReason != reason || (reason != "") != (seen.Original == "") {
		w.Errorf("%s: want the problem %q, got %+v", when, reason, seen)
	}
	for _, text := range says {
		if !strings.Contains(seen.Problem, text) {
			w.Errorf("%s: %q does not say %q", when, seen.Problem, text)
		}
	}
}

// A route in another namespace needs two grants, for each of the two Services, and is changed and given back as any.
func TestARouteInAnotherNamespace(t *testing.T) {
	w := newWorldOf(t, schema.GroupVersionKind{Group: httpRoute.Group, Version: "v1", Kind: "GRPCRoute"})
	shop := newNamespace(t)
	w.serve(shop)
	if want := "GRPCRoute/" + w.namespace + "/web"; w.name != want {
		t.Errorf("the route goes by %s, want %s", w.name, want)
	}
	w.mustApply("team", "- backendRefs: [{name: web-stable, namespace: "+shop+", port: 80}, {name: web-stable, port: 80}]")
	w.accept()
	before := w.live()

	w.wantProblem("without a grant", trafficrouting.ReasonNotGranted, "in namespace "+w.namespace, "group sluice.dev, kind Rollout, namespace "+shop)
	w.grant(w.namespace, "other-name", "sluice.dev", "Rollout", shop, "GRPCRoute/other", "HTTPRoute")
	w.grant(w.namespace, "other-namespace", "sluice.dev", "Rollout", w.namespace, "GRPCRoute")
	w.wantProblem("with grants of something else", trafficrouting.ReasonNotGranted, "in namespace "+w.namespace)
	change := w.grant(w.namespace, "change", "sluice.dev", "Rollout", shop, "GRPCRoute/web")
	w.wantProblem("without the Services' grant", trafficrouting.ReasonNotGranted, "in namespace "+shop, "Service web-stable")
	refer := w.grant(shop, "stable", httpRoute.Group, "GRPCRoute", w.namespace, "Service/web-stable")
	w.wantProblem("without the canary's grant", trafficrouting.ReasonNotGranted, "in namespace "+shop, "Service web-canary")
	w.withdraw(refer)
	refer = w.grant(shop, "both", httpRoute.Group, "GRPCRoute", w.namespace, "Service")
	w.wantProblem("with both", "")

	w.begin()
	w.setWeight(20)
	if got := w.weights(); got != "0/web-stable=80 0/web-stable=100 0/web-canary=20" {
		t.Errorf("at 20 %% the weights are %s: the Service of the same name in the route's namespace is another", got)
	}
	w.withdraw(refer)
	w.wantProblem("the Services' grant taken away", trafficrouting.ReasonNotGranted, "in namespace "+shop)
	w.withdraw(change)
	w.wantProblem("both grants taken away", trafficrouting.ReasonNotGranted, "in namespace "+w.namespace)
	w.setWeight(0) // An abort is never blocked.
	w.restore()
	w.wantUnchanged(before)
}

// A selector finds the routes with the labels that send traffic to the stable Service.
func TestSelect(t *testing.T) {
	w := newWorld(t)
	apply := func(name, rules string, has map[string]string) {
		route := w.manifest(rules)
		route.SetName(name)
		route.SetLabels(has)
		if err := w.apply("team", route); err != nil {
			t.Fatal(err)
		}
	}
	shop := map[string]string{"app": "shop"}
	apply("b", simple, shop)
	apply("a", mixed, shop)
	apply("else", "- backendRefs: [{name: docs, port: 80}]", shop)
	apply("unlabelled", simple, nil)
	selector := trafficrouting.RouteSelector{Kind: "HTTPRoute", Namespace: w.namespace, Labels: labels.SelectorFromSet(shop)}
	found, err := w.router.Select(t.Context(), client.Reader(direct), w.target, []trafficrouting.RouteSelector{selector, selector})
	want := []trafficrouting.RouteRef{{Kind: "HTTPRoute", Namespace: w.namespace, Name: "a"}, {Kind: "HTTPRoute", Namespace: w.namespace, Name: "b"}}
	if diff := cmp.Diff(want, found); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	selector.Kind = "UDPRoute"
	if found, err = w.router.Select(t.Context(), client.Reader(direct), w.target, []trafficrouting.RouteSelector{selector}); len(found) > 0 || err != nil {
		t.Errorf("a kind that is not known: %v, %v", found, err)
	}
}

// What a GatewayClass says that it lacks refuses the start of a release; what it says nothing of is only told.
func TestFeatures(t *testing.T) {
	w := newWorldOf(t, schema.GroupVersionKind{Group: httpRoute.Group, Version: "v1", Kind: "GRPCRoute"})
	w.mustApply("team", simple)
	w.accept()
	if seen := w.observe(); seen.Problem != "" || seen.Warning != "" {
		t.Errorf("a Gateway that nobody knows: %+v", seen)
	}
	class := &gatewayv1.GatewayClass{
		ObjectMeta: metav1.ObjectMeta{Name: w.namespace}, Spec: gatewayv1.GatewayClassSpec{ControllerName: "example.com/gateway"},
	}
	if err := direct.Create(t.Context(), class); err != nil {
		t.Fatal(err)
	}
	if err := direct.Create(t.Context(), &gatewayv1.Gateway{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "edge"},
		Spec: gatewayv1.GatewaySpec{
			GatewayClassName: gatewayv1.ObjectName(class.Name),
			Listeners:        []gatewayv1.Listener{{Name: "http", Port: 80, Protocol: gatewayv1.HTTPProtocolType}},
		},
	}); err != nil {
		t.Fatal(err)
	}
	list := func(names ...gatewayv1.FeatureName) {
		class.Status.SupportedFeatures = nil
		for _, name := range names {
			class.Status.SupportedFeatures = append(class.Status.SupportedFeatures, gatewayv1.SupportedFeature{Name: name})
		}
		if err := direct.Status().Update(t.Context(), class); err != nil {
			t.Fatal(err)
		}
	}
	if seen := w.observe(); seen.Problem != "" || !strings.Contains(seen.Warning, "lists no supportedFeatures") {
		t.Errorf("an empty list: %+v", seen)
	}
	list("Gateway", "HTTPRoute")
	w.wantProblem("another kind", trafficrouting.ReasonFeatureMissing, "GatewayClass "+class.Name, "does not list GRPCRoute")
	list("GRPCRoute", "Gateway", "HTTPRoute")
	if seen := w.observe(); seen.Problem != "" || seen.Warning != "" {
		t.Errorf("it has all: %+v", seen)
	}
	w.begin()
	w.setWeight(20)
	list("Gateway")
	if seen := w.observe(); seen.Problem != "" || !strings.Contains(seen.Warning, "GRPCRoute") {
		t.Errorf("in mid-release it is only told: %+v", seen)
	}
}

// A policy that is about the stable Service alone refuses a release: the canary would be spoken to in another way.
func TestPolicies(t *testing.T) {
	w := newWorld(t)
	w.mustApply("team", simple)
	w.accept()
	target := func(service string) gatewayv1.LocalPolicyTargetReferenceWithSectionName {
		return gatewayv1.LocalPolicyTargetReferenceWithSectionName{LocalPolicyTargetReference: gatewayv1.LocalPolicyTargetReference{
			Kind: "Service", Name: gatewayv1.ObjectName(service),
		}}
	}
	policy := func(name string, services ...string) {
		p := &gatewayv1.BackendTLSPolicy{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name},
			Spec: gatewayv1.BackendTLSPolicySpec{Validation: gatewayv1.BackendTLSPolicyValidation{
				Hostname: "shop.example", WellKnownCACertificates: new(gatewayv1.WellKnownCACertificatesSystem),
			}},
		}
		for _, service := range services {
			p.Spec.TargetRefs = append(p.Spec.TargetRefs, target(service))
		}
		if err := direct.Create(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	policy("other", "docs")
	w.wantProblem("a policy of something else", "")
	policy("tls", "web-stable", "api")
	w.wantProblem("a policy of the stable Service", trafficrouting.ReasonPolicyIncomplete, "BackendTLSPolicy tls", "Service web-canary")
	policy("tls-canary", "web-canary")
	w.wantProblem("one for each", "")
}
