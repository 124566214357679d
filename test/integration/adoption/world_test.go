package adoption

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout"
)

// user is the field manager of the person whose manifests these are.
const user = "team"

const (
	patience = 20 * time.Second
	pace     = 20 * time.Millisecond
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
type world struct {
	*testing.T
	gomega.Gomega
	namespace string
	stop      func()
}

// newWorld makes a namespace and starts the controller for it.
func newWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	w := &world{T: t, Gomega: gomega.NewWithT(t), stop: func() {}}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "adoption-"}}
	w.Expect(direct.Create(t.Context(), namespace)).To(gomega.Succeed())
	w.namespace = namespace.Name
	w.start(controllerConfig)
	t.Cleanup(func() { w.stop() })
	return w
}

// start starts the controller, and others beside it; stop ends it, as when its process ends.
func (w *world) start(as *rest.Config, others ...func(ctrl.Manager) error) {
	w.Helper()
	mgr, err := ctrl.NewManager(as, ctrl.Options{
		Scheme: scheme, Metrics: server.Options{BindAddress: "0"}, HealthProbeBindAddress: "0",
		Controller: config.Controller{SkipNameValidation: new(true)},
		Cache: cache.Options{
			DefaultNamespaces: map[string]cache.Config{w.namespace: {}},
			ByObject:          rollout.CacheByObject(), DefaultTransform: rollout.CacheTransform,
		},
	})
	w.Expect(err).NotTo(gomega.HaveOccurred())
	w.Expect(rollout.Setup(mgr, rollout.Options{SkipNameValidation: true})).To(gomega.Succeed())
	for _, setup := range others {
		w.Expect(setup(mgr)).To(gomega.Succeed())
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.Context()))
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	t := w.T
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the controller ended with: %v", err)
		}
	})
}

// apply applies manifests as the user does.
func (w *world) apply(manifests ...string) {
	w.Helper()
	for _, text := range manifests {
		for document := range strings.SplitSeq(text, "\n---\n") {
			object := &unstructured.Unstructured{}
			w.Expect(yaml.Unmarshal([]byte(document), &object.Object)).To(gomega.Succeed(), document)
			object.SetNamespace(w.namespace)
			err := direct.Apply(w.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner(user))
			w.Expect(err).NotTo(gomega.HaveOccurred(), document)
		}
	}
}

func (w *world) key(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: w.namespace, Name: name}
}

func (w *world) get(object client.Object, name string) {
	w.Helper()
	w.Expect(direct.Get(w.Context(), w.key(name), object)).To(gomega.Succeed())
}

func (w *world) patch(object client.Object, name, patch string) {
	w.Helper()
	object.SetNamespace(w.namespace)
	object.SetName(name)
	w.Expect(direct.Patch(w.Context(), object, client.RawPatch(types.MergePatchType, []byte(patch)))).To(gomega.Succeed())
}

func (w *world) rollout() *v1alpha1.Rollout {
	w.Helper()
	ro := &v1alpha1.Rollout{}
	w.get(ro, "web")
	return ro
}

// until waits for a Rollout of which a thing is true.
func (w *world) until(what string, is func(*v1alpha1.Rollout) bool) *v1alpha1.Rollout {
	w.Helper()
	var ro *v1alpha1.Rollout
	w.Eventually(func() bool { ro = w.rollout(); return is(ro) }, patience, pace).Should(gomega.BeTrue(), func() string {
		text, _ := yaml.Marshal(ro.Status)
		return "waited for: " + what + "; status is\n" + string(text)
	})
	return ro
}

func (w *world) untilHealthy() *v1alpha1.Rollout {
	w.Helper()
	return w.until("Healthy", func(ro *v1alpha1.Rollout) bool {
		return ro.Status.Phase == v1alpha1.RolloutHealthy && ro.Status.ObservedGeneration == ro.Generation &&
			meta.IsStatusConditionTrue(ro.Status.Conditions, v1alpha1.ConditionReady)
	})
}

