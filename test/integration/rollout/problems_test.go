package rollout

import (
	"fmt"
	"strings"
	"testing"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/test/integration/worlds"
)

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
			w.Apply(c.manifest)
			w.UntilCondition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, v1alpha1.ReasonInvalidTemplate, c.text)
			w.UntilEvent(v1alpha1.ReasonInvalidTemplate, c.text)
			if w.Rollout().Status.StableRevision != first.Status.StableRevision || w.size(first.Status.StableRevision) != 4 {
				t.Error("the stable revision was touched")
			}
			w.atRest(before)
			w.quiet()
			w.Apply(good)
			w.UntilCondition(v1alpha1.ConditionInvalid, metav1.ConditionFalse, "Valid", "")
			w.Until("promoted", func(ro *v1alpha1.Rollout) bool {
				return worlds.Healthy(ro) && ro.Status.StableRevision != first.Status.StableRevision
			})
			w.UntilEvent("Mended", "")
			w.atRest(before)
		})
	}
}

// What the Rollout names and is not there is named by a condition, and the Rollout goes on when it is.
func TestMissing(t *testing.T) {
	w := newWorld(t)
	w.Apply(rolloutOf("app:1", judged))
	w.UntilCondition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, v1alpha1.ReasonServiceInvalid, `Service "web" does not exist`)
	w.quiet()
	w.Apply(strings.Replace(services, "name: web-canary", "name: web-other", 1))
	w.UntilCondition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, v1alpha1.ReasonServiceInvalid, `Service "web-canary" does not exist`)
	w.quiet()
	w.Apply(services)
	w.UntilCondition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, v1alpha1.ReasonRouteInvalid, `HTTPRoute "web"`)
	w.quiet()
	w.Apply(route)
	w.UntilCondition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, v1alpha1.ReasonAnalysisInvalid, `AnalysisTemplate "success" does not exist`)
	w.quiet()
	w.Apply(strings.Replace(template, "{name: app}", "{name: application}", 1))
	w.UntilCondition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, v1alpha1.ReasonAnalysisInvalid, `"app" is not declared`)
	w.quiet()
	w.Apply(template)
	w.UntilHealthy()
}

// A Service that does not fit is named too, and what breaks in mid-release stops it, but not the way back.
func TestProblemInMidRelease(t *testing.T) {
	w := newWorld(t)
	_, before := w.stable(untilPromoted)
	w.Apply(rolloutOf("app:2", untilPromoted))
	ro := w.untilStep("2/5", v1alpha1.RolloutPaused)
	bad := ro.Status.Release.Revision

	w.Force(strings.Replace(services, "port: 80,", "port: 81,", 1))
	w.UntilCondition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, v1alpha1.ReasonServiceInvalid, "lacks port 81/TCP")
	w.quiet()
	w.Promote(ro)
	w.Until("refused", func(ro *v1alpha1.Rollout) bool {
		return ro.Status.LastRequest != nil && !ro.Status.LastRequest.Accepted
	})
	w.request(v1alpha1.VerbAbort, "abort-1", bad, nil)
	w.Until("aborted", func(ro *v1alpha1.Rollout) bool { return ro.Status.Abort != nil })
	w.Eventually(func() int32 { return w.size(bad) }, patience, pace).Should(gomega.BeZero())
	w.Force(services)
	w.atRest(before)
}

// The younger of two Rollouts on one Service has to go.
func TestSharedService(t *testing.T) {
	w := newWorld(t)
	w.stable("[]")
	second := strings.Replace(rolloutOf("app:1", "[]"), "name: web}\nspec:\n  replicas", "name: zweb}\nspec:\n  replicas", 1)
	w.Apply(second)
	w.Eventually(func() string {
		ro := &v1alpha1.Rollout{}
		w.Expect(direct.Get(t.Context(), w.Key("zweb"), ro)).To(gomega.Succeed())
		return ro.Status.Message
	}, patience, pace).Should(gomega.ContainSubstring(`belongs to Rollout "web"`))
	w.UntilHealthy()
	w.quiet()
}

