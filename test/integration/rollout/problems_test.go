package rollout

import (
	"fmt"
	"strings"
	"testing"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/trafficrouting/gatewayapi"
)

// event waits for an event.
func (w *world) event(reason, text string) {
	w.Helper()
	w.Eventually(func() bool {
		var list eventsv1.EventList
		w.Expect(direct.List(w.Context(), &list, client.InNamespace(w.namespace))).To(gomega.Succeed())
		for _, e := range list.Items {
			if e.Reason == reason && contains(e.Note, text) {
				return true
			}
		}
		return false
	}, patience, pace).Should(gomega.BeTrue(), "waited for event "+reason+" "+text)
}

// A pod template that the API server would refuse is refused before anything moves, with the name of the field.
func TestBadPodTemplate(t *testing.T) {
	good := rolloutOf("app:2", "[{setWeight: 50}]")
	for name, c := range map[string]struct{ manifest, text string }{
		"a field that does not exist": {strings.Replace(good, "image:", "imge:", 1), `unknown field "spec.template.spec.containers[0].imge"`},
		"a value that is wrong":       {strings.Replace(good, "8080}]", "808080}]", 1), "spec.template.spec.containers[0].ports[0].containerPort"},
		"labels that do not match":    {strings.Replace(good, "labels: {app: web}", "labels: {app: other}", 1), "spec.template.metadata.labels"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			first, before := w.stable("[{setWeight: 50}]")
			w.apply(c.manifest)
			w.condition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, v1alpha1.ReasonInvalidTemplate, c.text)
			w.event(v1alpha1.ReasonInvalidTemplate, c.text)
			if w.rollout().Status.StableRevision != first.Status.StableRevision || w.size(first.Status.StableRevision) != 4 {
				t.Error("the stable revision was touched")
			}
			w.atRest(before)
			w.apply(good)
			w.condition(v1alpha1.ConditionInvalid, metav1.ConditionFalse, "Valid", "")
			w.until("promoted", func(ro *v1alpha1.Rollout) bool {
				return healthy(ro) && ro.Status.StableRevision != first.Status.StableRevision
			})
			w.event("Mended", "")
			w.atRest(before)
		})
	}
}

// What the Rollout names and is not there is named by a condition, and the Rollout goes on when it is.
func TestMissing(t *testing.T) {
	w := newWorld(t)
	w.apply(rolloutOf("app:1", judged))
	w.condition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, v1alpha1.ReasonServiceInvalid, `Service "web" does not exist`)
	w.apply(strings.Replace(services, "name: web-canary", "name: web-other", 1))
	w.condition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, v1alpha1.ReasonServiceInvalid, `Service "web-canary" does not exist`)
	w.apply(services)
	w.condition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, v1alpha1.ReasonRouteInvalid, `HTTPRoute "web"`)
	w.apply(route)
	w.condition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, v1alpha1.ReasonAnalysisInvalid, `AnalysisTemplate "success" does not exist`)
	w.apply(strings.Replace(template, "{name: app}", "{name: application}", 1))
	w.condition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, v1alpha1.ReasonAnalysisInvalid, `"app" is not declared`)
	w.apply(template)
	w.untilHealthy()
}

// A Service that does not fit is named too, and what breaks in mid-release stops it, but not the way back.
func TestProblemInMidRelease(t *testing.T) {
	w := newWorld(t)
	_, before := w.stable(untilPromoted)
	w.apply(rolloutOf("app:2", untilPromoted))
	ro := w.untilStep("2/5", v1alpha1.RolloutPaused)
	bad := ro.Status.Release.Revision

	w.force(strings.Replace(services, "port: 80,", "port: 81,", 1))
	w.condition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, v1alpha1.ReasonServiceInvalid, "lacks port 81/TCP")
	w.promote(ro)
	w.until("refused", func(ro *v1alpha1.Rollout) bool {
		return ro.Status.LastRequest != nil && !ro.Status.LastRequest.Accepted
	})
	w.request(v1alpha1.VerbAbort, "abort-1", bad, nil)
	w.until("aborted", func(ro *v1alpha1.Rollout) bool { return ro.Status.Abort != nil })
	w.Eventually(func() int32 { return w.size(bad) }, patience, pace).Should(gomega.BeZero())
	w.force(services)
	w.atRest(before)
}

