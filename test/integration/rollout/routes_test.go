package rollout

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/test/integration/worlds"
)

// routeNamed is an HTTPRoute to the stable Service.
func routeNamed(name, labels string) string {
	return fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: %s, labels: {%s}}
spec:
  parentRefs: [{name: gateway}]
  rules:
  - {name: main, backendRefs: [{name: web, port: 80}]}
  - {name: mixed, matches: [{path: {value: /old}}], backendRefs: [{name: web, port: 80, weight: 3}, {name: legacy, port: 80, weight: 1}]}
`, name, labels)
}

// severalRoutes is a Rollout that names one route and selects others.
func severalRoutes(image string) string {
	return rolloutWith(image, `
    canary:
      stableService: web
      canaryService: web-canary
      scaleDownDelaySeconds: 0
      abortScaleDownDelaySeconds: 0
      trafficRouting:
        settleSeconds: 0
        gatewayAPI:
          httpRoutes: [{name: named}]
          httpRouteSelector: {matchLabels: {app: web}}
      steps: [{setWeight: 20}, {pause: {}}, {setWeight: 40}, {pause: {}}]`)
}

// shares are the weights of a route's backends, as name=weight for each rule.
func (w *world) shares(name string) string {
	w.Helper()
	route := &gatewayv1.HTTPRoute{}
	w.Get(route, name)
	var rules []string
	for _, rule := range route.Spec.Rules {
		var backends []string
		for _, backend := range rule.BackendRefs {
			backends = append(backends, fmt.Sprintf("%s=%d", backend.Name, *backend.Weight))
		}
		rules = append(rules, strings.Join(backends, " "))
	}
	return strings.Join(rules, ", ")
}

func (w *world) untilShares(want string, names ...string) {
	w.Helper()
	for _, name := range names {
		w.Eventually(func() string { return w.shares(name) }, patience, pace).Should(gomega.Equal(want), name)
	}
}

// Named and selected routes move together, in all of their rules. One that gets the labels in mid-release joins, one that
// loses them is given back at the end, and one that is deleted is missed by nobody.
func TestSeveralRoutes(t *testing.T) {
	const (
		at20 = "web=80 web-canary=20, web=240 legacy=100 web-canary=60"
		at40 = "web=60 web-canary=40, web=180 legacy=100 web-canary=120"
		rest = "web=1, web=3 legacy=1"
	)
	w := newWorld(t)
	w.Apply(services, routeNamed("named", ""), routeNamed("leaver", "app: web"), routeNamed("deleted", "app: web"),
		routeNamed("joiner", ""), severalRoutes("app:1"))
	first := w.UntilHealthy()
	before := map[string]gatewayv1.HTTPRoute{}
	for _, name := range []string{"named", "leaver", "joiner"} {
		route := gatewayv1.HTTPRoute{}
		w.Get(&route, name)
		before[name] = route
	}

	w.Apply(severalRoutes("app:2"))
	ro := w.untilStep("2/4", v1alpha1.RolloutPaused)
	w.untilShares(at20, "named", "leaver", "deleted")
	w.untilShares(rest, "joiner")
	var recorded []string
	for _, route := range ro.Status.Release.Routes {
		recorded = append(recorded, route.Name)
	}
	if diff := cmp.Diff([]string{"deleted", "leaver", "named"}, recorded); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}

	w.Patch(&gatewayv1.HTTPRoute{}, "joiner", `{"metadata":{"labels":{"app":"web"}}}`)
	w.untilShares(at20, "joiner")
	w.Patch(&gatewayv1.HTTPRoute{}, "leaver", `{"metadata":{"labels":{"app":null}}}`)
	gone := &gatewayv1.HTTPRoute{}
	w.Get(gone, "deleted")
	w.Expect(client.IgnoreNotFound(direct.Delete(t.Context(), gone))).To(gomega.Succeed())

	w.Promote(w.untilStep("2/4", v1alpha1.RolloutPaused))
	ro = w.untilStep("4/4", v1alpha1.RolloutPaused)
	w.untilShares(at40, "named", "leaver", "joiner")
	w.Promote(ro)
	w.Until("promoted", func(ro *v1alpha1.Rollout) bool {
		return worlds.Healthy(ro) && ro.Status.StableRevision != first.Status.StableRevision
	})
	w.untilShares(rest, "named", "leaver", "joiner")
	for name, was := range before {
		w.Eventually(func() bool {
			route := &gatewayv1.HTTPRoute{}
			w.Get(route, name)
			return equality.Semantic.DeepEqual(was.Spec, route.Spec) && len(route.Annotations) == 0
		}, patience, pace).Should(gomega.BeTrue(), name)
	}
	w.quiet()
}

// A selector that finds nothing is said.
func TestNoRouteSelected(t *testing.T) {
	w := newWorld(t)
	w.Apply(oneService, labelledRoute, ownRolloutOf("app:1"))
	w.UntilHealthy()
	w.Patch(&gatewayv1.HTTPRoute{}, "web", `{"metadata":{"labels":{"app":"else"}}}`)
	w.UntilCondition(v1alpha1.ConditionInvalid, "True", v1alpha1.ReasonRouteInvalid, `sends traffic to Service "web"`)
	w.Patch(&gatewayv1.HTTPRoute{}, "web", `{"metadata":{"labels":{"app":"web"}}}`)
	w.UntilHealthy()
}