func (w *world) untilPaused() *v1alpha1.Rollout {
	w.Helper()
	return w.until("Paused", func(ro *v1alpha1.Rollout) bool { return ro.Status.Phase == v1alpha1.RolloutPaused })
}

// untilSays waits for a message.
func (w *world) untilSays(phase v1alpha1.RolloutPhase, text string) {
	w.Helper()
	w.until(fmt.Sprintf("%s %q", phase, text), func(ro *v1alpha1.Rollout) bool {
		return ro.Status.Phase == phase && strings.Contains(ro.Status.Message, text)
	})
}

// promote ends the pause of a release.
func (w *world) promote(ro *v1alpha1.Rollout) {
	w.Helper()
	patch := fmt.Sprintf(`{"status":{"request":{"id":"promote-%s-%d","verb":"promote","revision":%q,"stepIndex":%d,"by":"somebody"}}}`,
		ro.Status.Release.Revision, ro.Status.Release.StepIndex, ro.Status.Release.Revision, ro.Status.Release.StepIndex)
	w.Expect(direct.Status().Patch(w.Context(), ro, client.RawPatch(types.MergePatchType, []byte(patch)),
		client.FieldOwner(v1alpha1.ManagerCLI))).To(gomega.Succeed())
}

// running is a Deployment whose pods are up, and its pods.
func (w *world) running(image string) map[types.UID]corev1.Pod {
	w.Helper()
	w.apply(network, deploymentOf(image))
	w.settled(3)
	pods := w.pods()
	w.Expect(pods).To(gomega.HaveLen(3))
	return pods
}

func (w *world) settled(size int32) {
	w.Helper()
	d := &appsv1.Deployment{}
	w.Eventually(func() bool {
		w.get(d, "web")
		s := d.Status
		return s.ObservedGeneration == d.Generation && s.AvailableReplicas == size && s.UpdatedReplicas == size && s.Replicas == size &&
			len(w.pods()) == int(size)
	}, patience, pace).Should(gomega.BeTrue())
	// What the Deployment's own rollout did to its Services is not looked at.
	notes.mu.Lock()
	defer notes.mu.Unlock()
	delete(notes.unserved, w.namespace)
}

// pods are the pods that run.
func (w *world) pods() map[types.UID]corev1.Pod {
	w.Helper()
	var list corev1.PodList
	w.Expect(direct.List(w.Context(), &list, client.InNamespace(w.namespace))).To(gomega.Succeed())
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

// untouched holds that no Service lost its endpoints meanwhile.
func (w *world) untouched() {
	w.Helper()
	notes.mu.Lock()
	defer notes.mu.Unlock()
	if lost := notes.unserved[w.namespace]; len(lost) > 0 {
		w.Errorf("Services lost all their endpoints: %v", lost)
	}
}

func (w *world) sets() []appsv1.ReplicaSet {
	w.Helper()
	var list appsv1.ReplicaSetList
	w.Expect(direct.List(w.Context(), &list, client.InNamespace(w.namespace))).To(gomega.Succeed())
	return list.Items
}

func (w *world) set(name string) *appsv1.ReplicaSet {
	w.Helper()
	set := &appsv1.ReplicaSet{}
	w.get(set, name)
	return set
}

// event waits for an event about the Rollout.
func (w *world) event(reason, text string) {
	w.Helper()
	w.Eventually(func() bool { return w.countEvents(reason, text) > 0 }, patience, pace).
		Should(gomega.BeTrue(), "no event %s with %q", reason, text)
}

func (w *world) countEvents(reason, text string) int {
	w.Helper()
	list := &unstructured.UnstructuredList{}
	list.SetAPIVersion("events.k8s.io/v1")
	list.SetKind("EventList")
	w.Expect(direct.List(w.Context(), list, client.InNamespace(w.namespace))).To(gomega.Succeed())
	count := 0
	for _, event := range list.Items {
		note, _, _ := unstructured.NestedString(event.Object, "note")
		if r, _, _ := unstructured.NestedString(event.Object, "reason"); r == reason && strings.Contains(note, text) {
			count++
		}
	}
	return count
}
