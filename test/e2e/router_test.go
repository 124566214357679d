package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluicehq/sluice/trafficrouting"
	"github.com/sluicehq/sluice/trafficrouting/gatewayapi"
	"github.com/sluicehq/sluice/trafficrouting/trafficroutingtest"
)

// TestRouter runs what every router has to pass on a real gateway with real pods, at the gateway's default throttle.
func TestRouter(t *testing.T) {
	cluster := os.Getenv("SLUICE_E2E_CLUSTER")
	if cluster == "" {
		cluster = "e2e-router"
		t.Cleanup(func() { down(t, cluster) })
	}
	world := newGatewayWorld(t, cluster)
	config := trafficroutingtest.Config{Now: time.Now, Settle: 5 * time.Second, Within: expectWithin, Requests: 500}
	trafficroutingtest.Run(t, world, config)
	if os.Getenv("SLUICE_E2E_CLUSTER") != "" {
		return // Whose throttle is another.
	}
	// The control: with a settle time far below the throttle, requests still go to the canary after it.
	config.Settle, config.Cases = gatewayThrottle/16, []string{trafficroutingtest.CaseTooShort}
	trafficroutingtest.Run(t, world, config)
}

// gatewayThrottle is how long the gateway gathers changes by default.
const gatewayThrottle = 2 * time.Second

// gatewayWorld is the local cluster with its gateway.
type gatewayWorld struct {
	client client.WithWatch
	// url of the gateway's listener, whose Gateway has this class and port.
	url   string
	class gatewayv1.ObjectName
	port  gatewayv1.PortNumber
}

func newGatewayWorld(t *testing.T, cluster string) gatewayWorld {
	t.Helper()
	out, err := run(t, 10*time.Minute, "go", "-C", "test/cluster", "run", ".", "up", "-name", cluster, "-gateway-throttle", gatewayThrottle.String())
	if err != nil {
		t.Fatalf("cluster %s: %v\n%s", cluster, err, out)
	}
	settings := map[string]string{}
	for line := range strings.Lines(out) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			settings[name] = value
		}
	}
	config, err := clientcmd.BuildConfigFromFlags("", settings["KUBECONFIG"])
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, gatewayv1.Install} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	w := gatewayWorld{url: settings["GATEWAY"]}
	if w.client, err = client.NewWithWatch(config, client.Options{Scheme: scheme}); err != nil {
		t.Fatal(err)
	}
	gateway := &gatewayv1.Gateway{}
	if err := w.client.Get(t.Context(), client.ObjectKey{Namespace: "gateway", Name: "sluice"}, gateway); err != nil {
		t.Fatal(err)
	}
	w.class, w.port = gateway.Spec.GatewayClassName, gateway.Spec.Listeners[0].Port
	loadApp(t, cluster)
	return w
}

// loadApp gives the cluster the image of the demo's app, which the pods here are of.
func loadApp(t *testing.T, cluster string) {
	t.Helper()
	folder := t.TempDir()
	binary, archive := filepath.Join(folder, "app"), filepath.Join(folder, "app.tar")
	if out, err := run(t, 10*time.Minute, "env", "CGO_ENABLED=0", "go", "build", "-o", binary, "./examples/demo/app"); err != nil {
		t.Fatalf("building the app: %v\n%s", err, out)
	}
	for _, args := range [][]string{
		{"run", "./image", "-o", archive, "-name", "sluice-demo-app:dev", "-user", "65532:65532", "-entrypoint", "/sluice-demo-app", "sluice-demo-app=" + binary},
		{"run", ".", "load-image", "-name", cluster, archive},
	} {
		if out, err := run(t, 5*time.Minute, "go", append([]string{"-C", "test/cluster"}, args...)...); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
}

func (w gatewayWorld) Client() client.WithWatch { return w.client }

func (w gatewayWorld) Router(writer client.Client, live client.Reader) trafficrouting.Router {
	return gatewayapi.New(gatewayapi.Options{
		Client: writer, Live: live, Kinds: gatewayapi.NewKinds(w.client.RESTMapper(), clock.RealClock{}),
	})
}

// Scene is a namespace with a Gateway of its own, a pod for each Service, and a hostname.
func (w gatewayWorld) Scene(t *testing.T) trafficroutingtest.Scene {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "router-"}}
	if err := w.client.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.client.Delete(context.WithoutCancel(t.Context()), namespace); err != nil {
			t.Errorf("deleting namespace %s: %v", namespace.Name, err)
		}
	})
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	s := gatewayScene{world: w, namespace: namespace.Name, http: &http.Client{Transport: transport, Timeout: 10 * time.Second}}
	objects := []client.Object{&gatewayv1.Gateway{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "edge"},
		Spec: gatewayv1.GatewaySpec{
			GatewayClassName: w.class,
			Listeners:        []gatewayv1.Listener{{Name: "web", Port: w.port, Protocol: gatewayv1.HTTPProtocolType}},
		},
	}}
	for _, service := range []string{trafficroutingtest.Stable, trafficroutingtest.Canary, trafficroutingtest.Other} {
		objects = append(objects, s.objectsOf(service)...)
	}
	for _, object := range objects {
		if err := w.client.Create(t.Context(), object); err != nil {
			t.Fatalf("creating %T %s: %v", object, object.GetName(), err)
		}
	}
	s.untilReady(t)
	return s
}

