package routing

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/sluicehq/sluice/trafficrouting"
	"github.com/sluicehq/sluice/trafficrouting/gatewayapi"
)

// world is one route in a namespace of its own.
type world struct {
	*testing.T
	// kind of the route, as its owner writes it.
	kind schema.GroupVersionKind
	// namespace of the route, which is that of the Services as well unless a test says otherwise.
	namespace string
	// name is that by which records know the route.
	name   string
	target trafficrouting.Target
	router *gatewayapi.Router
}

var httpRoute = schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOf(t, httpRoute)
}

func newWorldOf(t *testing.T, kind schema.GroupVersionKind) *world {
	t.Helper()
	w := &world{T: t, kind: kind, namespace: newNamespace(t), router: newRouter(direct)}
	w.serve(w.namespace)
	return w
}

func newRouter(c client.Client) *gatewayapi.Router {
	return gatewayapi.New(gatewayapi.Options{Client: c, Live: direct, Kinds: kinds})
}

func newNamespace(t *testing.T) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "routing-"}}
	if err := direct.Create(t.Context(), namespace); err != nil {
		t.Fatalf("creating a namespace: %v", err)
	}
	return namespace.Name
}

// serve has the route send traffic to the Services of a namespace.
func (w *world) serve(namespace string) {
	ref := trafficrouting.RouteRef{Kind: w.kind.Kind, Namespace: w.namespace, Name: "web"}
	w.target = trafficrouting.Target{
		Namespace: namespace, Routes: []trafficrouting.RouteRef{ref}, StableService: "web-stable", CanaryService: "web-canary",
	}
	w.name = w.target.NameOf(ref)
}

// manifest is the user's route with these rules, as YAML.
func (w *world) manifest(rules string) *unstructured.Unstructured {
	w.Helper()
	route := gatewayapi.NewRoute(w.kind)
	text := "spec:\n  hostnames: [shop.example]\n  parentRefs:\n  - name: edge\n  rules:\n" + indent(rules)
	if w.kind.Kind == "TCPRoute" {
		text = strings.Replace(text, "  hostnames: [shop.example]\n", "", 1)
	}
	if err := yaml.Unmarshal([]byte(text), &route.Object); err != nil {
		w.Fatalf("%v in\n%s", err, text)
	}
	route.SetGroupVersionKind(w.kind)
	route.SetNamespace(w.namespace)
	route.SetName("web")
	return route
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ") + "\n"
}

// apply is `kubectl apply --server-side --field-manager=manager`.
func (w *world) apply(manager string, route *unstructured.Unstructured, opts ...client.ApplyOption) error {
	return direct.Apply(w.Context(), client.ApplyConfigurationFromUnstructured(route.DeepCopy()),
		append(opts, client.FieldOwner(manager))...)
}

func (w *world) mustApply(manager, rules string, opts ...client.ApplyOption) {
	w.Helper()
	if err := w.apply(manager, w.manifest(rules), opts...); err != nil {
		w.Fatalf("%s applies: %v", manager, err)
	}
}

func (w *world) live() *unstructured.Unstructured {
	w.Helper()
	route := gatewayapi.NewRoute(w.kind)
	if err := direct.Get(w.Context(), client.ObjectKey{Namespace: w.namespace, Name: "web"}, route); err != nil {
		w.Fatalf("reading the route: %v", err)
	}
	return route
}

// accept writes the status of a gateway's controller: the route as it is now is accepted and resolved.
func (w *world) accept() { w.Helper(); w.report("edge", "True", "True") }

