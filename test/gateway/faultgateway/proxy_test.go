package faultgateway

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"github.com/sluicehq/sluice/test/gateway/table"
)

// apps are servers behind made-up addresses of pods.
type apps map[string]*httptest.Server

func (a apps) dial(ctx context.Context, network, address string) (net.Conn, error) {
	app, ok := a[address]
	if !ok {
		return nil, fmt.Errorf("no pod at %s", address)
	}
	return (&net.Dialer{}).DialContext(ctx, network, app.Listener.Addr().String())
}

// start runs an app that speaks HTTP/1.1 and HTTP/2 without TLS.
func (a apps) start(t *testing.T, address string, handle http.HandlerFunc) {
	t.Helper()
	app := httptest.NewUnstartedServer(handle)
	app.Config.Protocols = new(http.Protocols)
	app.Config.Protocols.SetHTTP1(true)
	app.Config.Protocols.SetUnencryptedHTTP2(true)
	app.Start()
	t.Cleanup(app.Close)
	a[address] = app
}

// dataPlane is a gateway without a control plane: its configuration is given.
func dataPlane(t *testing.T, a apps, route string, endpoints ...string) (*Gateway, *httptest.Server) {
	t.Helper()
	options, err := Options{Dial: a.dial, Remember: 1000, Seed: 1, Replicas: 2, Config: nil}.completeForTest()
	if err != nil {
		t.Fatal(err)
	}
	g := &Gateway{options: options, dice: newDice(options.Seed), book: newBook(options.Remember), metrics: newMetrics()}
	for i := range options.Replicas {
		g.replicas = append(g.replicas, &replica{index: i})
		g.replicas[i].now.Store(configurationOf(t, route, endpoints))
	}
	server := httptest.NewUnstartedServer(newProxy(g))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return g, server
}

// configurationOf a route and endpoints, given as "service address"; port 80 of each Service is HTTP, port 81 HTTP/2.
func configurationOf(t *testing.T, text string, given []string) *configuration {
	t.Helper()
	var route gatewayv1.HTTPRoute
	if err := yaml.UnmarshalStrict([]byte("metadata: {namespace: shop, name: web, generation: 7}\nspec:\n  parentRefs: [{name: edge}]\n  rules:\n"+text), &route); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	var gateway gatewayv1.Gateway
	if err := yaml.UnmarshalStrict([]byte("metadata: {namespace: shop, name: edge}\nspec: {gatewayClassName: x, listeners: [{name: web, port: 80, protocol: HTTP}]}"), &gateway); err != nil {
		t.Fatal(err)
	}
	objects := table.Objects{
		Gateways: []gatewayv1.Gateway{gateway}, Routes: []table.Route{table.FromHTTP(&route)}, Services: map[types.NamespacedName][]int32{},
	}
	var services []corev1.Service
	var behind []discoveryv1.EndpointSlice
	for _, name := range []string{"stable", "canary", "empty"} {
		objects.Services[types.NamespacedName{Namespace: "shop", Name: name}] = []int32{80, 81}
		service := corev1.Service{}
		service.Namespace, service.Name = "shop", name
		service.Spec.Ports = []corev1.ServicePort{{Name: "web", Port: 80}, {Name: "rpc", Port: 81, AppProtocol: new(table.AppProtocolH2C)}}
		services = append(services, service)
	}
	for _, line := range given {
		service, address, _ := strings.Cut(line, " ")
		slice := discoveryv1.EndpointSlice{
			Ports:     []discoveryv1.EndpointPort{{Name: new("web"), Port: new(int32(8080))}, {Name: new("rpc"), Port: new(int32(8080))}},
			Endpoints: []discoveryv1.Endpoint{{Addresses: []string{address}, TargetRef: &corev1.ObjectReference{Name: "pod-" + address}}},
		}
		slice.Namespace, slice.Labels = "shop", map[string]string{discoveryv1.LabelServiceName: service}
		behind = append(behind, slice)
	}
	return &configuration{table.Compile(objects), table.CompileEndpoints(services, behind, false)}
}

// completeForTest fills what is absent, without an API server.
func (o Options) completeForTest() (Options, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, o.Faults.Validate(o.Replicas)
}

