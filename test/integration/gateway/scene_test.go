package gateway

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"github.com/sluicehq/sluice/test/gateway/faultgateway"
)

// within is how long what is expected may take on a busy machine.
const within = 30 * time.Second

// scene is a namespace with a Gateway of its own, served by a gateway of its own, and Services with pods.
type scene struct {
	*testing.T
	namespace string
	gateway   *faultgateway.Gateway
	http      *http.Client

	mu   sync.Mutex
	pods map[string]*httptest.Server
	next atomic.Int32
}

// newScene makes a namespace and a Gateway, and starts a gateway for it.
func newScene(t *testing.T, options faultgateway.Options) *scene {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "gateway-"}}
	if err := direct.Create(t.Context(), namespace); err != nil {
		t.Fatalf("creating a namespace: %v", err)
	}
	s := &scene{T: t, namespace: namespace.Name, pods: map[string]*httptest.Server{}, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	options.Config, options.Dial, options.Log = cluster, s.dial, testr.New(t)
	options.ControllerName = "sluice.dev/" + s.namespace
	class := &gatewayv1.GatewayClass{ObjectMeta: metav1.ObjectMeta{Name: s.namespace}}
	class.Spec.ControllerName = gatewayv1.GatewayController(options.ControllerName)
	s.create(class)
	s.create(s.decode(&gatewayv1.Gateway{}, `
metadata: {name: edge}
spec:
  gatewayClassName: `+s.namespace+`
  listeners: [{name: web, port: 80, protocol: HTTP}]`))
	gateway, err := faultgateway.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("seed %d", gateway.Seed())
	t.Cleanup(gateway.Close)
	s.gateway = gateway
	return s
}

func (s *scene) decode(object client.Object, text string) client.Object {
	s.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), object); err != nil {
		s.Fatalf("%v in\n%s", err, text)
	}
	object.SetNamespace(s.namespace)
	return object
}

func (s *scene) create(object client.Object) {
	s.Helper()
	if err := direct.Create(s.Context(), object); err != nil {
		s.Fatalf("creating %T %s: %v", object, object.GetName(), err)
	}
}

// dial leads made-up addresses of pods to their servers.
func (s *scene) dial(ctx context.Context, network, address string) (net.Conn, error) {
	s.mu.Lock()
	pod, ok := s.pods[address]
	s.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("no pod at %s", address)
	}
	return (&net.Dialer{}).DialContext(ctx, network, pod.Listener.Addr().String())
}

// service makes a Service with an EndpointSlice of so many new pods, which answer with its name.
func (s *scene) service(name string, pods int) {
	s.Helper()
	s.create(&corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": name},
			Ports:    []corev1.ServicePort{{Name: "web", Port: 80, TargetPort: intstr.FromInt32(8080), AppProtocol: nil}},
		},
	})
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: s.namespace, Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: name}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: new("web"), Port: new(int32(8080))}},
	}
	for range pods {
		slice.Endpoints = append(slice.Endpoints, s.pod(name))
	}
	s.create(slice)
}

// pod starts a server that answers with the name of its Service, over HTTP/1.1 and HTTP/2, and gives its endpoint.
func (s *scene) pod(service string) discoveryv1.Endpoint {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Version", service)
		fmt.Fprint(w, service)
	}))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	s.Cleanup(server.Close)
	address := fmt.Sprintf("10.77.0.%d", s.next.Add(1))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pods[address+":8080"] = server
	return discoveryv1.Endpoint{Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: new(true)}}
}

// setEndpoints replaces the endpoints of a Service.
func (s *scene) setEndpoints(service string, endpoints ...discoveryv1.Endpoint) {
	s.Helper()
	slice := &discoveryv1.EndpointSlice{}
	if err := direct.Get(s.Context(), client.ObjectKey{Namespace: s.namespace, Name: service}, slice); err != nil {
		s.Fatal(err)
	}
	slice.Endpoints = endpoints
	if err := direct.Update(s.Context(), slice); err != nil {
		s.Fatal(err)
	}
}

// route makes the HTTPRoute web with these rules.
func (s *scene) route(rules string) {
	s.Helper()
	s.create(s.decode(&gatewayv1.HTTPRoute{}, "metadata: {name: web}\nspec:\n  parentRefs: [{name: edge}]\n  rules:\n"+indent(rules)))
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ") + "\n"
}

// change changes the HTTPRoute web and gives the new generation.
func (s *scene) change(mutate func(*gatewayv1.HTTPRoute)) int64 {
	s.Helper()
	for {
		route := s.live()
		mutate(route)
		err := direct.Update(s.Context(), route)
		if err == nil {
			return route.Generation
		}
		if client.IgnoreNotFound(err) == nil || s.Context().Err() != nil || !strings.Contains(err.Error(), "modified") {
			s.Fatal(err)
		}
	}
}

func (s *scene) live() *gatewayv1.HTTPRoute {
	s.Helper()
	route := &gatewayv1.HTTPRoute{}
	if err := direct.Get(s.Context(), client.ObjectKey{Namespace: s.namespace, Name: "web"}, route); err != nil {
		s.Fatal(err)
	}
	return route
}

// send sends one request and gives the code and the Service that answered, empty if none did.
func (s *scene) send(path string) (code int, service string) {
	s.Helper()
	answer, err := s.http.Get(s.gateway.URL() + path)
	if err != nil {
		s.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		s.Fatal(err)
	}
	return answer.StatusCode, answer.Header.Get("X-Version")
}

func (s *scene) eventually(check func(g gomega.Gomega)) {
	s.Helper()
	gomega.NewWithT(s).Eventually(check).WithTimeout(within).WithPolling(10 * time.Millisecond).Should(gomega.Succeed())
}

// condition of the route web at its first parent, as "status reason generation".
func (s *scene) condition(kind gatewayv1.RouteConditionType) string {
	s.Helper()
	for _, parent := range s.live().Status.Parents {
		for _, c := range parent.Conditions {
			if c.Type == string(kind) {
				return fmt.Sprint(c.Status, " ", c.Reason, " ", c.ObservedGeneration)
			}
		}
	}
	return ""
}
