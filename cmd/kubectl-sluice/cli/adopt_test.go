package cli

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// deployment is demo/web at rest with three pods; each change makes it another.
func deployment(changes ...func(*appsv1.Deployment)) *appsv1.Deployment {
	labels := map[string]string{"app": "web"}
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "demo", Name: "web", Generation: 2,
			Labels: map[string]string{"app": "web", "team": "shop"},
			Annotations: map[string]string{
				"deployment.kubernetes.io/revision": "7", "kubectl.kubernetes.io/last-applied-configuration": "{}", "docs": "here",
			},
		},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(3)), Selector: &metav1.LabelSelector{MatchLabels: labels},
			MinReadySeconds: 5, RevisionHistoryLimit: new(int32(10)), ProgressDeadlineSeconds: new(int32(300)),
			Strategy: appsv1.DeploymentStrategy{Type: appsv1.RollingUpdateDeploymentStrategyType, RollingUpdate: &appsv1.RollingUpdateDeployment{
				MaxSurge: new(intstr.FromInt32(2)), MaxUnavailable: new(intstr.FromInt32(0)),
			}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "shop/web:1"}}},
			},
		},
		Status: appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 3},
	}
	for _, c := range changes {
		c(d)
	}
	return d
}

func service(name string, selector map[string]string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: name, Labels: map[string]string{"app": "web"}},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, ClusterIP: "10.0.0.1", Selector: selector,
			Ports: []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromString("http"), NodePort: 30080, Protocol: corev1.ProtocolTCP, AppProtocol: new("http")}},
		},
	}
}

func route(name, backend string) *unstructured.Unstructured {
	route := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
		"spec": map[string]any{"rules": []any{map[string]any{"backendRefs": []any{map[string]any{"name": backend, "port": int64(80)}}}}},
	}}
	route.SetNamespace("demo")
	route.SetName(name)
	return route
}

var toWeb = map[string]string{"app": "web"}

const routed = "adopt deployment/web --stable-service web --canary-service web-canary --route web"

// TestAdoptPrints: the whole manifest, as it goes into Git.
func TestAdoptPrints(t *testing.T) {
	cl := newCluster(t, deployment(), service("web", toWeb), route("web", "web"))
	cl.expect(t, cl.run(t.Context(), strings.Fields(routed+" --dry-run=client -o yaml")...), ExitDone,
		"note: Service demo/web-canary is not there and is made, as a copy of web", "note: its steps are setWeight 20 and a pause")
	const want = `apiVersion: v1
kind: Service
metadata:
  labels:
    app: web
  name: web-canary
  namespace: demo
spec:
  ports:
  - appProtocol: http
    name: http
    port: 80
    protocol: TCP
    targetPort: http
  selector:
    app: web
---
apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata:
  annotations:
    docs: here
  labels:
    app: web
    team: shop
  name: web
  namespace: demo
spec:
  adopt:
    name: web
  minReadySeconds: 5
  progressDeadlineSeconds: 300
  selector:
    matchLabels:
      app: web
  strategy:
    canary:
      canaryService: web-canary
      maxUnavailable: 0
      stableService: web
      steps:
      - setWeight: 20
      - pause: {}
      trafficRouting:
        gatewayAPI:
          httpRoutes:
          - name: web
  template:
    metadata:
      annotations:
        kubectl.kubernetes.io/restartedAt: "2026-01-01T00:00:00Z"
      labels:
        app: web
    spec:
      containers:
      - image: shop/web:1
        name: web
        resources: {}
`
	if diff := cmp.Diff(want, cl.out.String()); diff != "" {
		t.Error(diff)
	}
	if err := cl.client.Get(t.Context(), client.ObjectKey{Namespace: "demo", Name: "web"}, &v1alpha1.Rollout{}); !apierrors.IsNotFound(err) {
		t.Errorf("nothing is to be made: %v", err)
	}
}

func TestAdoptMakes(t *testing.T) {
	hpa := &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: "scaler"},
		Spec:       autoscalingv2.HorizontalPodAutoscalerSpec{ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"}},
	}
	cl := newCluster(t, deployment(), hpa)
	cl.expect(t, cl.run(t.Context(), "adopt", "web"), ExitDone, "Rollout demo/web created\nit takes Deployment demo/web over; see: kubectl sluice get rollout web -n demo -w",
		"note: HorizontalPodAutoscaler scaler scales the Deployment; let it scale the Rollout", "kubectl patch hpa scaler -n demo")
	ro := cl.rollout(t)
	canary := ro.Spec.Strategy.Canary
	if ro.Spec.Adopt == nil || ro.Spec.Adopt.Name != "web" || ro.Spec.Replicas != nil || canary.TrafficRouting != nil ||
		canary.MaxSurge.IntValue() != 2 || canary.MaxUnavailable.IntValue() != 0 {
		t.Errorf("got %+v", ro.Spec)
	}

	cl = newCluster(t, deployment(), service("web", toWeb), service("web-canary", toWeb), route("web", "web"))
	cl.expect(t, cl.run(t.Context(), append(strings.Fields(routed), "--name", "shop", "-o", "json")...), ExitDone, `"name": "shop"`)
	cl.expect(t, cl.run(t.Context(), "get", "ro", "shop"), ExitDone, "Rollout    demo/shop")
}

