package trafficrouting

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/sluicehq/sluice/trafficrouting/claims"
)

// RouteRef names one route.
type RouteRef struct {
	// Kind such as HTTPRoute.
	Kind string
	// Namespace and Name of the route.
	Namespace, Name string
}

func (r RouteRef) String() string { return r.Kind + " " + r.Namespace + "/" + r.Name }

// Compare orders routes by kind, namespace and name.
func (r RouteRef) Compare(other RouteRef) int {
	return cmp.Or(cmp.Compare(r.Kind, other.Kind), cmp.Compare(r.Namespace, other.Namespace), cmp.Compare(r.Name, other.Name))
}

// RouteSelector finds routes by their labels.
type RouteSelector struct {
	// Kind and Namespace of the routes.
	Kind, Namespace string
	// Labels that they have.
	Labels labels.Selector
}

// Matches says whether a selector asks for a route of this kind and namespace with these labels.
func (s RouteSelector) Matches(route RouteRef, has map[string]string) bool {
	return s.Kind == route.Kind && s.Namespace == route.Namespace && s.Labels.Matches(labels.Set(has))
}

// NameOf is the name by which records and status know a route: that of the object for an HTTPRoute of the Rollout's
// namespace, Kind/name for another kind there, and Kind/namespace/name elsewhere.
func (t Target) NameOf(route RouteRef) string {
	switch {
	case route.Namespace != t.Namespace:
		return route.Kind + "/" + route.Namespace + "/" + route.Name
	case route.Kind != claims.KindHTTPRoute:
		return route.Kind + "/" + route.Name
	}
	return route.Name
}

// ParseRoute reads a name that NameOf gave, for a Rollout of this namespace. It returns an error for anything else.
func ParseRoute(namespace, name string) (RouteRef, error) {
	ref := RouteRef{Kind: claims.KindHTTPRoute, Namespace: namespace}
	parts := strings.Split(name, "/")
	switch len(parts) {
	case 1:
		ref.Name = parts[0]
	case 2:
		ref.Kind, ref.Name = parts[0], parts[1]
	case 3:
		ref.Kind, ref.Namespace, ref.Name = parts[0], parts[1], parts[2]
	}
	if !claims.IsRoute(ref.Kind) || ref.Name == "" || slices.Contains(parts, "") {
		return RouteRef{}, fmt.Errorf("%q names no route: it is a name, Kind/name or Kind/namespace/name", name)
	}
	return ref, nil
}
