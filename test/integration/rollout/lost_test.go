package rollout

import (
	"fmt"
	"slices"
	"testing"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// remove deletes the ReplicaSet of a revision, and with it its pods.
func (w *world) remove(revision string) {
	w.Helper()
	set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "web-" + revision}}
	w.Expect(direct.Delete(w.Context(), set, client.PropagationPolicy(metav1.DeletePropagationBackground))).To(gomega.Succeed())
}

// The stable revision's ReplicaSet is deleted in mid-release, when the spec has another template: it is said what is
// missing and what to do about it, and nothing is lost by what somebody then does.
func TestStableDeletedInMidRelease(t *testing.T) {
	for name, then := range map[string]func(w *world, first *v1alpha1.Rollout, next string){
		"the former template": func(w *world, first *v1alpha1.Rollout, _ string) {
			w.Apply(rolloutOf("app:1", untilPromoted))
			w.Until("back", func(ro *v1alpha1.Rollout) bool {
				return ro.Status.Release == nil && ro.Status.StableRevision == first.Status.StableRevision && w.size(ro.Status.StableRevision) == 4
			})
			w.UntilHealthy()
		},
		"promoted in full": func(w *world, first *v1alpha1.Rollout, next string) {
			w.Ask(v1alpha1.RolloutRequest{ID: "full", Verb: v1alpha1.VerbPromote, Revision: next, Full: true})
			w.becomes(first)
		},
		"aborted": func(w *world, first *v1alpha1.Rollout, next string) {
			w.request(v1alpha1.VerbAbort, "abort", next, nil)
			w.Until("answered", func(ro *v1alpha1.Rollout) bool {
				return ro.Status.LastRequest != nil && ro.Status.LastRequest.ID == "abort"
			})
			w.quiet()
			// The only pods that there are go on serving.
			if got := w.size(next); got < 1 {
				w.Errorf("the canary has %d pods, and nobody else has any", got)
			}
			w.Apply(rolloutOf("app:1", untilPromoted))
			w.Until("back", func(*v1alpha1.Rollout) bool { return w.size(first.Status.StableRevision) == 4 })
			w.UntilHealthy()
			w.Eventually(func() int32 { return w.size(next) }, patience, pace).Should(gomega.BeZero())
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.scaledToZero = true // somebody has deleted what serves
			first, before := w.stable(untilPromoted)
			w.Apply(rolloutOf("app:2", untilPromoted))
			next := w.untilStep("2/5", v1alpha1.RolloutPaused).Status.Release.Revision
			w.remove(first.Status.StableRevision)
			w.Until("said", func(ro *v1alpha1.Rollout) bool {
				return contains(ro.Status.Message, "the ReplicaSet of the stable revision "+first.Status.StableRevision+" is gone")
			})
			w.UntilCondition(v1alpha1.ConditionAvailable, metav1.ConditionFalse, v1alpha1.ReasonUnavailable, "has no ReplicaSet")
			w.quiet()
			then(w, first, next)
			w.atRest(before)
		})
	}
}

// What was recorded of a route before the release is in the status, where somebody may spoil it. The release goes on, can
// be aborted, and can be deleted, and the route is what it was; only who owned its rules may be forgotten.
func TestSpoiltRecord(t *testing.T) {
	for name, then := range map[string]func(w *world, first, ro *v1alpha1.Rollout){
		"promoted": func(w *world, first, _ *v1alpha1.Rollout) {
			w.Promote(w.Rollout())
			w.becomes(first)
		},
		"aborted": func(w *world, _, ro *v1alpha1.Rollout) {
			w.request(v1alpha1.VerbAbort, "abort", ro.Status.Release.Revision, nil)
			w.Eventually(func() int32 { return w.size(ro.Status.Release.Revision) }, patience, pace).Should(gomega.BeZero())
		},
		"deleted": func(w *world, _, ro *v1alpha1.Rollout) {
			w.Expect(direct.Delete(w.Context(), ro, client.PropagationPolicy(metav1.DeletePropagationBackground))).To(gomega.Succeed())
			w.Eventually(func() bool {
				return apierrors.IsNotFound(direct.Get(w.Context(), w.Key("web"), &v1alpha1.Rollout{}))
			}, patience, pace).Should(gomega.BeTrue())
		},
	} {
		for _, record := range []string{"gone fishing", `{"version":99}`, `[]`, `{"version":1,"rules":"none"}`} {
			t.Run(fmt.Sprintf("%s, %s", name, record), func(t *testing.T) {
				w := newWorld(t)
				first, before := w.stable(untilPromoted)
				w.Apply(rolloutOf("app:2", untilPromoted))
				ro := w.untilStep("2/5", v1alpha1.RolloutPaused)
				w.Stop()
				spoilt := ro.DeepCopy()
				for i := range spoilt.Status.Release.Routes {
					spoilt.Status.Release.Routes[i].Rules = record
				}
				w.Expect(direct.Status().Update(t.Context(), spoilt)).To(gomega.Succeed())
				w.start()
				if name != "deleted" {
					w.Until("recorded anew", func(ro *v1alpha1.Rollout) bool {
						return ro.Status.Release != nil && !slices.ContainsFunc(ro.Status.Release.Routes, func(r v1alpha1.RouteOriginal) bool { return r.Rules == record })
					})
					w.untilStep("2/5", v1alpha1.RolloutPaused)
				}
				then(w, first, ro)
				w.Eventually(func() map[string]string { return specs(w.owned()) }, patience, pace).Should(gomega.Equal(specs(before)))
			})
		}
	}
}

// A ReplicaSet that is deleted in the foreground is there until its pods are gone. It is said that it is waited for, and
// it is made again.
func TestReplicaSetDeletedInTheForeground(t *testing.T) {
	w := newWorld(t)
	w.scaledToZero = true // somebody has deleted what serves
	first, before := w.stable("[]")
	name := "web-" + first.Status.StableRevision
	set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: name}}
	w.Expect(direct.Delete(t.Context(), set, client.PropagationPolicy(metav1.DeletePropagationForeground))).To(gomega.Succeed())
	w.UntilSays(v1alpha1.RolloutDegraded, "is being deleted; waiting until it is gone")
	w.quiet()
	w.Patch(&appsv1.ReplicaSet{}, name, `{"metadata":{"finalizers":null}}`) // as the garbage collector does it
	w.UntilHealthy()
	w.atRest(before)
}
