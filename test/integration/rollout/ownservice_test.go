package rollout

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/test/integration/worlds"
)

const oneService = `
apiVersion: v1
kind: Service
metadata:
  name: web
  labels: {team: shop}
  annotations: {example.com/protocol: h2c, external-dns.alpha.kubernetes.io/hostname: shop.example}
spec:
  type: LoadBalancer
  selector: {app: web}
  sessionAffinity: ClientIP
  ports: [{name: http, port: 80, targetPort: 8080, appProtocol: kubernetes.io/h2c}]
`

// ownRolloutOf is a Rollout that names no canary Service.
func ownRolloutOf(image string) string {
	return rolloutWith(image, `
    canary:
      stableService: web
      scaleDownDelaySeconds: 0
      abortScaleDownDelaySeconds: 0
      trafficRouting:
        settleSeconds: 0
        gatewayAPI: {httpRouteSelector: {matchLabels: {app: web}}}
      steps: [{setWeight: 20}, {pause: {}}]`)
}

const labelledRoute = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, labels: {app: web}}
spec:
  parentRefs: [{name: gateway}]
  rules: [{name: main, backendRefs: [{name: web, port: 80}]}]
`

// ownCanary is the canary Service, nil where there is none.
func (w *world) ownCanary() *corev1.Service {
	w.Helper()
	service := &corev1.Service{}
	err := direct.Get(w.Context(), w.Key("web-canary"), service)
	if apierrors.IsNotFound(err) {
		return nil
	}
	w.Expect(err).NotTo(gomega.HaveOccurred())
	return service
}

// A Rollout that names no canary Service makes one for a release, a copy of the stable one for use inside of the cluster,
// and removes it afterwards.
func TestOwnService(t *testing.T) {
	w := newWorld(t)
	w.Apply(oneService, labelledRoute, ownRolloutOf("app:1"))
	first := w.UntilHealthy()
	before := w.owned()
	if w.ownCanary() != nil {
		t.Error("there is a canary Service at rest")
	}
	w.Apply(ownRolloutOf("app:2"))
	ro := w.untilStep("2/2", v1alpha1.RolloutPaused)

	made := w.ownCanary()
	if made == nil {
		t.Fatal("there is no canary Service in a release")
	}
	want := map[string]string{"app": "web", v1alpha1.LabelPodTemplateHash: ro.Status.Release.Revision}
	if diff := cmp.Diff(want, made.Spec.Selector); diff != "" {
		t.Errorf("selector (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"team": "shop", v1alpha1.LabelRollout: "web"}, made.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if made.Annotations["example.com/protocol"] != "h2c" || made.Annotations["external-dns.alpha.kubernetes.io/hostname"] != "" {
		t.Errorf("annotations: %v", made.Annotations)
	}
	port := made.Spec.Ports[0]
	if made.Spec.Type != corev1.ServiceTypeClusterIP || port.NodePort != 0 || made.Spec.SessionAffinity != corev1.ServiceAffinityClientIP ||
		port.AppProtocol == nil || *port.AppProtocol != "kubernetes.io/h2c" || port.TargetPort.IntVal != 8080 {
		t.Errorf("the copy is %+v", made.Spec)
	}
	if !metav1.IsControlledBy(made, ro) {
		t.Errorf("it belongs to %v", made.OwnerReferences)
	}

	// What its owner changes of the stable Service is changed in the copy.
	w.Patch(&corev1.Service{}, "web", `{"metadata":{"annotations":{"example.com/protocol":"http"}},"spec":{"sessionAffinity":"None"}}`)
	w.Eventually(func() []string {
		now := w.ownCanary()
		return []string{now.Annotations["example.com/protocol"], string(now.Spec.SessionAffinity)}
	}, patience, pace).Should(gomega.Equal([]string{"http", "None"}))
	w.Patch(&corev1.Service{}, "web", `{"metadata":{"annotations":{"example.com/protocol":"h2c"}},"spec":{"sessionAffinity":"ClientIP"}}`)

	w.Promote(ro)
	w.Until("promoted", func(ro *v1alpha1.Rollout) bool {
		return worlds.Healthy(ro) && ro.Status.StableRevision != first.Status.StableRevision
	})
	w.Eventually(w.ownCanary, patience, pace).Should(gomega.BeNil())
	w.Eventually(func() string { return cmp.Diff(specs(before)["HTTPRoute web"], specs(w.owned())["HTTPRoute web"]) }, patience, pace).
		Should(gomega.BeEmpty())
	w.quiet()
}

// A Service that has the name by chance is nobody's to change: the release waits until it is out of the way.
func TestOwnServiceIsTaken(t *testing.T) {
	w := newWorld(t)
	w.Apply(oneService, labelledRoute, `
apiVersion: v1
kind: Service
metadata: {name: web-canary}
spec: {selector: {app: another}, ports: [{port: 80}]}
`, ownRolloutOf("app:1"))
	w.UntilCondition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, v1alpha1.ReasonServiceInvalid, `"web-canary"`)
	w.Apply(ownRolloutOf("app:2"))
	if got := w.ownCanary().Spec.Selector; !maps.Equal(got, map[string]string{"app": "another"}) {
		t.Errorf("the selector was changed to %v", got)
	}
	w.Expect(client.IgnoreNotFound(direct.Delete(t.Context(), w.ownCanary()))).To(gomega.Succeed())
	w.UntilHealthy()
}

// Whoever deletes a Rollout in mid-release, and keeps its pods, keeps nothing of what it has made beside them.
func TestOwnServiceOfADeletedRollout(t *testing.T) {
	w := newWorld(t)
	w.Apply(oneService, labelledRoute, ownRolloutOf("app:1"))
	w.UntilHealthy()
	before := w.owned()
	w.Apply(ownRolloutOf("app:2"))
	ro := w.untilStep("2/2", v1alpha1.RolloutPaused)
	w.Expect(direct.Delete(t.Context(), ro, client.PropagationPolicy(metav1.DeletePropagationOrphan))).To(gomega.Succeed())
	w.Eventually(func() []string { return w.Rollout().Finalizers }, patience, pace).
		Should(gomega.Equal([]string{metav1.FinalizerOrphanDependents})) // which Kubernetes itself takes off
	if w.ownCanary() != nil {
		t.Error("the canary Service is still there")
	}
	w.atRest(before)
}
