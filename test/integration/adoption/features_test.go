package adoption

import (
	"fmt"
	"testing"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// wears says whether all pods of a revision carry a label and an annotation; "" is none.
func (w *world) wears(revision, role, note string) bool {
	w.Helper()
	pods := w.podsOf(revision)
	for _, pod := range pods {
		if pod.Labels["role"] != role || pod.Annotations["note"] != note {
			return false
		}
	}
	return len(pods) > 0
}

func (w *world) untilWears(revision, role, note string) {
	w.Helper()
	w.Eventually(func() bool { return w.wears(revision, role, note) }, patience, pace).
		Should(gomega.BeTrue(), "pods of %s: role %q, note %q", revision, role, note)
}

// What the strategy puts on pods follows the role of their revision, and restarts none of them.
func TestPodMetadata(t *testing.T) {
	const strategy = `canaryMetadata: {labels: {role: canary}, annotations: {note: new}}
      stableMetadata: {labels: {role: stable}}`
	w := newWorld(t)
	before := w.running("app:1")
	w.Apply(rolloutOf("app:1", adopt, strategy))
	first := w.UntilHealthy().Status.StableRevision
	w.untilWears(first, "stable", "")
	w.samePods(before)

	w.Apply(rolloutOf("app:2", adopt, strategy))
	ro := w.untilPaused()
	second := ro.Status.CurrentRevision
	if !w.wears(second, "canary", "new") {
		t.Errorf("the canary's pods: %v", w.podsOf(second))
	}
	canary := w.podsOf(second)[0]
	w.Promote(ro)
	w.Until("promoted", func(ro *v1alpha1.Rollout) bool { return ro.Status.StableRevision == second })
	w.untilWears(second, "stable", "")
	w.UntilHealthy()
	if w.pods()[canary.UID].Name == "" {
		t.Error("the canary's pod was replaced")
	}
	// Changed in the spec, it is changed on the pods; taken out, it goes. The revision stays.
	w.Apply(rolloutOf("app:2", adopt, "stableMetadata: {labels: {role: main}, annotations: {note: hello}}"))
	w.untilWears(second, "main", "hello")
	w.Apply(rolloutOf("app:2", adopt, ""))
	w.untilWears(second, "", "")
	if ro := w.UntilHealthy(); ro.Status.CurrentRevision != second {
		t.Errorf("metadata has made revision %s of %s", ro.Status.CurrentRevision, second)
	}
	if w.pods()[canary.UID].Name == "" {
		t.Error("the canary's pod was replaced")
	}
	// Nothing is written when nothing differs.
	versions := func() (out []string) {
		for _, set := range w.sets() {
			out = append(out, set.Name+" "+set.ResourceVersion)
		}
		for _, pod := range w.pods() {
			out = append(out, pod.Name+" "+pod.ResourceVersion)
		}
		return out
	}
	settled := versions()
	w.Stop()
	w.StartAs(cluster.Controller)
	w.Patch(&v1alpha1.Rollout{}, "web", `{"metadata":{"labels":{"look":"again"}},"spec":{"revisionHistoryLimit":9}}`)
	w.Until("looked at", func(ro *v1alpha1.Rollout) bool { return ro.Status.ObservedGeneration == ro.Generation })
	w.Expect(versions()).To(gomega.ConsistOf(settled))
}

func TestPodMetadataRefused(t *testing.T) {
	w := newWorld(t)
	w.running("app:1")
	w.Apply(rolloutOf("app:1", adopt, "canaryMetadata: {labels: {app: other}}"))
	w.UntilSays(v1alpha1.RolloutDegraded, "spec.strategy.canary.canaryMetadata.labels: app is selected by")
}

// New pods keep away from the nodes of the old ones, and that is no part of the revision.
func TestAntiAffinity(t *testing.T) {
	const required = "antiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {}}"
	w := newWorld(t)
	w.running("app:1")
	w.Apply(rolloutOf("app:1", adopt, required))
	first := w.UntilHealthy().Status.StableRevision
	w.Apply(rolloutOf("app:2", adopt, required))
	second := w.untilPaused().Status.CurrentRevision
	terms := w.podsOf(second)[0].Spec.Affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	if len(terms) != 1 || terms[0].TopologyKey != "kubernetes.io/hostname" || terms[0].LabelSelector.MatchExpressions[0].Values[0] != first {
		t.Errorf("the canary's pods have %+v", terms)
	}
	w.Apply(rolloutOf("app:2", adopt, "antiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: {weight: 5}}"))
	if ro := w.untilPaused(); ro.Status.CurrentRevision != second {
		t.Errorf("anti-affinity has made revision %s of %s", ro.Status.CurrentRevision, second)
	}

	// A revision that comes back keeps away from what is stable by then.
	w.Promote(w.Rollout())
	w.Until("promoted", func(ro *v1alpha1.Rollout) bool {
		return ro.Status.StableRevision == second && ro.Status.Phase == v1alpha1.RolloutHealthy
	})
	w.Eventually(func() int { return len(w.podsOf(first)) }, patience, pace).Should(gomega.BeZero())
	w.Apply(rolloutOf("app:1", adopt, required))
	ro := w.untilPaused()
	if ro.Status.CurrentRevision != first {
		t.Errorf("going back has made revision %s of %s", ro.Status.CurrentRevision, first)
	}
	terms = w.podsOf(first)[0].Spec.Affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	if len(terms) != 1 || terms[0].LabelSelector.MatchExpressions[0].Values[0] != second {
		t.Errorf("the pods that came back have %+v", terms)
	}
}

// restart asks for all pods to be replaced that are there now.
func (w *world) restart() {
	w.Helper()
	var newest time.Time
	for _, pod := range w.pods() {
		if pod.CreationTimestamp.After(newest) {
			newest = pod.CreationTimestamp.Time
		}
	}
	w.Patch(&v1alpha1.Rollout{}, "web", fmt.Sprintf(`{"spec":{"restartAt":%q}}`, newest.Add(time.Second).UTC().Format(time.RFC3339)))
}

func (w *world) untilReplaced(before map[types.UID]corev1.Pod) {
	w.Helper()
	w.Eventually(func() int {
		left := 0
		for uid := range w.pods() {
			if before[uid].Name != "" {
				left++
			}
		}
		return left
	}, patience, pace).Should(gomega.BeZero())
	w.Until("restarted", func(ro *v1alpha1.Rollout) bool {
		return ro.Status.RestartedAt != nil && ro.Status.RestartedAt.Equal(ro.Spec.RestartAt)
	})
	w.Eventually(func() int { return len(w.pods()) }, patience, pace).Should(gomega.Equal(len(before)))
	w.untouched()
}

// A restart evicts pods as far as a PodDisruptionBudget lets it, and says once that it does not.
func TestRestart(t *testing.T) {
	w := newWorld(t)
	before := w.running("app:1")
	w.Apply(rolloutOf("app:1", adopt, "maxUnavailable: 1"))
	w.UntilHealthy()
	budget := &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "web"},
		Spec: policyv1.PodDisruptionBudgetSpec{
			MinAvailable: new(intstr.FromInt32(3)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
		},
	}
	w.Expect(direct.Create(t.Context(), budget)).To(gomega.Succeed())
	allow := func(disruptions int32) {
		w.Get(budget, "web")
		budget.Status = policyv1.PodDisruptionBudgetStatus{
			ObservedGeneration: budget.Generation, DisruptionsAllowed: disruptions, CurrentHealthy: 3, DesiredHealthy: 3, ExpectedPods: 3,
		}
		w.Expect(direct.Status().Update(t.Context(), budget)).To(gomega.Succeed())
	}
	allow(0)
	w.restart()
	w.UntilEvent("EvictionRefused", "the restart waits: pod web-")
	w.Patch(&v1alpha1.Rollout{}, "web", `{"metadata":{"labels":{"look":"again"}}}`)
	w.samePods(before)
	allow(3)
	w.untilReplaced(before)
	if n := w.CountEvents("EvictionRefused", ""); n != 1 {
		t.Errorf("%d events say that it was refused", n)
	}
}

// Where no pod may be missing, one more is made first, and the old ones go first.
func TestRestartWithoutUnavailable(t *testing.T) {
	w := newWorld(t)
	before := w.running("app:1")
	w.Apply(rolloutOf("app:1", adopt, "maxUnavailable: 0\n      maxSurge: 1"))
	w.UntilHealthy()
	w.restart()
	w.untilReplaced(before)
	w.UntilHealthy()
}

// A Rollout that says nothing of its size gets one, which stays when somebody takes it out.
func TestSize(t *testing.T) {
	w := newWorld(t)
	w.Apply(network, rolloutOf("app:1", "replicas: 3", ""))
	w.UntilHealthy()
	w.Patch(&v1alpha1.Rollout{}, "web", `{"spec":{"replicas":null}}`)
	w.Until("a size", func(ro *v1alpha1.Rollout) bool { return ro.Spec.Replicas != nil && *ro.Spec.Replicas == 3 })
	w.UntilHealthy()
	w.Expect(w.pods()).To(gomega.HaveLen(3))
}
