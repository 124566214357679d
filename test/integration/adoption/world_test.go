package adoption

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/test/integration/worlds"
)

const (
	patience = worlds.Patience
	pace     = worlds.Pace
)

const network = `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: web-canary}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  parentRefs: [{name: gateway}]
  rules: [{name: main, backendRefs: [{name: web, port: 80}]}]
`

// deploymentOf is a Deployment as people write them, with defaults left out.
func deploymentOf(image string) string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, team: shop}}
    spec:
      containers: [{name: app, image: %q, ports: [{containerPort: 8080}]}]
`, image)
}

// rolloutOf is a Rollout of the same pods. fields and strategy are further fields of spec and of strategy.canary.
func rolloutOf(image, fields, strategy string) string {
	return fmt.Sprintf(`
apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata: {name: web}
spec:
  %s
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, team: shop}}
    spec:
      containers: [{name: app, image: %q, ports: [{containerPort: 8080}]}]
  strategy:
    canary:
      stableService: web
      canaryService: web-canary
      scaleDownDelaySeconds: 0
      abortScaleDownDelaySeconds: 0
      trafficRouting: {settleSeconds: 0, gatewayAPI: {httpRoutes: [{name: web}]}}
      steps: [{setWeight: 20}, {pause: {}}]
      %s
`, fields, image, strategy)
}

const adopt = "adopt: {name: web}"

// world is a namespace with a controller of its own.
type world struct{ *worlds.World }

// newWorld makes a namespace and starts the controller for it.
func newWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	w := &world{worlds.New(t, cluster, "adoption-")}
	w.StartAs(cluster.Controller)
	return w
}

func (w *world) untilPaused() *v1alpha1.Rollout {
	w.Helper()
	return w.Until("Paused", func(ro *v1alpha1.Rollout) bool { return ro.Status.Phase == v1alpha1.RolloutPaused })
}

// running is a Deployment whose pods are up, and its pods.
func (w *world) running(image string) map[types.UID]corev1.Pod {
	w.Helper()
	w.Apply(network, deploymentOf(image))
	w.settled(3)
	pods := w.pods()
	w.Expect(pods).To(gomega.HaveLen(3))
	return pods
}

func (w *world) settled(size int32) {
	w.Helper()
	d := &appsv1.Deployment{}
	w.Eventually(func() bool {
		w.Get(d, "web")
		s := d.Status
		return s.ObservedGeneration == d.Generation && s.AvailableReplicas == size && s.UpdatedReplicas == size && s.Replicas == size &&
			len(w.pods()) == int(size)
	}, patience, pace).Should(gomega.BeTrue())
	// What the Deployment's own rollout did to its Services is not looked at.
	cluster.ForgetUnserved(w.Namespace)
}

// pods are the pods that run.
func (w *world) pods() map[types.UID]corev1.Pod {
	w.Helper()
	var list corev1.PodList
	w.Expect(direct.List(w.Context(), &list, client.InNamespace(w.Namespace))).To(gomega.Succeed())
	pods := map[types.UID]corev1.Pod{}
	for _, pod := range list.Items {
		if pod.DeletionTimestamp == nil {
			pods[pod.UID] = pod
		}
	}
	return pods
}

// podsOf are the pods of a revision.
func (w *world) podsOf(revision string) []corev1.Pod {
	w.Helper()
	var out []corev1.Pod
	for _, pod := range w.pods() {
		if pod.Labels[v1alpha1.LabelPodTemplateHash] == revision {
			out = append(out, pod)
		}
	}
	return out
}

// samePods holds that the same pods run, with the very specs that they had.
func (w *world) samePods(before map[types.UID]corev1.Pod) {
	w.Helper()
	now := w.pods()
	if diff := cmp.Diff(slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(now))); diff != "" {
		w.Fatalf("other pods run (-before +now):\n%s", diff)
	}
	for uid, pod := range before {
		if diff := cmp.Diff(pod.Spec, now[uid].Spec); diff != "" {
			w.Errorf("pod %s (-before +now):\n%s", pod.Name, diff)
		}
	}
}

// untouched holds that every share of the traffic was served meanwhile.
func (w *world) untouched() {
	w.Helper()
	if moments := cluster.Unserved(w.Namespace); len(moments) > 0 {
		w.Errorf("traffic was not served: %v", moments)
	}
}

func (w *world) sets() []appsv1.ReplicaSet {
	w.Helper()
	var list appsv1.ReplicaSetList
	w.Expect(direct.List(w.Context(), &list, client.InNamespace(w.Namespace))).To(gomega.Succeed())
	return list.Items
}

func (w *world) set(name string) *appsv1.ReplicaSet {
	w.Helper()
	set := &appsv1.ReplicaSet{}
	w.Get(set, name)
	return set
}