// A gateway that does not acknowledge stops a release and says so.
func TestSilentGateway(t *testing.T) {
	w := newWorld(t)
	_, before := w.stable("[{setWeight: 50}]")
	cluster.SilenceGateway(w.Namespace, true)
	w.Apply(rolloutOf("app:2", "[{setWeight: 50}]"))
	w.Until("waiting", func(ro *v1alpha1.Rollout) bool {
		return ro.Status.Step == "1/1" && contains(ro.Status.Message, "Gateway "+w.Namespace+"/gateway")
	})
	w.quiet()
	cluster.SilenceGateway(w.Namespace, false)
	w.UntilHealthy()
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
	w.Apply(rolloutOf("app:2", untilPromoted))
	ro := w.untilStep("2/5", v1alpha1.RolloutPaused)
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "web-canary"}}
	w.Expect(direct.Delete(t.Context(), service)).To(gomega.Succeed())
	slice := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "web-canary"}}
	w.Expect(direct.Delete(t.Context(), slice)).To(gomega.Succeed())
	w.UntilCondition(v1alpha1.ConditionInvalid, metav1.ConditionTrue, v1alpha1.ReasonServiceInvalid, `Service "web-canary" does not exist`)
	w.Until("weight taken away", func(ro *v1alpha1.Rollout) bool { return ro.Status.Release.Weights.Asked == 0 })
	w.quiet()
	w.Apply(splitDocuments(services)[1])
	w.UntilCondition(v1alpha1.ConditionInvalid, metav1.ConditionFalse, "Valid", "")
	w.Until("weight given again", func(ro *v1alpha1.Rollout) bool { return ro.Status.Release.Weights.Asked == 20 })
	w.Promote(w.untilStep("2/5", v1alpha1.RolloutPaused))
	w.Until("promoted", func(now *v1alpha1.Rollout) bool {
		return worlds.Healthy(now) && now.Status.StableRevision == ro.Status.Release.Revision
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
	w.Apply(service, deployment("app:1"), rollout)
	first := w.UntilHealthy()
	w.Apply(deployment("app:2"))
	bad := w.untilStep("2/2", v1alpha1.RolloutPaused).Status.Release.Revision
	w.Expect(direct.Delete(t.Context(), &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "web"}})).To(gomega.Succeed())
	w.UntilCondition(v1alpha1.ConditionInvalid, "True", "InvalidSpec", "does not exist")
	w.quiet()
	w.request(v1alpha1.VerbAbort, "abort", bad, nil)
	w.Until("aborted", func(ro *v1alpha1.Rollout) bool { return ro.Status.Abort != nil && ro.Status.Abort.Revision == bad })
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
		set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "web-" + revision}}
		w.Expect(direct.Delete(t.Context(), set, client.PropagationPolicy(metav1.DeletePropagationBackground))).To(gomega.Succeed())
		// Nobody collects garbage here.
		w.Expect(direct.DeleteAllOf(t.Context(), &corev1.Pod{}, client.InNamespace(w.Namespace),
			client.MatchingLabels{v1alpha1.LabelPodTemplateHash: revision}, client.GracePeriodSeconds(0))).To(gomega.Succeed())
	}
	remove(first.Status.StableRevision)
	w.Eventually(func() int32 { return w.size(first.Status.StableRevision) }, patience, pace).Should(gomega.BeEquivalentTo(4))
	w.UntilHealthy()

	w.Apply(rolloutOf("app:2", untilPromoted))
	ro := w.untilStep("2/5", v1alpha1.RolloutPaused)
	next := ro.Status.Release.Revision
	remove(next)
	w.Eventually(func() int32 { return w.size(next) }, patience, pace).Should(gomega.BeEquivalentTo(1))
	if got := w.Rollout().Status.StableRevision; got != first.Status.StableRevision {
		t.Errorf("stable is %s", got)
	}
	w.Promote(w.untilStep("2/5", v1alpha1.RolloutPaused))
	w.Until("promoted", func(ro *v1alpha1.Rollout) bool { return worlds.Healthy(ro) && ro.Status.StableRevision == next })
}

// Two ReplicaSets of one revision cannot be told apart: it is said which one is too many.
func TestDuplicateReplicaSet(t *testing.T) {
	w := newWorld(t)
	w.Apply(service, byPods("app:1", "[]"))
	first := w.UntilHealthy()
	set := &appsv1.ReplicaSet{}
	w.Expect(direct.Get(t.Context(), w.Key("web-"+first.Status.StableRevision), set)).To(gomega.Succeed())
	second := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "copy", Labels: set.Labels, OwnerReferences: set.OwnerReferences},
		Spec:       *set.Spec.DeepCopy(),
	}
	second.Spec.Replicas = new(int32(0))
	w.Expect(direct.Create(t.Context(), second)).To(gomega.Succeed())
	w.UntilCondition(v1alpha1.ConditionInvalid, "True", "DuplicateReplicaSet", `delete "copy"`)
	w.quiet()
	w.Expect(direct.Delete(t.Context(), second)).To(gomega.Succeed())
	w.UntilHealthy()
}

// A status that somebody has filled with nonsense is made sense of, and nothing that serves is touched.
func TestNonsenseInStatus(t *testing.T) {
	w := newWorld(t)
	first, before := w.stable(untilPromoted)
	w.Stop()
	ro := w.Rollout()
	ro.Status.Release = &v1alpha1.ReleaseStatus{
		Revision: "nonsense", StepIndex: 77, SwitchedTo: "nothing", SwitchingFrom: "nowhere", Mode: "Full",
		Weights: &v1alpha1.ReleaseWeights{Asked: 300, Low: -5, High: 7000},
		Drives:  &v1alpha1.ReleaseDrives{By: "Selector", StableService: "web"},
	}
	w.Expect(direct.Status().Update(t.Context(), ro)).To(gomega.Succeed())
	w.start()
	w.Until("mended", func(ro *v1alpha1.Rollout) bool { return worlds.Healthy(ro) && ro.Status.Release == nil })
	w.atRest(before)
	if got := w.size(first.Status.StableRevision); got != 4 {
		t.Errorf("stable has %d pods", got)
	}
	w.quiet()
}