// gatewayScene is a namespace.
type gatewayScene struct {
	world     gatewayWorld
	namespace string
	http      *http.Client
}

var (
	_ trafficroutingtest.Refuser = gatewayScene{}
	_ trafficroutingtest.Lagger  = gatewayScene{}
)

// objectsOf are a Service and a pod that answers with its name.
func (s gatewayScene) objectsOf(service string) []client.Object {
	meta := metav1.ObjectMeta{Namespace: s.namespace, Name: service, Labels: map[string]string{"app": service}}
	port := corev1.ServicePort{Port: 80, TargetPort: intstr.FromInt32(8080)}
	return []client.Object{
		&corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{Selector: meta.Labels, Ports: []corev1.ServicePort{port}}},
		&corev1.Pod{ObjectMeta: meta, Spec: corev1.PodSpec{
			TerminationGracePeriodSeconds: new(int64(0)),
			Containers: []corev1.Container{{
				Name: "app", Image: "sluice-demo-app:dev", ImagePullPolicy: corev1.PullNever,
				Env: []corev1.EnvVar{{Name: "VERSION", Value: service}},
				ReadinessProbe: &corev1.Probe{
					PeriodSeconds: 1,
					ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/readyz", Port: intstr.FromInt32(9090)}},
				},
			}},
		}},
	}
}

func (s gatewayScene) untilReady(t *testing.T) {
	t.Helper()
	gomega.NewWithT(t).Eventually(func() (ready int, err error) {
		pods := &corev1.PodList{}
		if err := s.world.client.List(t.Context(), pods, client.InNamespace(s.namespace)); err != nil {
			return 0, err
		}
		for i := range pods.Items {
			for _, c := range pods.Items[i].Status.Conditions {
				if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
					ready++
				}
			}
		}
		return ready, nil
	}).WithTimeout(expectWithin).WithPolling(lookEvery).Should(gomega.Equal(3), "pods that are ready")
}

func (s gatewayScene) host() string { return s.namespace + ".example" }

func (s gatewayScene) Namespace() string { return s.namespace }

func (s gatewayScene) Route(name string, rules ...trafficroutingtest.Rule) *unstructured.Unstructured {
	var list []any
	for _, rule := range rules {
		var refs []any
		for _, backend := range rule.Backends {
			refs = append(refs, map[string]any{"name": backend.Service, "port": int64(80), "weight": int64(backend.Weight)})
		}
		fields := map[string]any{"backendRefs": refs}
		if rule.Path != "" {
			fields["matches"] = []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": rule.Path}}}
		}
		list = append(list, fields)
	}
	route := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"parentRefs": []any{map[string]any{"name": "edge"}}, "hostnames": []any{s.host()}, "rules": list,
	}}}
	route.SetGroupVersionKind(schema.GroupVersionKind{Group: gatewayv1.GroupName, Version: "v1", Kind: "HTTPRoute"})
	route.SetNamespace(s.namespace)
	route.SetName(name)
	return route
}

func (s gatewayScene) Send(ctx context.Context, path string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.world.url+path, http.NoBody)
	if err != nil {
		return "", err
	}
	request.Host = s.host()
	answer, err := s.http.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if _, err = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20)); err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s", answer.Status)
	}
	return answer.Header.Get("X-Version"), err
}

// Lag leaves the gateway as it is: of two changes, the second one waits for what is left of the throttle.
func (gatewayScene) Lag(_ context.Context, lag time.Duration) error {
	if lag > gatewayThrottle/2 {
		return errors.ErrUnsupported
	}
	return nil
}

// Refuse takes from the Gateway's listener the leave for routes of this namespace, or gives it back.
func (s gatewayScene) Refuse(ctx context.Context, _ string, refuse bool) error {
	gateway := &gatewayv1.Gateway{}
	if err := s.world.client.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: "edge"}, gateway); err != nil {
		return err
	}
	namespaces := &gatewayv1.RouteNamespaces{From: new(gatewayv1.NamespacesFromSame)}
	if refuse {
		nobody := &metav1.LabelSelector{MatchLabels: map[string]string{"example.com/nobody": "has-this"}}
		namespaces = &gatewayv1.RouteNamespaces{From: new(gatewayv1.NamespacesFromSelector), Selector: nobody}
	}
	before := gateway.DeepCopy()
	gateway.Spec.Listeners[0].AllowedRoutes = &gatewayv1.AllowedRoutes{Namespaces: namespaces}
	return s.world.client.Patch(ctx, gateway, client.MergeFrom(before))
}
