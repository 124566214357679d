package table

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"
)

const gateway = `
metadata: {namespace: edge, name: edge, generation: 1}
spec:
  gatewayClassName: fault
  listeners:
  - {name: web, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
  - {name: internal, port: 81, protocol: HTTP, hostname: "*.internal.example", allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {inside: "yes"}}}}}
  - {name: same, port: 82, protocol: HTTP}
  - {name: tls, port: 443, protocol: HTTPS, allowedRoutes: {namespaces: {from: All}}}
`

func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var object T
	if err := yaml.UnmarshalStrict([]byte(text), &object); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return object
}

func objectsOf(t *testing.T, routes ...Route) Objects {
	t.Helper()
	return Objects{
		Gateways: []gatewayv1.Gateway{decode[gatewayv1.Gateway](t, gateway)},
		Routes:   routes,
		Services: map[types.NamespacedName][]int32{
			{Namespace: "shop", Name: "stable"}: {80}, {Namespace: "shop", Name: "canary"}: {80}, {Namespace: "other", Name: "api"}: {80},
		},
		Namespaces: map[string]map[string]string{"shop": {"inside": "yes"}, "edge": {}},
	}
}

func httpRoute(t *testing.T, name, spec string) Route {
	t.Helper()
	route := decode[gatewayv1.HTTPRoute](t, "metadata: {namespace: shop, name: "+name+", generation: 3, creationTimestamp: '2026-01-01T00:00:00Z'}\nspec:\n"+indent(spec))
	return FromHTTP(&route)
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ") + "\n"
}

// parent is what most routes here hang on.
const parent = "parentRefs: [{namespace: edge, name: edge, sectionName: web}]\n"

func TestFind(t *testing.T) {
	first := httpRoute(t, "first", parent+`
hostnames: [shop.example, "*.wild.example"]
rules:
- {name: prefix, matches: [{path: {type: PathPrefix, value: /api/}}]}
- {name: exact, matches: [{path: {type: Exact, value: /api/v1}}]}
- {name: longer, matches: [{path: {type: PathPrefix, value: /api/v1/things}}]}
- {name: expression, matches: [{path: {type: RegularExpression, value: "/api/v[0-9]+/x"}}]}
- {name: header, matches: [{path: {value: /api}, headers: [{name: X-Canary, value: "yes"}]}]}
- {name: cookie, matches: [{path: {value: /api}, headers: [{name: cookie, type: RegularExpression, value: ".*sluice=v2.*"}]}]}
- {name: query, matches: [{path: {value: /api}, queryParams: [{name: v, value: "2"}]}]}
- {name: method, matches: [{path: {value: /api}, method: DELETE}]}
- {name: rest}`)
	second := httpRoute(t, "second", parent+`
rules:
- {name: anywhere}`)
	table := Compile(objectsOf(t, second, first))
	for _, tc := range []struct{ method, url, header, want string }{
		{http.MethodGet, "http://shop.example/api", "", "prefix"},
		{http.MethodGet, "http://shop.example:8080/api/", "", "prefix"},
		{http.MethodGet, "http://SHOP.example/api/v1", "", "exact"},
		{http.MethodGet, "http://shop.example/api/v1/", "", "prefix"},
		{http.MethodGet, "http://shop.example/api/v1/things/1", "", "longer"},
		{http.MethodGet, "http://shop.example/api/v12/x", "", "expression"},
		{http.MethodGet, "http://shop.example/api/v12/xy", "", "prefix"},
		{http.MethodGet, "http://shop.example/apix", "", "rest"},
		{http.MethodGet, "http://shop.example/api", "X-Canary: yes", "header"},
		{http.MethodGet, "http://shop.example/api", "X-Canary: no", "prefix"},
		{http.MethodGet, "http://shop.example/api", "Cookie: a=b; sluice=v2", "cookie"},
		{http.MethodGet, "http://shop.example/api?v=2", "", "query"},
		{http.MethodGet, "http://shop.example/api?v=1&v=2", "", "prefix"},
		{http.MethodDelete, "http://shop.example/api", "", "method"},
		{http.MethodGet, "http://a.wild.example/", "", "rest"},
		{http.MethodGet, "http://wild.example/", "", "anywhere"},
		{http.MethodGet, "http://elsewhere.example/api", "", "anywhere"},
	} {
		request := httptest.NewRequest(tc.method, tc.url, http.NoBody)
		if name, text, ok := strings.Cut(tc.header, ": "); ok {
			request.Header.Set(name, text)
		}
		rule := table.Find(request)
		if rule == nil || rule.Name != tc.want {
			t.Errorf("%s %s %s goes to %+v, want %s", tc.method, tc.url, tc.header, rule, tc.want)
		}
	}
}

func TestTheOlderRouteIsAskedFirst(t *testing.T) {
	younger, older := httpRoute(t, "a", parent+"rules: [{name: younger}]"), httpRoute(t, "b", parent+"rules: [{name: older}]")
	younger.Created.Time = younger.Created.AddDate(0, 0, 1)
	rule := Compile(objectsOf(t, younger, older)).Find(httptest.NewRequest(http.MethodGet, "http://x/", http.NoBody))
	if rule == nil || rule.Name != "older" {
		t.Errorf("got %+v", rule)
	}
}

