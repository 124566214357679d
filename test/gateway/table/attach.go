package table

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// Listener names a listener of a Gateway.
type Listener struct {
	Gateway types.NamespacedName
	Name    gatewayv1.SectionName
}

// Finding is what is said of a route in one condition.
type Finding struct {
	// Good is the condition's status.
	Good            bool
	Reason, Message string
}

// Parent is what is said of a route at one of its parents.
type Parent struct {
	Ref                    gatewayv1.ParentReference
	Accepted, ResolvedRefs Finding
}

// attachment is a listener that a route is attached to, with the hosts for which it is.
type attachment struct {
	listener Listener
	host     hostname
}

// SupportedKinds are the kinds of routes that the listener takes: of those that it allows, the ones that the data plane
// knows. unknown says that it allows others too. A listener that is not HTTP takes none.
func SupportedKinds(listener *gatewayv1.Listener) (kinds []string, unknown bool) {
	if listener.Protocol != gatewayv1.HTTPProtocolType {
		return nil, false
	}
	known := []string{KindHTTPRoute, KindGRPCRoute}
	if listener.AllowedRoutes == nil || len(listener.AllowedRoutes.Kinds) == 0 {
		return known, false
	}
	for _, allowed := range listener.AllowedRoutes.Kinds {
		if value(allowed.Group, gatewayv1.GroupName) == gatewayv1.GroupName && slices.Contains(known, string(allowed.Kind)) {
			kinds = append(kinds, string(allowed.Kind))
		} else {
			unknown = true
		}
	}
	return kinds, unknown
}

// attach finds the listeners that a parentRef attaches the route to. known is false when the parent is not one of the
// given Gateways, of which nothing is to be said.
func attach(route Route, ref gatewayv1.ParentReference, objects Objects) (attached []attachment, accepted Finding, known bool) {
	gateway := parentOf(route, ref, objects.Gateways)
	if gateway == nil {
		return nil, Finding{}, false
	}
	attached, reason := listenersFor(route, ref, gateway, objects.Namespaces)
	switch {
	case route.Unsupported != "":
		return nil, Finding{false, string(gatewayv1.RouteReasonUnsupportedValue), "not supported: " + route.Unsupported}, true
	case len(attached) == 0:
		return nil, Finding{false, string(reason), whyNot[reason]}, true
	case route.Refused != "":
		return attached, Finding{false, string(gatewayv1.RouteReasonUnsupportedValue), route.Refused}, true
	}
	return attached, Finding{true, string(gatewayv1.RouteReasonAccepted), "the route is accepted"}, true
}

// whyNot are the reasons for which a route is attached to no listener, in words.
var whyNot = map[gatewayv1.RouteConditionReason]string{
	gatewayv1.RouteReasonNoMatchingParent:           "the Gateway has no listener of that section and port",
	gatewayv1.RouteReasonNotAllowedByListeners:      "no listener allows this route's kind and namespace",
	gatewayv1.RouteReasonNoMatchingListenerHostname: "no listener has a hostname of the route's",
}

// parentOf is the Gateway that the parentRef names; nil if it is none of these.
func parentOf(route Route, ref gatewayv1.ParentReference, gateways []gatewayv1.Gateway) *gatewayv1.Gateway {
	if value(ref.Group, gatewayv1.GroupName) != gatewayv1.GroupName || value(ref.Kind, "Gateway") != "Gateway" {
		return nil
	}
	namespace := string(value(ref.Namespace, gatewayv1.Namespace(route.Key.Namespace)))
	at := slices.IndexFunc(gateways, func(g gatewayv1.Gateway) bool {
		return g.Namespace == namespace && g.Name == string(ref.Name)
	})
	if at < 0 {
		return nil
	}
	return &gateways[at]
}

// listenersFor are the listeners of the Gateway to which the route is attached. Where there are none, the reason is that
// of the listener which came nearest.
func listenersFor(route Route, ref gatewayv1.ParentReference, gateway *gatewayv1.Gateway, namespaces map[string]map[string]string,
) (attached []attachment, reason gatewayv1.RouteConditionReason) {
	name := types.NamespacedName{Namespace: gateway.Namespace, Name: gateway.Name}
	reason = gatewayv1.RouteReasonNoMatchingParent
	for i := range gateway.Spec.Listeners {
		listener := &gateway.Spec.Listeners[i]
		if ref.SectionName != nil && *ref.SectionName != listener.Name || ref.Port != nil && *ref.Port != listener.Port {
			continue
		}
		if !allows(listener, route.Key, gateway.Namespace, namespaces) {
			if reason == gatewayv1.RouteReasonNoMatchingParent {
				reason = gatewayv1.RouteReasonNotAllowedByListeners
			}
			continue
		}
		reason = gatewayv1.RouteReasonNoMatchingListenerHostname
		for _, host := range hostsAt(listener, route) {
			attached = append(attached, attachment{Listener{Gateway: name, Name: listener.Name}, host})
		}
	}
	return attached, reason
}

// hostsAt are the hosts for which a route is attached to a listener.
func hostsAt(listener *gatewayv1.Listener, route Route) []hostname {
	own := hostname(value(listener.Hostname, ""))
	if len(route.Hostnames) == 0 {
		return []hostname{own}
	}
	var hosts []hostname
	for _, wanted := range route.Hostnames {
		if host, ok := both(own, hostname(wanted)); ok {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// allows says whether the listener takes routes of this kind from this namespace.
func allows(listener *gatewayv1.Listener, route RouteKey, gateway string, namespaces map[string]map[string]string) bool {
	if kinds, _ := SupportedKinds(listener); !slices.Contains(kinds, route.Kind) {
		return false
	}
	from, selector := gatewayv1.NamespacesFromSame, (*metav1.LabelSelector)(nil)
	if listener.AllowedRoutes != nil && listener.AllowedRoutes.Namespaces != nil {
		from = value(listener.AllowedRoutes.Namespaces.From, from)
		selector = listener.AllowedRoutes.Namespaces.Selector
	}
	switch from {
	case gatewayv1.NamespacesFromAll:
		return true
	case gatewayv1.NamespacesFromSelector:
		chosen, err := metav1.LabelSelectorAsSelector(selector)
		return err == nil && chosen.Matches(labels.Set(namespaces[route.Namespace]))
	case gatewayv1.NamespacesFromSame:
		return route.Namespace == gateway
	case gatewayv1.NamespacesFromNone:
	}
	return false
}