// A selector that catches the pods of a Deployment is refused.
func TestForeignPods(t *testing.T) {
	w := newWorld(t)
	labels := map[string]string{"app": "web", "pod-template-hash": "abc"}
	set := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "other-abc"},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: new(int32(1)), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "other:1"}}},
			},
		},
	}
	w.Expect(direct.Create(t.Context(), set)).To(gomega.Succeed())
	w.Eventually(func() int {
		var pods corev1.PodList
		w.Expect(direct.List(t.Context(), &pods, client.InNamespace(w.namespace))).To(gomega.Succeed())
		return len(pods.Items)
	}, patience, pace).Should(gomega.Equal(1))
	w.apply(services, route, rolloutOf("app:1", "[]"))
	w.condition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, v1alpha1.ReasonSelectorOverlap, `ReplicaSet "other-abc"`)
}

// The younger of two Rollouts on one Service has to go.
func TestSharedService(t *testing.T) {
	w := newWorld(t)
	w.stable("[]")
	second := strings.Replace(rolloutOf("app:1", "[]"), "name: web}\nspec:\n  replicas", "name: zweb}\nspec:\n  replicas", 1)
	w.apply(second)
	w.Eventually(func() string {
		ro := &v1alpha1.Rollout{}
		w.Expect(direct.Get(t.Context(), w.key("zweb"), ro)).To(gomega.Succeed())
		return ro.Status.Message
	}, patience, pace).Should(gomega.ContainSubstring(`belongs to Rollout "web"`))
	w.untilHealthy()
}

// A gateway that does not acknowledge stops a release and says so.
func TestSilentGateway(t *testing.T) {
	w := newWorld(t)
	_, before := w.stable("[{setWeight: 50}]")
	silentGateways.Store(w.namespace, true)
	w.apply(rolloutOf("app:2", "[{setWeight: 50}]"))
	w.until("waiting", func(ro *v1alpha1.Rollout) bool {
		return ro.Status.Step == "1/1" && contains(ro.Status.Message, "Gateway "+w.namespace+"/gateway")
	})
	silentGateways.Delete(w.namespace)
	// The next look at the namespace acknowledges.
	live := gatewayapi.NewRoute()
	w.Expect(direct.Get(t.Context(), w.key("web"), live)).To(gomega.Succeed())
	w.Expect(direct.Patch(t.Context(), live, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"poke":"1"}}}`)),
		client.FieldOwner(user))).To(gomega.Succeed())
	w.Expect(direct.Patch(t.Context(), live, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":null}}`)),
		client.FieldOwner(user))).To(gomega.Succeed())
	w.untilHealthy()
	w.Eventually(func() bool {
		now := w.owned()
		return now["Service web"] == before["Service web"] && now["Service web-canary"] == before["Service web-canary"]
	}, patience, pace).Should(gomega.BeTrue())
}

// A Service that is deleted in mid-release is named, nothing runs hot over it, and the release goes on when it is back.
func TestServiceDeletedInMidRelease(t *testing.T) {
	w := newWorld(t)
	w.scaledToZero = true // the Service takes its endpoints with it
	w.stable(untilPromoted)
	w.apply(rolloutOf("app:2", untilPromoted))
	ro := w.untilStep("2/5", v1alpha1.RolloutPaused)
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "web-canary"}}
	w.Expect(direct.Delete(t.Context(), service)).To(gomega.Succeed())
	slice := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "web-canary"}}
	w.Expect(direct.Delete(t.Context(), slice)).To(gomega.Succeed())
	w.condition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, v1alpha1.ReasonServiceInvalid, `Service "web-canary" does not exist`)
	w.until("weight taken away", func(ro *v1alpha1.Rollout) bool { return ro.Status.Release.Weights.Asked == 0 })
	w.apply(splitDocuments(services)[1])
	w.condition(v1alpha1.ConditionInvalid, metav1.ConditionFalse, "Valid", "")
	w.until("weight given again", func(ro *v1alpha1.Rollout) bool { return ro.Status.Release.Weights.Asked == 20 })
	w.promote(w.untilStep("2/5", v1alpha1.RolloutPaused))
	w.until("promoted", func(now *v1alpha1.Rollout) bool {
		return healthy(now) && now.Status.StableRevision == ro.Status.Release.Revision
	})
}

// A workload that is gone in mid-release stops the release, and the release can still be aborted.
func TestWorkloadGoneInMidRelease(t *testing.T) {
	deployment := func(image string) string {
		return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: app, image: %q}]}}
`, image)
	}
	const rollout = `
apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata: {name: web}
spec:
  replicas: 4
  workloadRef: {name: web}
  strategy: {canary: {steps: [{setWeight: 50}, {pause: {}}]}}
