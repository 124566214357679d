package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout"
	"github.com/sluicehq/sluice/trafficrouting/gatewayapi"
)

// user is the field manager of the person whose manifests these are.
const user = "team"

const (
	patience = 20 * time.Second
	pace     = 20 * time.Millisecond
)

const services = `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: web-canary}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
`

const route = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  parentRefs: [{name: gateway}]
  rules:
  - name: main
    backendRefs: [{name: web, port: 80}]
`

// rolloutOf is a Rollout with an image and steps.
func rolloutOf(image, steps string) string {
	return rolloutWith(image, `
    canary:
      stableService: web
      canaryService: web-canary
      scaleDownDelaySeconds: 0
      abortScaleDownDelaySeconds: 0
      trafficRouting:
        settleSeconds: 0
        gatewayAPI: {httpRoutes: [{name: web}]}
      steps: `+steps)
}

// rolloutWith is a Rollout with an image and a strategy.
func rolloutWith(image, strategy string) string {
	return fmt.Sprintf(`
apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata: {name: web}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: app, image: %q, ports: [{containerPort: 8080}]}]
  strategy: %s
`, image, strategy)
}

const untilPromoted = `[{setWeight: 20}, {pause: {}}, {setWeight: 50}, {pause: {duration: 1s}}, {setWeight: 100}]`

// world is a namespace with a controller of its own.
type world struct {
	*testing.T
	gomega.Gomega
	namespace string
	stop      func()
	// scaledToZero says that there may be nobody to serve.
	scaledToZero bool
	// sent counts what the controller asks of the API server.
	sent *requests
}

// newWorld makes a namespace and starts the controller for it. At the end it holds that every share of the traffic was
// served all the time, and that no action broke an invariant.
func newWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	w := &world{T: t, Gomega: gomega.NewWithT(t), sent: &requests{}}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "rollout-"}}
	w.Expect(direct.Create(t.Context(), namespace)).To(gomega.Succeed())
	w.namespace = namespace.Name
	w.start()
	t.Cleanup(func() {
		w.stop()
		unserved.mu.Lock()
		defer unserved.mu.Unlock()
		if what := unserved.what[w.namespace]; len(what) > 0 && !w.scaledToZero {
			t.Errorf("traffic was not served: %v", slices.Compact(what))
		}
		if n := w.violations(); n != 0 {
			t.Errorf("%v invariants were broken", n)
		}
	})
	return w
}

// start starts the controller; stop ends it, as when its process ends.
func (w *world) start() {
	w.Helper()
	config := rest.CopyConfig(controllerConfig)
	config.Wrap(w.sent.counting)
	w.stop = startController(w.T, config, w.namespace)
}

// startController starts the controller for one namespace, and returns what ends it.
func startController(t *testing.T, config *rest.Config, namespace string) (stop func()) {
	t.Helper()
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: scheme, Metrics: server.Options{BindAddress: "0"}, HealthProbeBindAddress: "0",
		Cache: cache.Options{
			DefaultNamespaces: map[string]cache.Config{namespace: {}},
			ByObject:          rollout.CacheByObject(), DefaultTransform: rollout.CacheTransform,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := rollout.Setup(mgr, rollout.Options{SkipNameValidation: true}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the controller ended with: %v", err)
		}
	})
}

func (w *world) violations() float64 {
	families, err := metrics.Registry.Gather()
	w.Expect(err).NotTo(gomega.HaveOccurred())
	var sum float64
	for _, family := range families {
		if family.GetName() != "sluice_rollout_invariant_violations_total" {
			continue
		}
		for _, metric := range family.GetMetric() {
			if slices.ContainsFunc(metric.GetLabel(), func(l *dto.LabelPair) bool { return l.GetValue() == w.namespace }) {
				sum += metric.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// apply applies manifests as the user does.
func (w *world) apply(manifests ...string) {
	w.Helper()
	w.applyWith(manifests)
}

// force applies manifests over what the controller has written in mid-release.
func (w *world) force(manifests ...string) {
	w.Helper()
	w.applyWith(manifests, client.ForceOwnership)
}

func (w *world) applyWith(manifests []string, options ...client.ApplyOption) {
	w.Helper()
	for _, text := range manifests {
		for _, object := range decode(w.T, text) {
			object.SetNamespace(w.namespace)
			err := direct.Apply(w.Context(), client.ApplyConfigurationFromUnstructured(object), append(options, client.FieldOwner(user))...)
			w.Expect(err).NotTo(gomega.HaveOccurred(), text)
		}
	}
}

func decode(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	var out []*unstructured.Unstructured
	for _, document := range splitDocuments(text) {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
			t.Fatal(err)
		}
		out = append(out, object)
	}
	return out
}

func (w *world) key(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: w.namespace, Name: name}
}

func (w *world) rollout() *v1alpha1.Rollout {
	w.Helper()
	ro := &v1alpha1.Rollout{}
	w.Expect(direct.Get(w.Context(), w.key("web"), ro)).To(gomega.Succeed())
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
	return w.until("Healthy", healthy)
}

func healthy(ro *v1alpha1.Rollout) bool {
	return ro.Status.Phase == v1alpha1.RolloutHealthy && ro.Status.ObservedGeneration == ro.Generation &&
		meta.IsStatusConditionTrue(ro.Status.Conditions, v1alpha1.ConditionReady)
}

func (w *world) untilStep(step string, phase v1alpha1.RolloutPhase) *v1alpha1.Rollout {
	w.Helper()
	return w.until("step "+step, func(ro *v1alpha1.Rollout) bool {
		return ro.Status.Step == step && ro.Status.Phase == phase
	})
}

// condition waits for a condition.
func (w *world) condition(kind string, status metav1.ConditionStatus, reason, text string) {
	w.Helper()
	w.until(fmt.Sprintf("%s %s %s %q", kind, status, reason, text), func(ro *v1alpha1.Rollout) bool {
		c := meta.FindStatusCondition(ro.Status.Conditions, kind)
		return c != nil && c.Status == status && c.Reason == reason && contains(c.Message, text)
	})
}

// request asks for something, as the plugin does.
func (w *world) request(verb v1alpha1.RolloutVerb, id, revision string, step *int32) {
	w.Helper()
	w.ask(v1alpha1.RolloutRequest{ID: id, Verb: verb, Revision: revision, StepIndex: step})
}

func (w *world) ask(request v1alpha1.RolloutRequest) {
	w.Helper()
	request.By = "somebody"
	change := map[string]any{"status": map[string]any{"request": request}}
	content, err := json.Marshal(change)
	w.Expect(err).NotTo(gomega.HaveOccurred())
	ro := &v1alpha1.Rollout{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "web"}}
	w.Expect(direct.Status().Patch(w.Context(), ro, client.RawPatch(types.MergePatchType, content),
		client.FieldOwner(v1alpha1.ManagerCLI))).To(gomega.Succeed())
}

// promote passes the step that the release is in.
func (w *world) promote(ro *v1alpha1.Rollout) {
	w.Helper()
	w.request(v1alpha1.VerbPromote, fmt.Sprintf("promote-%s-%d", ro.Status.Release.Revision, ro.Status.Release.StepIndex),
		ro.Status.Release.Revision, &ro.Status.Release.StepIndex)
}

// size is the number of pods that a revision is to have; -1 where it has no ReplicaSet.
func (w *world) size(revision string) int32 {
	w.Helper()
	set := &appsv1.ReplicaSet{}
	err := direct.Get(w.Context(), w.key("web-"+revision), set)
	if client.IgnoreNotFound(err) != nil {
		w.Fatal(err)
	}
	if err != nil {
		return -1
	}
	return *set.Spec.Replicas
}

// owned is what is the user's of the routes and Services: the spec, the labels and annotations, and who owns what.
func (w *world) owned() map[string]string {
	w.Helper()
	out := map[string]string{}
	read := func(object *unstructured.Unstructured, name string) {
		w.Helper()
		err := direct.Get(w.Context(), w.key(name), object)
		if apierrors.IsNotFound(err) {
			return
		}
		w.Expect(err).NotTo(gomega.HaveOccurred())
		var fields []string
		for _, entry := range object.GetManagedFields() {
			if entry.Subresource == "" {
				fields = append(fields, fmt.Sprintf("%s %s %s", entry.Manager, entry.Operation, entry.FieldsV1))
			}
		}
		content, err := json.Marshal(map[string]any{
			"spec": object.Object["spec"], "labels": object.GetLabels(), "annotations": object.GetAnnotations(), "fields": fields,
		})
		w.Expect(err).NotTo(gomega.HaveOccurred())
		out[object.GetKind()+" "+name] = string(content)
	}
	for _, name := range []string{"web", "web-canary"} {
		service := &unstructured.Unstructured{}
		service.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Service"))
		read(service, name)
	}
	read(gatewayapi.NewRoute(), "web")
	return out
}

// specs are owned without who owns what.
func specs(owned map[string]string) map[string]string {
	out := map[string]string{}
	for name, text := range owned {
		var content map[string]any
		if err := json.Unmarshal([]byte(text), &content); err == nil {
			delete(content, "fields")
		}
		out[name] = fmt.Sprint(content)
	}
	return out
}

// atRest waits until routes and Services are as they were.
func (w *world) atRest(before map[string]string) {
	w.Helper()
	var diff string
	w.Eventually(func() string { diff = cmp.Diff(before, w.owned()); return diff }, patience, pace).
		Should(gomega.BeEmpty(), func() string { return "not at rest (-before +after):\n" + diff })
}

// stable applies a first version and waits for it.
func (w *world) stable(steps string) (*v1alpha1.Rollout, map[string]string) {
	w.Helper()
	w.apply(services, route, rolloutOf("app:1", steps))
	return w.untilHealthy(), w.owned()
}