func version(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, request *http.Request) {
		w.Header().Set(headerVersion, name)
		w.Header().Set("X-Proto", request.Proto)
		fmt.Fprint(w, request.Host, " ", request.URL.Path, " ", request.Header.Get("X-Set"))
	}
}

func get(t *testing.T, client *http.Client, url string) (code int, header http.Header, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "app.example"
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(text)
}

// noted waits for so many requests to be noted: their answers arrive before that.
func noted(t *testing.T, g *Gateway, requests int) []Served {
	t.Helper()
	var served []Served
	gomega.NewWithT(t).Eventually(func() int {
		served = g.Served(time.Time{})
		return len(served)
	}).Should(gomega.Equal(requests))
	return served
}

func TestProxy(t *testing.T) {
	a := apps{}
	a.start(t, "10.0.0.1:8080", version("v1"))
	a.start(t, "10.0.0.2:8080", version("v2"))
	g, server := dataPlane(t, a, `
  - matches: [{path: {value: /weights}}]
    filters:
    - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: X-Set, value: edge}]}}
    - {type: ResponseHeaderModifier, responseHeaderModifier: {add: [{name: X-Added, value: "1"}]}}
    backendRefs: [{name: stable, port: 80, weight: 75}, {name: canary, port: 80, weight: 25}]
  - matches: [{path: {value: /empty}}]
    backendRefs: [{name: empty, port: 80}]
  - matches: [{path: {value: /gone}}]
    backendRefs: [{name: gone, port: 80}]
  - matches: [{path: {value: /none}}]
  - matches: [{path: {value: /nobody}}]
    backendRefs: [{name: canary, port: 81}]
    timeouts: {request: 1s}
  - matches: [{path: {value: /old/}}]
    filters: [{type: URLRewrite, urlRewrite: {hostname: other.example, path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}}}]
    backendRefs: [{name: stable, port: 81}]
`, "stable 10.0.0.1", "canary 10.0.0.2")

	const requests = 1000
	versions := map[string]int{}
	for range requests {
		code, header, body := get(t, http.DefaultClient, server.URL+"/weights/a")
		if code != http.StatusOK || header.Get("X-Added") != "1" || body != "app.example /weights/a edge" {
			t.Fatalf("%d %v %s", code, header, body)
		}
		versions[header.Get(headerVersion)]++
	}
	served := noted(t, g, requests)
	canary := func(s Served) bool {
		return s.Service.Name == "canary" && s.Version == "v2" && s.Endpoint.Pod == "pod-10.0.0.2"
	}
	hits, total := Share(served, canary)
	if total != requests || hits != versions["v2"] {
		t.Errorf("noted %d of %d, seen %v", hits, total, versions)
	}
	if _, ok := Reached(served, canary, 25, requests); !ok {
		t.Errorf("a share of 25 %% gave %v", versions)
	}
	replicas := map[int]int{}
	for _, s := range served {
		replicas[s.Replica]++
		if s.Generation != 7 || s.Route.Name != "web" || s.Code != 200 || s.Done.Before(s.At) {
			t.Fatalf("%+v", s)
		}
	}
	if len(replicas) != 2 || replicas[0] < requests/3 {
		t.Errorf("the replicas served %v", replicas)
	}

	for path, want := range map[string]int{"/empty": 503, "/gone": 500, "/none": 500, "/other": 404} {
		code, header, _ := get(t, http.DefaultClient, server.URL+path)
		if code != want || header.Get(headerError) == "" {
			t.Errorf("%s: %d %v", path, code, header)
		}
	}
	if code, header, body := get(t, http.DefaultClient, server.URL+"/old/page"); code != 200 || body != "other.example /new/page " || header.Get("X-Proto") != "HTTP/2.0" {
		t.Errorf("rewritten, over HTTP/2: %d %v %s", code, header, body)
	}
	a["10.0.0.2:8080"].Close()
	if code, _, _ := get(t, http.DefaultClient, server.URL+"/nobody"); code != http.StatusBadGateway {
		t.Errorf("a pod that is gone: %d", code)
	}
}

func TestTimeout(t *testing.T) {
	a := apps{}
	a.start(t, "10.0.0.1:8080", func(_ http.ResponseWriter, request *http.Request) { <-request.Context().Done() })
	_, server := dataPlane(t, a, "  - {timeouts: {backendRequest: 10ms}, backendRefs: [{name: stable, port: 80}]}", "stable 10.0.0.1")
	if code, _, _ := get(t, http.DefaultClient, server.URL); code != http.StatusGatewayTimeout {
		t.Errorf("got %d", code)
	}
}