`
	w := newWorld(t)
	w.apply(service, deployment("app:1"), rollout)
	first := w.untilHealthy()
	w.apply(deployment("app:2"))
	bad := w.untilStep("2/2", v1alpha1.RolloutPaused).Status.Release.Revision
	w.Expect(direct.Delete(t.Context(), &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "web"}})).To(gomega.Succeed())
	w.condition(v1alpha1.ConditionInvalid, "True", "InvalidSpec", "does not exist")
	w.request(v1alpha1.VerbAbort, "abort", bad, nil)
	w.until("aborted", func(ro *v1alpha1.Rollout) bool { return ro.Status.Abort != nil && ro.Status.Abort.Revision == bad })
	w.Eventually(func() []int32 { return []int32{w.size(first.Status.StableRevision), w.size(bad)} }, patience, pace).
		Should(gomega.Equal([]int32{4, 0}))
}

// A ReplicaSet that somebody deletes is made again where the spec still has its template; where it has not, the release
// goes on without it, or says what is missing.
func TestDeletedReplicaSet(t *testing.T) {
	w := newWorld(t)
	w.scaledToZero = true // as far as the stable revision goes, which somebody has deleted
	first, _ := w.stable(untilPromoted)
	remove := func(revision string) {
		t.Helper()
		set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "web-" + revision}}
		w.Expect(direct.Delete(t.Context(), set, client.PropagationPolicy(metav1.DeletePropagationBackground))).To(gomega.Succeed())
		// Nobody collects garbage here.
		w.Expect(direct.DeleteAllOf(t.Context(), &corev1.Pod{}, client.InNamespace(w.namespace),
			client.MatchingLabels{v1alpha1.LabelPodTemplateHash: revision}, client.GracePeriodSeconds(0))).To(gomega.Succeed())
	}
	remove(first.Status.StableRevision)
	w.Eventually(func() int32 { return w.size(first.Status.StableRevision) }, patience, pace).Should(gomega.BeEquivalentTo(4))
	w.untilHealthy()

	w.apply(rolloutOf("app:2", untilPromoted))
	ro := w.untilStep("2/5", v1alpha1.RolloutPaused)
	next := ro.Status.Release.Revision
	remove(next)
	w.Eventually(func() int32 { return w.size(next) }, patience, pace).Should(gomega.BeEquivalentTo(1))
	if got := w.rollout().Status.StableRevision; got != first.Status.StableRevision {
		t.Errorf("stable is %s", got)
	}
	w.promote(w.untilStep("2/5", v1alpha1.RolloutPaused))
	w.until("promoted", func(ro *v1alpha1.Rollout) bool { return healthy(ro) && ro.Status.StableRevision == next })
}

// Two ReplicaSets of one revision cannot be told apart: it is said which one is too many.
func TestDuplicateReplicaSet(t *testing.T) {
	w := newWorld(t)
	w.apply(service, byPods("app:1", "[]"))
	first := w.untilHealthy()
	set := &appsv1.ReplicaSet{}
	w.Expect(direct.Get(t.Context(), w.key("web-"+first.Status.StableRevision), set)).To(gomega.Succeed())
	second := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "copy", Labels: set.Labels, OwnerReferences: set.OwnerReferences},
		Spec:       *set.Spec.DeepCopy(),
	}
	second.Spec.Replicas = new(int32(0))
	w.Expect(direct.Create(t.Context(), second)).To(gomega.Succeed())
	w.condition(v1alpha1.ConditionInvalid, "True", "DuplicateReplicaSet", `delete "copy"`)
	w.Expect(direct.Delete(t.Context(), second)).To(gomega.Succeed())
	w.untilHealthy()
}

// A status that somebody has filled with nonsense is made sense of, and nothing that serves is touched.
func TestNonsenseInStatus(t *testing.T) {
	w := newWorld(t)
	first, before := w.stable(untilPromoted)
	w.stop()
	ro := w.rollout()
	ro.Status.Release = &v1alpha1.ReleaseStatus{
		Revision: "nonsense", StepIndex: 77, SwitchedTo: "nothing", SwitchingFrom: "nowhere", Mode: "Full",
		Weights: &v1alpha1.ReleaseWeights{Asked: 300, Low: -5, High: 7000},
		Drives:  &v1alpha1.ReleaseDrives{By: "Selector", StableService: "web"},
	}
	w.Expect(direct.Status().Update(t.Context(), ro)).To(gomega.Succeed())
	w.start()
	w.until("mended", func(ro *v1alpha1.Rollout) bool { return healthy(ro) && ro.Status.Release == nil })
	w.atRest(before)
	if got := w.size(first.Status.StableRevision); got != 4 {
		t.Errorf("stable has %d pods", got)
	}
	w.quiet()
}