// report writes what a gateway's controller says of the present generation. It replaces all earlier reports.
func (w *world) report(gateway, accepted, resolved string) {
	w.Helper()
	route := w.live()
	condition := func(kind, status string) map[string]any {
		return map[string]any{
			"type": kind, "status": status, "observedGeneration": route.GetGeneration(), "reason": "Because", "message": "said so",
			"lastTransitionTime": "2026-01-01T00:00:00Z",
		}
	}
	parents := []any{map[string]any{
		"parentRef":      map[string]any{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": gateway},
		"controllerName": "example.com/gateway",
		"conditions":     []any{condition("Accepted", accepted), condition("ResolvedRefs", resolved)},
	}}
	if err := unstructured.SetNestedSlice(route.Object, parents, "status", "parents"); err != nil {
		w.Fatal(err)
	}
	if err := direct.Status().Update(w.Context(), route, client.FieldOwner("gateway")); err != nil {
		w.Fatalf("writing the status: %v", err)
	}
}

func (w *world) observe() trafficrouting.Route {
	w.Helper()
	routes, err := w.router.Observe(w.Context(), direct, w.target)
	if err != nil || len(routes) != 1 {
		w.Fatalf("observing: %v, %v", routes, err)
	}
	return routes[0]
}

// begin records the route as a release does before its first write.
func (w *world) begin() {
	w.Helper()
	seen := w.observe()
	if seen.Problem != "" || !seen.AtRest || seen.Original == "" {
		w.Fatalf("a release could not begin: %+v", seen)
	}
	w.target.Originals = map[string]string{w.name: seen.Original}
}

func (w *world) setWeight(percent int32) (wrote bool) {
	w.Helper()
	written, err := w.router.SetWeight(w.Context(), w.target, w.target.Originals, percent)
	if err != nil {
		w.Fatalf("setting %d %%: %v", percent, err)
	}
	if version, ok := written[w.name]; ok && version != w.live().GetResourceVersion() {
		w.Fatalf("the written version is given as %s", version)
	}
	if seen := w.observe(); seen.Low != percent || seen.High != percent || seen.AtRest {
		w.Fatalf("after setting %d %%: %+v", percent, seen)
	}
	return len(written) > 0
}

func (w *world) restore() {
	w.Helper()
	written, err := w.router.Restore(w.Context(), w.target, w.target.Originals)
	if err != nil {
		w.Fatalf("restoring: %v", err)
	}
	if version, ok := written[w.name]; ok && version != w.live().GetResourceVersion() {
		w.Fatalf("the written version is given as %s", version)
	}
	w.target.Originals = nil
}

// wantUnchanged holds the route to what it was before the release: the spec, and whose its fields are.
func (w *world) wantUnchanged(before *unstructured.Unstructured) {
	w.Helper()
	after := w.live()
	if got, want := specText(w.T, after), specText(w.T, before); got != want {
		w.Errorf("the spec is\n%s\nand was\n%s", got, want)
	}
	if diff := cmp.Diff(owners(before), owners(after)); diff != "" {
		w.Errorf("managed fields (-before +after):\n%s", diff)
	}
}

// weights of all backends, as "rule/backend=weight".
func (w *world) weights() string {
	w.Helper()
	var result []string
	rules, _, _ := unstructured.NestedSlice(w.live().Object, "spec", "rules")
	for i, rule := range rules {
		refs, _, _ := unstructured.NestedSlice(rule.(map[string]any), "backendRefs")
		for _, ref := range refs {
			fields := ref.(map[string]any)
			result = append(result, fmt.Sprintf("%d/%v=%v", i, fields["name"], fields["weight"]))
		}
	}
	return strings.Join(result, " ")
}

// specText is the JSON of the spec.
func specText(t *testing.T, route *unstructured.Unstructured) string {
	t.Helper()
	text, err := json.Marshal(route.Object["spec"])
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// owners are the managed fields but for those of the gateway's controller.
func owners(route *unstructured.Unstructured) []metav1.ManagedFieldsEntry {
	var entries []metav1.ManagedFieldsEntry
	for _, entry := range route.GetManagedFields() {
		if entry.Manager != "gateway" {
			entries = append(entries, entry)
		}
	}
	return entries
}

// ownsRules are the managers that own spec.rules.
func ownsRules(route *unstructured.Unstructured) []string {
	var managers []string
	for _, entry := range owners(route) {
		if strings.Contains(entry.FieldsV1.GetRawString(), `"f:rules"`) {
			managers = append(managers, entry.Manager)
		}
	}
	return managers
}