func TestAdoptRefuses(t *testing.T) {
	managed := func(labels, annotations map[string]string) *appsv1.Deployment {
		return deployment(func(d *appsv1.Deployment) { d.Labels, d.Annotations = labels, annotations })
	}
	for name, c := range map[string]struct {
		args    string
		objects []client.Object
		want    string
	}{
		"by a GitSync": {
			"adopt web",
			[]client.Object{managed(map[string]string{v1alpha1.LabelGitSync: "ops.shop"}, nil)},
			"GitSync ops/shop keeps Deployment demo/web as it is in Git; make the change there: put what this command prints with --dry-run=client -o yaml in place of",
		},
		"by Argo CD": {"adopt web", []client.Object{managed(nil, map[string]string{"argocd.argoproj.io/tracking-id": "shop"})}, "Argo CD (shop) keeps Deployment demo/web and would make it again"},
		"by Flux":    {"adopt web", []client.Object{managed(map[string]string{"kustomize.toolkit.fluxcd.io/name": "shop"}, nil)}, "Flux (shop) keeps"},
		"by Helm":    {"adopt web", []client.Object{managed(nil, map[string]string{"meta.helm.sh/release-name": "shop"})}, "Helm (shop) keeps"},
		"by an operator": {"adopt web", []client.Object{deployment(func(d *appsv1.Deployment) {
			d.OwnerReferences = []metav1.OwnerReference{{Kind: "Shop", Name: "web", Controller: new(true)}}
		})}, "Shop web controls Deployment demo/web and would make it again"},
		"on its way": {"adopt web", []client.Object{deployment(func(d *appsv1.Deployment) { d.Status.UpdatedReplicas = 1 })}, "is on its way to another version; wait: kubectl rollout status deployment web -n demo"},
		"unseen":     {"adopt web", []client.Object{deployment(func(d *appsv1.Deployment) { d.Generation = 3 })}, "is on its way to another version"},
		"recreating": {"adopt web", []client.Object{deployment(func(d *appsv1.Deployment) { d.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType })}, "has strategy Recreate"},
		"long name":  {"adopt web --name " + strings.Repeat("x", 53), []client.Object{deployment()}, "longer than the 52 characters"},
		"there":      {"adopt web", []client.Object{deployment(), pausing()}, "Rollout demo/web is there already"},
		"adopted": {"adopt web --name other", []client.Object{deployment(), func() client.Object {
			ro := pausing()
			ro.Spec.Adopt = &v1alpha1.AdoptRef{Name: "web"}
			return ro
		}()}, "Rollout demo/web has to do with Deployment web already"},
		"no Service":        {routed, []client.Object{deployment(), route("web", "web")}, "Service demo/web is not there\n  Service demo/web-canary is not there"},
		"another's Service": {routed, []client.Object{deployment(), service("web", map[string]string{"app": "api"}), route("web", "web")}, "Service demo/web does not select the pods"},
		"no selector":       {routed, []client.Object{deployment(), service("web", nil), route("web", "web")}, "Service demo/web does not select the pods"},
		"no route":          {routed, []client.Object{deployment(), service("web", toWeb)}, "HTTPRoute demo/web is not there"},
		"another's route":   {routed, []client.Object{deployment(), service("web", toWeb), route("web", "api")}, "HTTPRoute demo/web sends no traffic to Service web"},
	} {
		t.Run(name, func(t *testing.T) {
			cl := newCluster(t, c.objects...)
			cl.expect(t, cl.run(t.Context(), strings.Fields(c.args)...), ExitFailed, "error: cannot adopt:\n", c.want)

			// What stands in the way here does not in Git: it is printed with a note.
			printing := newCluster(t, c.objects...)
			printing.expect(t, printing.run(t.Context(), append(strings.Fields(c.args), "--dry-run=client", "-o", "yaml")...), ExitDone)
			var printed map[string]any
			last := strings.Split(printing.out.String(), "---\n")
			if err := yaml.Unmarshal([]byte(last[len(last)-1]), &printed); err != nil || printed["kind"] != "Rollout" {
				t.Errorf("%v: %v", err, printed)
			}
			if !strings.Contains(printing.errOut.String(), "note: ") {
				t.Errorf("no note: %s", printing.errOut.String())
			}
		})
	}
}

// TestAdoptOnTheServerOnly: the API server checks it, and nothing is made.
func TestAdoptOnTheServerOnly(t *testing.T) {
	cl := newCluster(t, deployment())
	cl.expect(t, cl.run(t.Context(), "adopt", "web", "--dry-run=server"), ExitDone, "Rollout demo/web created (server dry run)")
	if err := cl.client.Get(context.WithoutCancel(t.Context()), client.ObjectKey{Namespace: "demo", Name: "web"}, &v1alpha1.Rollout{}); !apierrors.IsNotFound(err) {
		t.Errorf("nothing is to be made: %v", err)
	}
}
