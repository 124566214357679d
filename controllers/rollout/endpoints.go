package rollout

import (
	"fmt"
	"maps"
	"slices"

	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// countEndpoints counts the ready pods of each revision behind a Service. revisions gives the revision of a pod by its
// name; endpoints that are not of a known pod count for the revision "". It counts each pod once, however many addresses
// and ports it has.
func countEndpoints(all []discoveryv1.EndpointSlice, revisions map[string]string) []plan.Endpoints {
	ready := map[string]int32{}
	counted := map[string]bool{}
	for _, slice := range all {
		for i, endpoint := range slice.Endpoints {
			if !or(endpoint.Conditions.Ready, true) {
				continue
			}
			name := fmt.Sprintf("%s/%d", slice.Name, i) // of an endpoint that is no pod
			if ref := endpoint.TargetRef; ref != nil && ref.Kind == "Pod" {
				name = "pod " + ref.Name
			}
			if counted[name] {
				continue
			}
			counted[name] = true
			ready[revisionOfEndpoint(endpoint, revisions)]++
		}
	}
	out := make([]plan.Endpoints, 0, len(ready))
	for _, name := range slices.Sorted(maps.Keys(ready)) {
		out = append(out, plan.Endpoints{Revision: name, Ready: ready[name]})
	}
	return out
}

func revisionOfEndpoint(endpoint discoveryv1.Endpoint, revisions map[string]string) string {
	if ref := endpoint.TargetRef; ref != nil && ref.Kind == "Pod" {
		return revisions[ref.Name]
	}
	return ""
}
