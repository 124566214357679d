package wanted

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// kindHTTPRoute is the kind of route that goes by its name alone.
const kindHTTPRoute = "HTTPRoute"

// routes are the names of the routes of a strategy, as ReleaseDrives.Routes has them, ordered and each once.
func routes(strategy v1alpha1.RolloutStrategy) []string {
	var names []string
	for _, route := range strategy.Routes() {
		name := route.Name
		switch {
		case route.Namespace != "":
			name = route.Kind + "/" + route.Namespace + "/" + name
		case route.Kind != kindHTTPRoute:
			name = route.Kind + "/" + name
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// selectors are the selectors of a strategy as text. One that cannot be read finds nothing; checkSelectors says so.
func selectors(strategy v1alpha1.RolloutStrategy) []v1alpha1.ReleaseRouteSelector {
	var out []v1alpha1.ReleaseRouteSelector
	for _, s := range strategy.RouteSelectors() {
		if selector, err := readSelector(s.RouteSelector); err == nil && !selector.Empty() {
			out = append(out, v1alpha1.ReleaseRouteSelector{Kind: s.Kind, Namespace: s.Namespace, Selector: selector.String()})
		}
	}
	return out
}

func readSelector(s v1alpha1.RouteSelector) (labels.Selector, error) {
	return metav1.LabelSelectorAsSelector(&metav1.LabelSelector{MatchLabels: s.MatchLabels, MatchExpressions: s.MatchExpressions})
}

// checkSelectors refuses selectors of routes that cannot be read. Its error begins with the path below spec.strategy.
func checkSelectors(strategy v1alpha1.RolloutStrategy) error {
	path := ".canary"
	if strategy.BlueGreen != nil {
		path = ".blueGreen"
	}
	for _, s := range strategy.RouteSelectors() {
		if _, err := readSelector(s.RouteSelector); err != nil {
			return fmt.Errorf("%s.trafficRouting.gatewayAPI.%s: %w", path, s.Path, err)
		}
	}
	return nil
}
