package adoption

import (
	"testing"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// beside is a Rollout that runs the template of the Deployment.
func beside(scaleDown string) string {
	return `
apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata: {name: web}
spec:
  replicas: 3
  workloadRef: {name: web, scaleDown: ` + scaleDown + `}
  strategy:
    canary:
      stableService: web
      canaryService: web-canary
      scaleDownDelaySeconds: 0
      trafficRouting: {settleSeconds: 0, gatewayAPI: {httpRoutes: [{name: web}]}}
      steps: [{setWeight: 20}, {pause: {}}]
`
}

func (w *world) untilSize(size int32) *appsv1.Deployment {
	w.Helper()
	d := &appsv1.Deployment{}
	w.Eventually(func() int32 { w.Get(d, "web"); return *d.Spec.Replicas }, patience, pace).Should(gomega.Equal(size))
	return d
}

// The pods of the Rollout take over from the workload's own, a change of its template is a release, and when the Rollout
// goes the workload has its pods back first.
func TestWorkload(t *testing.T) {
	w := newWorld(t)
	w.running("app:1")
	w.Apply(beside("onsuccess"))
	first := w.UntilHealthy()
	d := w.untilSize(0)
	if d.Annotations[v1alpha1.AnnotationWorkloadReplicas] != "3" {
		t.Errorf("annotations %v", d.Annotations)
	}
	if len(first.Finalizers) == 0 {
		w.Until("held", func(ro *v1alpha1.Rollout) bool { return len(ro.Finalizers) > 0 })
	}
	w.Eventually(func() int { return len(w.pods()) }, patience, pace).Should(gomega.Equal(3))
	w.Expect(w.podsOf(first.Status.StableRevision)).To(gomega.HaveLen(3))

	w.Patch(&appsv1.Deployment{}, "web", `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"app:2"}]}}}}`)
	ro := w.untilPaused()
	w.Promote(ro)
	w.Until("promoted", func(now *v1alpha1.Rollout) bool {
		return now.Status.StableRevision == ro.Status.CurrentRevision && now.Status.Phase == v1alpha1.RolloutHealthy
	})

	w.Expect(direct.Delete(t.Context(), ro)).To(gomega.Succeed())
	w.Eventually(func() bool {
		return apierrors.IsNotFound(direct.Get(t.Context(), w.Key("web"), &v1alpha1.Rollout{}))
	}, patience, pace).Should(gomega.BeTrue())
	w.settledAtLeast(3)
	w.Get(d, "web")
	if _, marked := d.Annotations[v1alpha1.AnnotationWorkloadReplicas]; marked || *d.Spec.Replicas != 3 {
		t.Errorf("the Deployment has %d replicas, annotations %v", *d.Spec.Replicas, d.Annotations)
	}
	for _, entry := range d.ManagedFields {
		if entry.Manager == v1alpha1.ManagerController {
			t.Errorf("fields are still ours: %s", entry.FieldsV1)
		}
	}
	w.Apply(replaceOnce(deploymentOf("app:2"), "replicas: 3", "replicas: 4")) // without a conflict
	w.untouched()
}

func (w *world) settledAtLeast(size int32) {
	w.Helper()
	d := &appsv1.Deployment{}
	w.Eventually(func() int32 { w.Get(d, "web"); return d.Status.AvailableReplicas }, patience, pace).Should(gomega.BeNumerically(">=", size))
}

// The workload's pods go as those of the Rollout come, and nothing is ever without.
func TestWorkloadProgressively(t *testing.T) {
	w := newWorld(t)
	w.running("app:1")
	w.Apply(beside("progressively"))
	w.UntilHealthy()
	w.untilSize(0)
	w.Eventually(func() int { return len(w.pods()) }, patience, pace).Should(gomega.Equal(3))
	w.untouched()
}

// A Rollout whose workload never comes up again goes nevertheless, after its deadline.
func TestWorkloadThatDoesNotComeBack(t *testing.T) {
	w := newWorld(t)
	w.running("app:1")
	w.Apply(beside("onsuccess"))
	w.UntilHealthy()
	w.untilSize(0)
	w.Patch(&v1alpha1.Rollout{}, "web", `{"spec":{"progressDeadlineSeconds":1}}`)
	ro := w.UntilHealthy()
	w.Patch(&appsv1.Deployment{}, "web", `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"app:stuck"}]}}}}`)
	w.Expect(direct.Delete(t.Context(), ro, client.PropagationPolicy("Background"))).To(gomega.Succeed())
	w.Eventually(func() bool {
		return apierrors.IsNotFound(direct.Get(t.Context(), w.Key("web"), &v1alpha1.Rollout{}))
	}, patience, pace).Should(gomega.BeTrue())
	w.UntilEvent("NotRestored", "of the 3 pods of Deployment")
	w.untilSize(3)
}

// A workload that is missing is said, and is taken up when it is there.
func TestMissingWorkload(t *testing.T) {
	w := newWorld(t)
	w.Apply(network, beside("never"))
	w.UntilSays(v1alpha1.RolloutDegraded, `Deployment "web" does not exist`)
	w.Apply(deploymentOf("app:1"))
	w.UntilHealthy()
	w.untilSize(3)
	second := replaceOnce(beside("never"), "metadata: {name: web}", "metadata: {name: another}")
	second = replaceOnce(second, "stableService: web\n", "stableService: a\n")
	second = replaceOnce(second, "canaryService: web-canary", "canaryService: b")
	w.Apply(second)
	w.Eventually(func() string {
		ro := &v1alpha1.Rollout{}
		w.Get(ro, "another")
		return ro.Status.Message
	}, patience, pace).Should(gomega.ContainSubstring(`is the workload of Rollout "web"`))
}
