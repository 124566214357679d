package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/manifest"
)

// argoKinds are the kinds of Argo Rollouts; true for all, so that a look-up tells them.
var argoKinds = map[string]bool{
	"Rollout": true, "AnalysisTemplate": true, "ClusterAnalysisTemplate": true, "AnalysisRun": true, "Experiment": true,
}

// argoHints say what to do about a field that Argo Rollouts has and Sluice has not, by a part of its path: the first that
// is found counts.
var argoHints = []struct{ part, hint string }{
	{".trafficRouting.plugins", ""}, // see pluginHint
	{".trafficRouting.managedRoutes", "leave it out: nothing but weights is changed in a route"},
	{".trafficRouting.maxTrafficWeight", "leave it out: weights are percentages"},
	{".trafficRouting.", "Sluice moves the weights of Gateway API routes: give this traffic an HTTPRoute, and name it under trafficRouting.gatewayAPI.httpRoutes"},
	{".setHeaderRoute", "there is no such step: leave it out; a rule of the HTTPRoute itself may match a header"},
	{".setMirrorRoute", "there is no such step: leave it out; a filter of the HTTPRoute itself may mirror requests"},
	{".experiment", "there are no experiments: an analysis step judges the canary itself"},
	{".plugin", "there are no step plugins: leave it out"},
	{".pingPong", "leave it out and name canaryService and stableService: Services are switched only while no request can be lost"},
	{".dryRun", "leave it out: give the metric failureLimit: -1 instead"},
	{".measurementRetention", "leave it out: a bounded number of measurements is kept"},
	{".provider.", "Sluice measures with prometheus, or with anything that speaks its API"},
}

// checkArgo reads an object of Argo Rollouts as one of ours, and says what has to be changed.
func (c *checker) checkArgo(o *manifest.Object) {
	definition := c.definitions[o.Kind()]
	if definition == nil {
		c.found.add(o, ruleArgo, "kind", fmt.Sprintf("Sluice has no kind %s: an analysis step of a Rollout takes its place", o.Kind()))
		return
	}
	c.found.add(o, ruleArgo, "apiVersion", fmt.Sprintf("this is an object of Argo Rollouts; write apiVersion: %s", v1alpha1.GroupVersion))
	object := runtime.DeepCopyJSON(o.Content)
	object["apiVersion"] = v1alpha1.GroupVersion.String()
	delete(object, "status")
	errs := definition.Check(c.ctx, object)
	var hinted []string
	for _, err := range errs {
		if err.Type != field.ErrorTypeForbidden {
			continue
		}
		hinted = append(hinted, err.Field)
		c.found.add(o, ruleArgo, err.Field, argoHint(o, err.Field))
	}
	for _, err := range errs {
		told := slices.ContainsFunc(hinted, func(path string) bool { return strings.HasPrefix(path, err.Field) })
		if err.Type != field.ErrorTypeForbidden && !told {
			c.found.add(o, ruleArgo, err.Field, detail(err))
		}
	}
	if strings.HasSuffix(o.Kind(), "AnalysisTemplate") {
		c.checkAnalysisTemplate(o)
	}
}

func argoHint(o *manifest.Object, path string) string {
	for _, h := range argoHints {
		if !strings.Contains(path+".", h.part) {
			continue
		}
		if h.hint == "" {
			return pluginHint(o)
		}
		return h.hint
	}
	return "Sluice has no such field: leave it out"
}

// pluginHint is the routing of Sluice that a Gateway API plugin of Argo Rollouts comes to.
func pluginHint(o *manifest.Object) string {
	var names []string
	for _, strategy := range fields(o.At("spec", "strategy")) {
		plugins := fields(fields(fields(strategy)["trafficRouting"])["plugins"])
		for _, name := range slices.Sorted(maps.Keys(plugins)) {
			config := fields(plugins[name])
			if route, ok := config["httpRoute"].(string); ok {
				names = append(names, "{name: "+route+"}")
			}
			routes, _ := config["httpRoutes"].([]any)
			for _, route := range routes {
				if route, ok := fields(route)["name"].(string); ok {
					names = append(names, "{name: "+route+"}")
				}
			}
		}
	}
	if len(names) == 0 {
		return "there are no plugins: name the HTTPRoutes under trafficRouting.gatewayAPI.httpRoutes"
	}
	return "write trafficRouting: {gatewayAPI: {httpRoutes: [" + strings.Join(names, ", ") + "]}} instead"
}
