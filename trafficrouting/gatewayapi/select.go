package gatewayapi

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/trafficrouting"
	"github.com/sluicehq/sluice/trafficrouting/claims"
)

// Select implements trafficrouting.Router.
func (r *Router) Select(
	ctx context.Context, reader client.Reader, target trafficrouting.Target, selectors []trafficrouting.RouteSelector,
) ([]trafficrouting.RouteRef, error) {
	var found []trafficrouting.RouteRef
	for _, selector := range selectors {
		if len(r.namespaces) > 0 && !slices.Contains(r.namespaces, selector.Namespace) {
			continue
		}
		routes, err := r.list(ctx, reader, selector.Kind, selector.Namespace, client.MatchingLabelsSelector{Selector: selector.Labels})
		if err != nil {
			return nil, err
		}
		for i := range routes {
			ref := trafficrouting.RouteRef{Kind: selector.Kind, Namespace: selector.Namespace, Name: routes[i].GetName()}
			if namesStable(&routes[i], servicesOf(target, ref)) && !slices.Contains(found, ref) {
				found = append(found, ref)
			}
		}
	}
	slices.SortFunc(found, trafficrouting.RouteRef.Compare)
	return found, nil
}

// namesStable says whether a rule of the route names the stable Service.
func namesStable(route *unstructured.Unstructured, s services) bool {
	return slices.ContainsFunc(claims.Rules(route.Object), func(rule map[string]any) bool { return len(s.view(rule).Stable) > 0 })
}

// list lists the objects of a kind in a namespace; a kind that is not served has none. They may be the cache's own and
// must not be changed.
func (r *Router) list(
	ctx context.Context, reader client.Reader, kind, namespace string, options ...client.ListOption,
) ([]unstructured.Unstructured, error) {
	served, ok, err := r.kinds.Served(kind)
	if err != nil || !ok {
		return nil, err
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(served.GroupVersion().WithKind(kind + "List"))
	err = reader.List(ctx, list, append(options, client.InNamespace(namespace), client.UnsafeDisableDeepCopy)...)
	if meta.IsNoMatchError(err) {
		r.kinds.forget(kind)
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing %ss in namespace %s: %w", kind, namespace, err)
	}
	return list.Items, nil
}