func TestVerdicts(t *testing.T) {
	const backend = "rules: [{backendRefs: [{name: stable, port: 80}]}]"
	for name, tc := range map[string]struct {
		spec               string
		accepted, resolved string
	}{
		"good":                  {parent + backend, "Accepted", "ResolvedRefs"},
		"another's Gateway":     {"parentRefs: [{name: other}]\n" + backend, "", ""},
		"a Service as parent":   {"parentRefs: [{kind: Service, group: '', namespace: edge, name: edge}]\n" + backend, "", ""},
		"no such section":       {"parentRefs: [{namespace: edge, name: edge, sectionName: none}]\n" + backend, "NoMatchingParent", "ResolvedRefs"},
		"by port":               {"parentRefs: [{namespace: edge, name: edge, port: 80}]\n" + backend, "Accepted", "ResolvedRefs"},
		"no such port":          {"parentRefs: [{namespace: edge, name: edge, port: 8080}]\n" + backend, "NoMatchingParent", "ResolvedRefs"},
		"not of this namespace": {"parentRefs: [{namespace: edge, name: edge, sectionName: same}]\n" + backend, "NotAllowedByListeners", "ResolvedRefs"},
		"a listener with TLS":   {"parentRefs: [{namespace: edge, name: edge, sectionName: tls}]\n" + backend, "NotAllowedByListeners", "ResolvedRefs"},
		"by label and hostname": {
			"parentRefs: [{namespace: edge, name: edge, sectionName: internal}]\nhostnames: [a.internal.example]\n" + backend, "Accepted", "ResolvedRefs",
		},
		"another hostname": {
			"parentRefs: [{namespace: edge, name: edge, sectionName: internal}]\nhostnames: [a.example]\n" + backend, "NoMatchingListenerHostname", "ResolvedRefs",
		},
		"no such Service":    {parent + "rules: [{backendRefs: [{name: none, port: 80}]}]", "Accepted", "BackendNotFound"},
		"no such port of it": {parent + "rules: [{backendRefs: [{name: stable, port: 81}]}]", "Accepted", "BackendNotFound"},
		"not granted":        {parent + "rules: [{backendRefs: [{name: api, namespace: other, port: 80}]}]", "Accepted", "RefNotPermitted"},
		"another kind":       {parent + "rules: [{backendRefs: [{name: x, kind: Bucket, group: example.com}]}]", "Accepted", "InvalidKind"},
		"a mirror to nowhere": {
			parent + "rules: [{filters: [{type: RequestMirror, requestMirror: {backendRef: {name: none, port: 80}}}], backendRefs: [{name: stable, port: 80}]}]",
			"Accepted", "BackendNotFound",
		},
		"a filter unknown": {
			parent + "rules: [{filters: [{type: ExtensionRef, extensionRef: {group: example.com, kind: X, name: x}}]}]", "UnsupportedValue", "ResolvedRefs",
		},
		"an expression that is none": {
			parent + "rules: [{matches: [{path: {type: RegularExpression, value: '('}}]}]", "UnsupportedValue", "ResolvedRefs",
		},
	} {
		t.Run(name, func(t *testing.T) {
			route := httpRoute(t, "web", tc.spec)
			verdict := Compile(objectsOf(t, route)).Verdicts[route.Key]
			accepted, resolved := "", ""
			if len(verdict.Parents) == 1 && verdict.Generation == 3 {
				accepted, resolved = verdict.Parents[0].Accepted.Reason, verdict.Parents[0].ResolvedRefs.Reason
			}
			if accepted != tc.accepted || resolved != tc.resolved {
				t.Errorf("got %s, %s: %+v", accepted, resolved, verdict)
			}
		})
	}
}

func TestAGrantLetsAReferenceLeaveItsNamespace(t *testing.T) {
	route := httpRoute(t, "web", parent+"rules: [{backendRefs: [{name: api, namespace: other, port: 80}]}]")
	objects := objectsOf(t, route)
	objects.Grants = []gatewayv1.ReferenceGrant{decode[gatewayv1.ReferenceGrant](t, `
metadata: {namespace: other}
spec: {from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop}], to: [{group: "", kind: Service, name: api}]}`)}
	table := Compile(objects)
	if !table.Verdicts[route.Key].Parents[0].ResolvedRefs.Good {
		t.Errorf("%+v", table.Verdicts)
	}
	if backend := table.Find(httptest.NewRequest(http.MethodGet, "/", http.NoBody)).Backends[0]; backend.Unresolved != "" || backend.Service.Namespace != "other" {
		t.Errorf("%+v", backend)
	}
	objects.Grants[0].Spec.To[0].Name = new(gatewayv1.ObjectName("another"))
	if Compile(objects).Verdicts[route.Key].Parents[0].ResolvedRefs.Reason != "RefNotPermitted" {
		t.Error("a grant for another Service counts")
	}
}

