package rollout

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/test/integration/worlds"
)

const (
	patience = worlds.Patience
	pace     = worlds.Pace
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
	*worlds.World
	// scaledToZero says that there may be nobody to serve.
	scaledToZero bool
	// sent counts what the controller asks of the API server.
	sent *requests
}

// newWorld makes a namespace and starts the controller for it.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := newIdleWorld(t)
	w.start()
	return w
}

// newIdleWorld makes a namespace whose controller has yet to be started. At the end it holds that every share of the traffic
// was served all the time, and that no action broke an invariant.
func newIdleWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	w := &world{sent: &requests{}}
	// Registered first, so that it runs when the controller has ended.
	t.Cleanup(func() {
		if moments := cluster.Unserved(w.Namespace); len(moments) > 0 && !w.scaledToZero {
			t.Errorf("traffic was not served: %v", moments)
		}
		if n := w.violations(); n != 0 {
			t.Errorf("%v invariants were broken", n)
		}
	})
	w.World = worlds.New(t, cluster, "rollout-")
	return w
}

// start starts the controller.
func (w *world) start() {
	w.Helper()
	config := rest.CopyConfig(cluster.Controller)
	config.Wrap(w.sent.counting)
	w.StartAs(config)
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
			if slices.ContainsFunc(metric.GetLabel(), func(l *dto.LabelPair) bool { return l.GetValue() == w.Namespace }) {
				sum += metric.GetCounter().GetValue()
			}
		}
	}
	return sum
}

func (w *world) untilStep(step string, phase v1alpha1.RolloutPhase) *v1alpha1.Rollout {
	w.Helper()
	return w.Until("step "+step, func(ro *v1alpha1.Rollout) bool {
		return ro.Status.Step == step && ro.Status.Phase == phase
	})
}

// request asks for something, as the plugin does.
func (w *world) request(verb v1alpha1.RolloutVerb, id, revision string, step *int32) {
	w.Helper()
	w.Ask(v1alpha1.RolloutRequest{ID: id, Verb: verb, Revision: revision, StepIndex: step})
}

// size is the number of pods that a revision is to have; -1 where it has no ReplicaSet.
func (w *world) size(revision string) int32 {
	w.Helper()
	set := &appsv1.ReplicaSet{}
	err := direct.Get(w.Context(), w.Key("web-"+revision), set)
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
		err := direct.Get(w.Context(), w.Key(name), object)
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
	live := &unstructured.Unstructured{}
	live.SetAPIVersion(gatewayv1.GroupVersion.String())
	live.SetKind("HTTPRoute")
	read(live, "web")
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
	w.Apply(services, route, rolloutOf("app:1", steps))
	return w.UntilHealthy(), w.owned()
}
