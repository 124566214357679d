package rollout

import (
	"testing"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/test/integration/worlds"
)

// Deleting a Rollout in mid-release gives routes and Services back.
func TestDeleteInMidRelease(t *testing.T) {
	w := newWorld(t)
	_, before := w.stable(untilPromoted)
	w.Apply(rolloutOf("app:2", untilPromoted))
	ro := w.untilStep("2/5", v1alpha1.RolloutPaused)
	w.Expect(direct.Delete(t.Context(), ro, client.PropagationPolicy(metav1.DeletePropagationBackground))).To(gomega.Succeed())
	w.Eventually(func() bool {
		return apierrors.IsNotFound(direct.Get(t.Context(), w.Key("web"), &v1alpha1.Rollout{}))
	}, patience, pace).Should(gomega.BeTrue())
	w.atRest(before)
	w.UntilEvent("Restored", "")
}

// A Rollout that is deleted without its ReplicaSets and made again goes on where it was: nothing is rolled.
func TestOrphanedReplicaSets(t *testing.T) {
	w := newWorld(t)
	first, before := w.stable(untilPromoted)
	set := w.orphan(first)
	uid := set.UID
	w.Apply(rolloutOf("app:1", untilPromoted))
	ro := w.UntilHealthy()
	w.Expect(direct.Get(t.Context(), w.Key("web-"+ro.Status.StableRevision), set)).To(gomega.Succeed())
	if set.UID != uid || !metav1.IsControlledBy(set, ro) {
		t.Errorf("ReplicaSet %s of %v was not adopted", set.UID, set.OwnerReferences)
	}
	w.atRest(before)
}

// Made again with another template, it is released over what is there, in steps.
func TestOrphanedReplicaSetsAndANewTemplate(t *testing.T) {
	w := newWorld(t)
	first, before := w.stable(untilPromoted)
	w.orphan(first)
	w.Apply(rolloutOf("app:2", untilPromoted))
	ro := w.untilStep("2/5", v1alpha1.RolloutPaused)
	if ro.Status.StableRevision != first.Status.StableRevision || w.size(first.Status.StableRevision) != 4 {
		t.Errorf("stable is %q with %d pods", ro.Status.StableRevision, w.size(first.Status.StableRevision))
	}
	w.Promote(ro)
	w.Until("promoted", func(now *v1alpha1.Rollout) bool {
		return worlds.Healthy(now) && now.Status.StableRevision == ro.Status.CurrentRevision
	})
	w.atRest(before)
}

// orphan does what `kubectl delete --cascade=orphan` and the garbage collector come to.
func (w *world) orphan(ro *v1alpha1.Rollout) *appsv1.ReplicaSet {
	w.Helper()
	w.Stop()
	set := &appsv1.ReplicaSet{}
	w.Expect(direct.Get(w.Context(), w.Key("web-"+ro.Status.StableRevision), set)).To(gomega.Succeed())
	patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"ownerReferences":null}}`))
	w.Expect(direct.Patch(w.Context(), set, patch)).To(gomega.Succeed())
	w.Expect(direct.Delete(w.Context(), ro, client.PropagationPolicy(metav1.DeletePropagationBackground))).To(gomega.Succeed())
	w.start()
	return set
}

// A status that is lost in mid-release is made again from the ReplicaSets; no request is lost by it.
func TestLostStatus(t *testing.T) {
	w := newWorld(t)
	first, before := w.stable(untilPromoted)
	w.Apply(rolloutOf("app:2", untilPromoted))
	w.untilStep("2/5", v1alpha1.RolloutPaused)
	w.Stop()
	ro := w.Rollout()
	ro.Status = v1alpha1.RolloutStatus{}
	w.Expect(direct.Status().Update(t.Context(), ro)).To(gomega.Succeed())
	w.start()
	ro = w.untilStep("2/5", v1alpha1.RolloutPaused)
	if ro.Status.StableRevision != first.Status.StableRevision {
		t.Errorf("stable is %q", ro.Status.StableRevision)
	}
	w.UntilEvent("StatusRecovered", "")
	w.Promote(ro)
	w.Until("promoted", func(now *v1alpha1.Rollout) bool {
		return worlds.Healthy(now) && now.Status.StableRevision == ro.Status.CurrentRevision
	})
	// Who owned the route's rules was lost with the status.
	w.Eventually(func() map[string]string { return specs(w.owned()) }, patience, pace).Should(gomega.Equal(specs(before)))
}

// spec.replicas is carried to the stable revision, also through the scale subresource.
func TestScale(t *testing.T) {
	w := newWorld(t)
	w.scaledToZero = true
	first, before := w.stable("[]")
	for _, size := range []string{"6", "2", "0", "3"} {
		patch := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"replicas":`+size+`}}`))
		w.Expect(direct.SubResource("scale").Patch(t.Context(), w.Rollout(), patch)).To(gomega.Succeed())
		w.UntilHealthy()
		w.Eventually(func() int32 { return w.size(first.Status.StableRevision) }, patience, pace).Should(gomega.BeEquivalentTo(size[0] - '0'))
	}
	w.Until("counted", func(ro *v1alpha1.Rollout) bool {
		return ro.Status.Replicas == 3 && ro.Status.Selector == "app=web" && ro.Status.ReadyReplicas == 3
	})
	w.atRest(before)
}
