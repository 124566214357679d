package table

import (
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// Kinds of routes.
const (
	KindHTTPRoute = "HTTPRoute"
	KindGRPCRoute = "GRPCRoute"
)

// RouteKey names a route.
type RouteKey struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// String is "Kind namespace/name".
func (k RouteKey) String() string { return k.Kind + " " + k.Namespace + "/" + k.Name }

// Route is an HTTPRoute or a GRPCRoute in one form.
type Route struct {
	Key RouteKey
	UID types.UID
	// Generation is what status reports as observed.
	Generation int64
	Created    metav1.Time
	ParentRefs []gatewayv1.ParentReference
	Hostnames  []gatewayv1.Hostname
	Rules      []gatewayv1.HTTPRouteRule
	// Serves is the generation that Rules are of. It is lower than Generation where a refused route is still served as
	// it was before.
	Serves int64
	// Refused is why the route is refused whatever it says; empty if it is not. Its rules are served all the same.
	Refused string
	// Unsupported is what the route asks for and cannot be had; empty if nothing.
	Unsupported string
}

// FromHTTP reads an HTTPRoute.
func FromHTTP(route *gatewayv1.HTTPRoute) Route {
	return newRoute(KindHTTPRoute, &route.ObjectMeta, route.Spec.CommonRouteSpec, route.Spec.Hostnames, route.Spec.Rules)
}

// FromGRPC reads a GRPCRoute.
func FromGRPC(route *gatewayv1.GRPCRoute) Route {
	rules := make([]gatewayv1.HTTPRouteRule, len(route.Spec.Rules))
	for i, rule := range route.Spec.Rules {
		rules[i] = gatewayv1.HTTPRouteRule{Name: rule.Name, SessionPersistence: rule.SessionPersistence}
		for _, match := range rule.Matches {
			rules[i].Matches = append(rules[i].Matches, fromGRPCMatch(match))
		}
		rules[i].Filters = fromGRPCFilters(rule.Filters)
		for _, ref := range rule.BackendRefs {
			rules[i].BackendRefs = append(rules[i].BackendRefs, gatewayv1.HTTPBackendRef{
				BackendRef: ref.BackendRef, Filters: fromGRPCFilters(ref.Filters),
			})
		}
	}
	return newRoute(KindGRPCRoute, &route.ObjectMeta, route.Spec.CommonRouteSpec, route.Spec.Hostnames, rules)
}

func newRoute(kind string, meta *metav1.ObjectMeta, spec gatewayv1.CommonRouteSpec, hostnames []gatewayv1.Hostname,
	rules []gatewayv1.HTTPRouteRule,
) Route {
	return Route{
		Key: RouteKey{Kind: kind, Namespace: meta.Namespace, Name: meta.Name}, UID: meta.UID, Generation: meta.Generation,
		Created: meta.CreationTimestamp, ParentRefs: spec.ParentRefs, Hostnames: hostnames, Rules: rules,
		Serves: meta.Generation, Unsupported: strings.Join(unsupportedIn(rules), "; "),
	}
}

// fromGRPCMatch makes a match on the path, which is /Service/Method in gRPC.
func fromGRPCMatch(match gatewayv1.GRPCRouteMatch) gatewayv1.HTTPRouteMatch {
	var result gatewayv1.HTTPRouteMatch
	for _, header := range match.Headers {
		kind := gatewayv1.HeaderMatchExact
		if header.Type != nil && *header.Type == gatewayv1.GRPCHeaderMatchRegularExpression {
			kind = gatewayv1.HeaderMatchRegularExpression
		}
		result.Headers = append(result.Headers, gatewayv1.HTTPHeaderMatch{
			Type: new(kind), Name: gatewayv1.HTTPHeaderName(header.Name), Value: header.Value,
		})
	}
	if match.Method != nil {
		result.Path = grpcPath(match.Method)
	}
	return result
}

func grpcPath(method *gatewayv1.GRPCMethodMatch) *gatewayv1.HTTPPathMatch {
	const anything = "[^/]+"
	path := func(kind gatewayv1.PathMatchType, value string) *gatewayv1.HTTPPathMatch {
		return &gatewayv1.HTTPPathMatch{Type: &kind, Value: &value}
	}
	service, name := value(method.Service, ""), value(method.Method, "")
	switch {
	case method.Type != nil && *method.Type == gatewayv1.GRPCMethodMatchRegularExpression:
		if service == "" {
			service = anything
		}
		if name == "" {
			name = anything
		}
		return path(gatewayv1.PathMatchRegularExpression, "/"+service+"/"+name)
	case service != "" && name != "":
		return path(gatewayv1.PathMatchExact, "/"+service+"/"+name)
	case service != "":
		return path(gatewayv1.PathMatchPathPrefix, "/"+service)
	case name != "":
		return path(gatewayv1.PathMatchRegularExpression, "/"+anything+"/"+name)
	}
	return nil
}

// fromGRPCFilters: the filters of a GRPCRoute are among those of an HTTPRoute, under the same names.
func fromGRPCFilters(filters []gatewayv1.GRPCRouteFilter) []gatewayv1.HTTPRouteFilter {
	var result []gatewayv1.HTTPRouteFilter
	for _, f := range filters {
		result = append(result, gatewayv1.HTTPRouteFilter{
			Type: gatewayv1.HTTPRouteFilterType(f.Type), RequestHeaderModifier: f.RequestHeaderModifier,
			ResponseHeaderModifier: f.ResponseHeaderModifier, RequestMirror: f.RequestMirror, ExtensionRef: f.ExtensionRef,
		})
	}
	return result
}

// supportedFilters are those that the data plane knows.
var supportedFilters = []gatewayv1.HTTPRouteFilterType{
	gatewayv1.HTTPRouteFilterRequestHeaderModifier, gatewayv1.HTTPRouteFilterResponseHeaderModifier,
	gatewayv1.HTTPRouteFilterURLRewrite, gatewayv1.HTTPRouteFilterRequestMirror,
}

// unsupportedIn is what the rules ask for and the data plane cannot do.
func unsupportedIn(rules []gatewayv1.HTTPRouteRule) []string {
	var found []string
	add := func(what string) {
		if !slices.Contains(found, what) {
			found = append(found, what)
		}
	}
	for _, rule := range rules {
		if rule.SessionPersistence != nil {
			add("sessionPersistence")
		}
		if rule.Retry != nil {
			add("retry")
		}
		filters := slices.Clone(rule.Filters)
		for _, ref := range rule.BackendRefs {
			filters = append(filters, ref.Filters...)
			for _, f := range ref.Filters {
				if f.RequestMirror != nil {
					add("the filter " + string(f.Type) + " of a backend")
				}
			}
		}
		for _, f := range filters {
			if !slices.Contains(supportedFilters, f.Type) {
				add("the filter " + string(f.Type))
			}
		}
		if _, err := timeoutOf(rule); err != nil {
			add(err.Error())
		}
		for _, match := range rule.Matches {
			if _, err := compileMatch(match); err != nil {
				add(err.Error())
			}
		}
	}
	return found
}

// timeoutOf is how long an answer may take; 0 means as long as it takes. A rule's two timeouts count as one, since
// nothing is tried twice: the shorter one.
func timeoutOf(rule gatewayv1.HTTPRouteRule) (time.Duration, error) {
	var shortest time.Duration
	if rule.Timeouts == nil {
		return 0, nil
	}
	for _, text := range []*gatewayv1.Duration{rule.Timeouts.Request, rule.Timeouts.BackendRequest} {
		if text == nil {
			continue
		}
		d, err := time.ParseDuration(string(*text))
		if err != nil {
			return 0, err
		}
		if d > 0 && (shortest == 0 || d < shortest) {
			shortest = d
		}
	}
	return shortest, nil
}

// value of an optional field.
func value[T any](field *T, absent T) T {
	if field == nil {
		return absent
	}
	return *field
}
