package rollout

import (
	"context"
	"fmt"
	"maps"
	"slices"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// readEndpoints counts the ready pods of each revision behind a Service. revisions gives the revision of a pod by its
// name; endpoints that are not of a known pod count for the revision "".
func readEndpoints(
	ctx context.Context, reader client.Reader, service types.NamespacedName, revisions map[string]string,
) ([]plan.Endpoints, error) {
	var list discoveryv1.EndpointSliceList
	err := reader.List(ctx, &list, client.InNamespace(service.Namespace),
		client.MatchingLabels{discoveryv1.LabelServiceName: service.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("list EndpointSlices of Service %s: %w", service.Name, err)
	}
	return countEndpoints(list.Items, revisions), nil
}

// countEndpoints counts each pod once, however many addresses and ports it has.
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