// An app that closes kept connections loses the requests that come over them: nothing is sent a second time.
func TestNothingIsTriedTwice(t *testing.T) {
	a := apps{}
	var seen atomic.Int64
	a.start(t, "10.0.0.1:8080", func(w http.ResponseWriter, _ *http.Request) {
		if seen.Add(1)%2 == 0 {
			connection, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_ = connection.Close()
		}
	})
	g, server := dataPlane(t, a, "  - {backendRefs: [{name: stable, port: 80}]}", "stable 10.0.0.1")
	var codes []int
	for range 4 {
		code, _, _ := get(t, http.DefaultClient, server.URL)
		codes = append(codes, code)
	}
	if fmt.Sprint(codes) != "[200 502 200 502]" || seen.Load() != 4 {
		t.Errorf("codes %v after %d requests to the app", codes, seen.Load())
	}
	if last := noted(t, g, 4)[3]; last.Cause == "" || last.Code != http.StatusBadGateway {
		t.Errorf("%+v", last)
	}
}

// A gRPC-like call over HTTP/2 from end to end keeps its trailers; a mirror gets a copy with the body.
func TestHTTP2WithTrailersAndMirrors(t *testing.T) {
	a := apps{}
	mirrored := make(chan string, 1)
	a.start(t, "10.0.0.1:8080", func(w http.ResponseWriter, request *http.Request) {
		w.Header().Set("Trailer", "Grpc-Status")
		body, _ := io.ReadAll(request.Body)
		fmt.Fprintf(w, "%s %s", request.Proto, body)
		w.Header().Set("Grpc-Status", "0")
	})
	a.start(t, "10.0.0.2:8080", func(_ http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		mirrored <- request.Method + " " + request.URL.Path + " " + string(body)
	})
	_, server := dataPlane(t, a, `
  - filters: [{type: RequestMirror, requestMirror: {backendRef: {name: canary, port: 80}, percent: 100}}]
    backendRefs: [{name: stable, port: 81}]
`, "stable 10.0.0.1", "canary 10.0.0.2")
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	answer, err := (&http.Client{Transport: transport}).Post(server.URL+"/shop.Cart/Add", "application/grpc", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || string(body) != "HTTP/2.0 hello" || answer.Trailer.Get("Grpc-Status") != "0" {
		t.Errorf("%s, trailers %v, %v", body, answer.Trailer, err)
	}
	if got := <-mirrored; got != "POST /shop.Cart/Add hello" {
		t.Errorf("the mirror got %q", got)
	}
}

func TestAdmin(t *testing.T) {
	g, _ := dataPlane(t, apps{}, "  - {backendRefs: [{name: stable, port: 80}]}")
	g.faults.Store(&Faults{})
	g.changed = make(chan struct{}, 1)
	admin := httptest.NewServer(g.AdminHandler())
	defer admin.Close()
	put := func(text string) (int, string) {
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodPut, admin.URL+"/faults", strings.NewReader(text))
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(body)
	}
	if code, body := put(`{"routeLag":"5s","skew":[{},{"routes":"3s"}],"refused":["shop/web"]}`); code != 200 || g.Faults().Skew[1].Routes != lag(3) {
		t.Errorf("%d %s", code, body)
	}
	if code, body := put(`{"routeLag":"5h"}`); code != 400 || !strings.Contains(body, "routeLag") || g.Faults().RouteLag != lag(5) {
		t.Errorf("%d %s", code, body)
	}
	if code, body := put(`{"routesLag":"5s"}`); code != 400 || !strings.Contains(body, "routesLag") {
		t.Errorf("%d %s", code, body)
	}
	for path, want := range map[string]string{
		"/faults": `"routeLag":"5s"`, "/served": "null", "/timeline?since=1700000000000": "null", "/healthz": "ok", "/served?since=x": "milliseconds",
		"/metrics": "",
	} {
		if _, _, body := get(t, http.DefaultClient, admin.URL+path); !strings.Contains(body, want) {
			t.Errorf("%s: %s", path, body)
		}
	}
}