func TestGRPC(t *testing.T) {
	route := decode[gatewayv1.GRPCRoute](t, `
metadata: {namespace: shop, name: rpc, generation: 1}
spec:
  parentRefs: [{namespace: edge, name: edge, sectionName: web}]
  rules:
  - {name: both, matches: [{method: {service: shop.Cart, method: Add}}], backendRefs: [{name: stable, port: 80}]}
  - {name: service, matches: [{method: {service: shop.Cart}}]}
  - {name: method, matches: [{method: {method: List}}]}
  - {name: expression, matches: [{method: {type: RegularExpression, service: "shop\\..*"}, headers: [{name: x, value: "1"}]}]}`)
	table := Compile(objectsOf(t, FromGRPC(&route)))
	for path, want := range map[string]string{
		"/shop.Cart/Add": "both", "/shop.Cart/Drop": "service", "/a.B/List": "method", "/shop.Order/Get": "expression",
	} {
		request := httptest.NewRequest(http.MethodPost, path, http.NoBody)
		if want == "expression" {
			request.Header.Set("x", "1")
		}
		if rule := table.Find(request); rule == nil || rule.Name != want {
			t.Errorf("%s goes to %+v, want %s", path, rule, want)
		}
	}
	if rule := table.Find(httptest.NewRequest(http.MethodPost, "/shop.Cart/Add", http.NoBody)); !rule.Backends[0].GRPC {
		t.Errorf("%+v", rule)
	}
	if rule := table.Find(httptest.NewRequest(http.MethodPost, "/other", http.NoBody)); rule != nil {
		t.Errorf("/other goes to %+v", rule)
	}
}

func TestPick(t *testing.T) {
	route := httpRoute(t, "web", parent+`
rules:
- {name: weights, matches: [{path: {value: /}}], backendRefs: [{name: stable, port: 80, weight: 3}, {name: canary, port: 80, weight: 0}, {name: canary, port: 80}]}
- {name: none, matches: [{path: {value: /none}}], backendRefs: [{name: stable, port: 80, weight: 0}]}`)
	table := Compile(objectsOf(t, route))
	rule := table.Find(httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	var got []string
	for at := range int64(4) {
		backend, ok := rule.Pick(func(n int64) int64 {
			if n != 4 {
				t.Errorf("the draw is of %d, want 4", n)
			}
			return at
		})
		got = append(got, fmt.Sprint(backend.Service.Name, ok))
	}
	if diff := cmp.Diff([]string{"stabletrue", "stabletrue", "stabletrue", "canarytrue"}, got); diff != "" {
		t.Error(diff)
	}
	if _, ok := table.Find(httptest.NewRequest(http.MethodGet, "/none", http.NoBody)).Pick(func(int64) int64 { return 0 }); ok {
		t.Error("a backend without weight was picked")
	}
}

func TestEndpoints(t *testing.T) {
	services := []corev1.Service{decode[corev1.Service](t, `
metadata: {namespace: shop, name: web}
spec: {ports: [{name: http, port: 80}, {name: rpc, port: 81, appProtocol: kubernetes.io/h2c}]}`)}
	slice := func(text string) discoveryv1.EndpointSlice {
		return decode[discoveryv1.EndpointSlice](t, "metadata: {namespace: shop, labels: {kubernetes.io/service-name: web}}\n"+
			"ports: [{name: http, port: 8080}, {name: rpc, port: 9090}]\n"+text)
	}
	given := []discoveryv1.EndpointSlice{
		slice(`endpoints: [{addresses: [10.0.0.2], targetRef: {name: b}}, {addresses: [10.0.0.1], conditions: {ready: true}}]`),
		slice(`endpoints:
- {addresses: [10.0.0.2], conditions: {ready: true}}
- {addresses: [10.0.0.3], conditions: {ready: false, serving: true, terminating: true}}
- {addresses: [10.0.0.4], conditions: {ready: false, serving: false, terminating: true}}
- {addresses: [10.0.0.5], conditions: {ready: false}}`),
	}
	addresses := func(endpoints *Endpoints, port int32) string {
		upstream, ok := endpoints.Of(types.NamespacedName{Namespace: "shop", Name: "web"}, port)
		words := []string{fmt.Sprintf("found=%t h2c=%t", ok, upstream.H2C)}
		for _, e := range upstream.Endpoints {
			words = append(words, e.Address)
		}
		return strings.Join(words, " ")
	}
	ready, serving := CompileEndpoints(services, given, false), CompileEndpoints(services, given, true)
	for want, got := range map[string]string{
		"found=true h2c=false 10.0.0.1:8080 10.0.0.2:8080":               addresses(ready, 80),
		"found=true h2c=true 10.0.0.1:9090 10.0.0.2:9090":                addresses(ready, 81),
		"found=true h2c=false 10.0.0.1:8080 10.0.0.2:8080 10.0.0.3:8080": addresses(serving, 80),
		"found=false h2c=false":                                          addresses(ready, 82),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
