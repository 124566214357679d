package gateway

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/test/gateway/faultgateway"
	"github.com/sluicehq/sluice/trafficrouting"
	"github.com/sluicehq/sluice/trafficrouting/gatewayapi"
	"github.com/sluicehq/sluice/trafficrouting/trafficroutingtest"
)

// The Gateway API router on the gateway with faults: with several habits, for each kind of route that it serves.
func TestRouter(t *testing.T) {
	t.Parallel()
	for name, world := range map[string]world{
		"HTTPRoute": {kind: "HTTPRoute"},
		"GRPCRoute": {kind: "GRPCRoute"},
		"HTTPRoute, throttled and skew": {kind: "HTTPRoute", replicas: 3, faults: faultgateway.Faults{
			Throttle: lag(100 * time.Millisecond), Skew: []faultgateway.Skew{{}, {Routes: lag(50 * time.Millisecond)}, {Routes: lag(150 * time.Millisecond)}},
		}},
		"HTTPRoute, status late": {kind: "HTTPRoute", faults: faultgateway.Faults{StatusLag: lag(300 * time.Millisecond), KeepTerminating: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trafficroutingtest.Run(t, world, trafficroutingtest.Config{Now: time.Now, Settle: time.Second, Requests: 400, Within: within})
		})
	}
}

// world is this API server, with a gateway for each scene.
type world struct {
	// kind of route.
	kind     string
	replicas int
	// faults that each scene begins with.
	faults faultgateway.Faults
}

func (world) Client() client.WithWatch { return direct }

func (world) Router(writer client.Client, live client.Reader) trafficrouting.Router {
	return gatewayapi.New(gatewayapi.Options{
		Client: writer, Live: live, Kinds: gatewayapi.NewKinds(direct.RESTMapper(), clock.RealClock{}),
	})
}

func (w world) Scene(t *testing.T) trafficroutingtest.Scene {
	t.Helper()
	s := newScene(t, faultgateway.Options{Replicas: max(w.replicas, 1), Faults: w.faults})
	for _, name := range []string{trafficroutingtest.Stable, trafficroutingtest.Canary, trafficroutingtest.Other} {
		s.service(name, 2)
	}
	place := &place{scene: s, kind: w.kind}
	transport := &http.Transport{Protocols: new(http.Protocols), MaxIdleConnsPerHost: 64}
	transport.Protocols.SetHTTP1(w.kind == "HTTPRoute")
	transport.Protocols.SetUnencryptedHTTP2(w.kind == "GRPCRoute")
	place.client = &http.Client{Transport: transport}
	t.Cleanup(transport.CloseIdleConnections)
	return place
}

// place is a scene for the suite.
type place struct {
	scene  *scene
	kind   string
	client *http.Client
}

var (
	_ trafficroutingtest.Refuser = (*place)(nil)
	_ trafficroutingtest.Lagger  = (*place)(nil)
)

func (p *place) Namespace() string { return p.scene.namespace }

// Route makes a route of the kind. In a GRPCRoute, a path is the name of a gRPC service.
func (p *place) Route(name string, rules ...trafficroutingtest.Rule) *unstructured.Unstructured {
	route := &unstructured.Unstructured{Object: map[string]any{}}
	route.SetGroupVersionKind(schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: p.kind})
	route.SetNamespace(p.scene.namespace)
	route.SetName(name)
	var list []any
	for _, rule := range rules {
		var refs []any
		for _, backend := range rule.Backends {
			refs = append(refs, map[string]any{"name": backend.Service, "port": int64(80), "weight": int64(backend.Weight)})
		}
		fields := map[string]any{"backendRefs": refs}
		switch {
		case rule.Path == "" || rule.Path == "/":
		case p.kind == "GRPCRoute":
			fields["matches"] = []any{map[string]any{"method": map[string]any{"service": rule.Path[1:]}}}
		default:
			fields["matches"] = []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": rule.Path}}}
		}
		list = append(list, fields)
	}
	route.Object["spec"] = map[string]any{"parentRefs": []any{map[string]any{"name": "edge"}}, "rules": list}
	return route
}

// Send sends a GET, or for a GRPCRoute a POST to a method of the service that the path names.
func (p *place) Send(ctx context.Context, path string) (string, error) {
	method := http.MethodGet
	if p.kind == "GRPCRoute" {
		method, path = http.MethodPost, path+"/Call"
	}
	request, err := http.NewRequestWithContext(ctx, method, p.scene.gateway.URL()+path, http.NoBody)
	if err != nil {
		return "", err
	}
	answer, err := p.client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1000))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s: %s", answer.Status, text)
	}
	return string(text), err
}

func (p *place) Refuse(_ context.Context, route string, refuse bool) error {
	return p.change(func(f *faultgateway.Faults) {
		f.Refused = nil
		if refuse {
			f.Refused = []string{p.scene.namespace + "/" + route}
		}
	})
}

// Lag lets the last replica lag that much behind the status, and the others less.
func (p *place) Lag(_ context.Context, lagging time.Duration) error {
	return p.change(func(f *faultgateway.Faults) { f.RouteLag = lag(lagging + f.StatusLag.Duration) })
}

func (p *place) change(mutate func(*faultgateway.Faults)) error {
	faults := p.scene.gateway.Faults()
	mutate(&faults)
	return p.scene.gateway.SetFaults(faults)
}
