package table

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// Backend is one of a rule's, with its share of the requests.
type Backend struct {
	Service types.NamespacedName
	Port    int32
	// Weight among the rule's backends, 0 to 1,000,000.
	Weight  int32
	Filters []gatewayv1.HTTPRouteFilter
	// GRPC is true for a backend of a GRPCRoute, which is spoken to in HTTP/2.
	GRPC bool
	// Unresolved says why the reference leads nowhere: its share of requests gets status 500. Empty if it does not.
	Unresolved string
}

func newBackend(route RouteKey, ref gatewayv1.HTTPBackendRef, objects Objects) Backend {
	service, unresolved := resolveRef(route, ref.BackendObjectReference, objects)
	backend := Backend{
		Service: service, Port: value(ref.Port, 0), Weight: value(ref.Weight, 1), Filters: ref.Filters,
		GRPC: route.Kind == KindGRPCRoute,
	}
	if !unresolved.Good {
		backend.Unresolved = unresolved.Message
	}
	return backend
}

// Mirror is where a filter mirrors to.
type Mirror struct {
	Backend Backend
	// Numerator of Denominator requests are mirrored.
	Numerator, Denominator int64
}

// mirrorsOf are the mirrors of a rule that lead somewhere.
func mirrorsOf(route RouteKey, filters []gatewayv1.HTTPRouteFilter, objects Objects) []Mirror {
	var mirrors []Mirror
	for _, f := range filters {
		m := f.RequestMirror
		if m == nil {
			continue
		}
		backend := newBackend(route, gatewayv1.HTTPBackendRef{BackendRef: gatewayv1.BackendRef{BackendObjectReference: m.BackendRef}}, objects)
		if backend.Unresolved != "" {
			continue
		}
		mirror := Mirror{Backend: backend, Numerator: 1, Denominator: 1}
		switch {
		case m.Percent != nil:
			mirror.Numerator, mirror.Denominator = int64(*m.Percent), 100
		case m.Fraction != nil:
			mirror.Numerator, mirror.Denominator = int64(m.Fraction.Numerator), int64(value(m.Fraction.Denominator, 100))
		}
		mirrors = append(mirrors, mirror)
	}
	return mirrors
}

// resolve says whether every reference of a route leads somewhere; the first one that does not is named.
func resolve(route Route, objects Objects) Finding {
	for _, rule := range route.Rules {
		for _, ref := range referencesOf(rule) {
			if _, found := resolveRef(route.Key, ref, objects); !found.Good {
				return found
			}
		}
	}
	return Finding{true, string(gatewayv1.RouteReasonResolvedRefs), "all references are resolved"}
}

// referencesOf are the Services that a rule refers to: its backends, and where its filters mirror to.
func referencesOf(rule gatewayv1.HTTPRouteRule) []gatewayv1.BackendObjectReference {
	var refs []gatewayv1.BackendObjectReference
	filters := slices.Clone(rule.Filters)
	for _, ref := range rule.BackendRefs {
		refs = append(refs, ref.BackendObjectReference)
		filters = append(filters, ref.Filters...)
	}
	for _, f := range filters {
		if f.RequestMirror != nil {
			refs = append(refs, f.RequestMirror.BackendRef)
		}
	}
	return refs
}

// resolveRef finds the Service of a reference. It must have the port and, in another namespace, a grant.
func resolveRef(route RouteKey, ref gatewayv1.BackendObjectReference, objects Objects) (types.NamespacedName, Finding) {
	name := types.NamespacedName{
		Namespace: string(value(ref.Namespace, gatewayv1.Namespace(route.Namespace))), Name: string(ref.Name),
	}
	unresolved := func(reason gatewayv1.RouteConditionReason, format string, args ...any) (types.NamespacedName, Finding) {
		return name, Finding{Reason: string(reason), Message: fmt.Sprintf(format, args...)}
	}
	if value(ref.Group, "") != "" || value(ref.Kind, "Service") != "Service" {
		return unresolved(gatewayv1.RouteReasonInvalidKind, "a backend of kind %s is not supported", value(ref.Kind, "Service"))
	}
	if name.Namespace != route.Namespace && !granted(route, name, objects.Grants) {
		return unresolved(gatewayv1.RouteReasonRefNotPermitted, "no ReferenceGrant in namespace %s lets %ss of namespace %s refer to Service %s",
			name.Namespace, route.Kind, route.Namespace, name.Name)
	}
	ports, found := objects.Services[name]
	switch {
	case !found:
		return unresolved(gatewayv1.RouteReasonBackendNotFound, "Service %s does not exist", name)
	case ref.Port == nil || !slices.Contains(ports, *ref.Port):
		return unresolved(gatewayv1.RouteReasonBackendNotFound, "Service %s has no port %d", name, value(ref.Port, 0))
	}
	return name, Finding{Good: true}
}

// granted says whether a grant in the Service's namespace lets the route refer to it.
func granted(route RouteKey, service types.NamespacedName, grants []gatewayv1.ReferenceGrant) bool {
	return slices.ContainsFunc(grants, func(g gatewayv1.ReferenceGrant) bool {
		return g.Namespace == service.Namespace &&
			slices.ContainsFunc(g.Spec.From, func(from gatewayv1.ReferenceGrantFrom) bool {
				return from.Group == gatewayv1.GroupName && string(from.Kind) == route.Kind && string(from.Namespace) == route.Namespace
			}) &&
			slices.ContainsFunc(g.Spec.To, func(to gatewayv1.ReferenceGrantTo) bool {
				return to.Group == "" && to.Kind == "Service" && (to.Name == nil || string(*to.Name) == service.Name)
			})
	})
}
