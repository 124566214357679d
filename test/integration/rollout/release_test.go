package rollout

import (
	"fmt"
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/test/integration/playing"
	"github.com/sluicehq/sluice/test/integration/worlds"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

func splitDocuments(text string) []string { return strings.Split(text, "\n---\n") }

// The first revision is stable when its pods are available, without any step, and nothing of the user's is touched.
func TestFirstRevision(t *testing.T) {
	w := newWorld(t)
	w.Apply(services, route)
	before := w.owned()
	w.Apply(rolloutOf("app:1", untilPromoted))
	ro := w.UntilHealthy()
	if ro.Status.StableRevision != ro.Status.CurrentRevision || ro.Status.AvailableReplicas != 4 {
		t.Errorf("status: %+v", ro.Status)
	}
	w.atRest(before)
	if len(ro.Finalizers) != 0 {
		t.Errorf("finalizers at rest: %v", ro.Finalizers)
	}
}

// A good release goes through its steps, and at the end routes, Services and their ownership are the user's.
func TestPromotion(t *testing.T) {
	w := newWorld(t)
	first, before := w.stable(untilPromoted)
	w.Apply(rolloutOf("app:2", untilPromoted))
	ro := w.untilStep("2/5", v1alpha1.RolloutPaused)
	if ro.Status.Release.Weights.Asked != 20 || w.size(ro.Status.Release.Revision) != 1 {
		t.Errorf("at 20 %%: %+v, %d pods", ro.Status.Release.Weights, w.size(ro.Status.Release.Revision))
	}
	w.Promote(ro)
	ro = w.Until("promoted", func(ro *v1alpha1.Rollout) bool {
		return worlds.Healthy(ro) && ro.Status.StableRevision != first.Status.StableRevision
	})
	w.atRest(before)
	w.Eventually(func() int32 { return w.size(first.Status.StableRevision) }, patience, pace).Should(gomega.BeZero())
	w.Eventually(func() []string { return w.Rollout().Finalizers }, patience, pace).Should(gomega.BeEmpty())
	if last := ro.Status.LastRequest; last == nil || !last.Accepted {
		t.Errorf("the request: %+v", last)
	}

	// The user's next apply needs no force.
	w.Apply(services, route)
	w.quiet()
}

func TestAbort(t *testing.T) {
	w := newWorld(t)
	first, before := w.stable(untilPromoted)
	w.Apply(rolloutOf("app:2", untilPromoted))
	ro := w.untilStep("2/5", v1alpha1.RolloutPaused)
	bad := ro.Status.Release.Revision
	w.request(v1alpha1.VerbAbort, "abort-1", bad, nil)
	ro = w.Until("aborted", func(ro *v1alpha1.Rollout) bool {
		return ro.Status.Phase == v1alpha1.RolloutDegraded && ro.Status.Abort != nil && ro.Status.Abort.Reason == v1alpha1.AbortRequested
	})
	if ro.Status.StableRevision != first.Status.StableRevision {
		t.Errorf("stable is %s", ro.Status.StableRevision)
	}
	w.atRest(before)
	w.Eventually(func() int32 { return w.size(bad) }, patience, pace).Should(gomega.BeZero())
	ro = w.Rollout()
	if len(ro.Status.Rejected) != 1 || ro.Status.Rejected[0].Revision != bad || len(ro.Status.Rejected[0].Digest) != 64 {
		t.Errorf("rejected: %+v", ro.Status.Rejected)
	}
	w.UntilCondition(v1alpha1.ConditionStalled, "True", v1alpha1.ReasonAborted, "somebody")

	// Back at the first template all is well again.
	w.Apply(rolloutOf("app:1", untilPromoted))
	w.UntilHealthy()
}

// A second revision supersedes the first one in mid-release.
func TestSupersede(t *testing.T) {
	w := newWorld(t)
	_, before := w.stable(untilPromoted)
	w.Apply(rolloutOf("app:2", untilPromoted))
	second := w.untilStep("2/5", v1alpha1.RolloutPaused).Status.Release.Revision
	w.Apply(rolloutOf("app:3", untilPromoted))
	ro := w.Until("the third revision", func(ro *v1alpha1.Rollout) bool {
		return ro.Status.Step == "2/5" && ro.Status.Release.Revision != second && ro.Status.Phase == v1alpha1.RolloutPaused
	})
	third := ro.Status.Release.Revision
	w.Promote(ro)
	w.Until("promoted", func(ro *v1alpha1.Rollout) bool { return worlds.Healthy(ro) && ro.Status.StableRevision == third })
	w.atRest(before)
	w.Eventually(func() int32 { return w.size(second) }, patience, pace).Should(gomega.BeZero())
}

// Pods that crash abort the release by themselves.
func TestCrashingPods(t *testing.T) {
	w := newWorld(t)
	_, before := w.stable(untilPromoted)
	w.Apply(rolloutOf(playing.ImageCrashing, untilPromoted))
	w.Until("aborted", func(ro *v1alpha1.Rollout) bool {
		return ro.Status.Abort != nil && ro.Status.Abort.Reason == v1alpha1.AbortPodsUnhealthy &&
			contains(ro.Status.Message, "container app") && contains(ro.Status.Message, "exit code 7")
	})
	w.atRest(before)
}

// The controller may end at any moment of a release.
func TestRestarts(t *testing.T) {
	w := newWorld(t)
	first, before := w.stable(untilPromoted)
	w.Stop()
	w.Apply(rolloutOf("app:2", untilPromoted))
	w.start()
	for _, step := range []string{"1/5", "2/5", "3/5", "4/5", "5/5"} {
		ro := w.Until("step "+step+" or later", func(ro *v1alpha1.Rollout) bool {
			return ro.Status.Step >= step || ro.Status.StableRevision != first.Status.StableRevision
		})
		w.Stop()
		if ro.Status.Step == "2/5" {
			w.Promote(ro)
		}
		w.start()
	}
	w.Until("promotion committed", func(ro *v1alpha1.Rollout) bool {
		return ro.Status.StableRevision != first.Status.StableRevision
	})
	w.Stop()
	w.start()
	w.UntilHealthy()
	w.atRest(before)
}

// The controller may end at any instant: whatever it was doing, the next one goes on and nothing is lost.
func TestKilledAgainAndAgain(t *testing.T) {
	w := newWorld(t)
	const steps = `[{setWeight: 20}, {setWeight: 50}, {setWeight: 100}]`
	last, before := w.stable(steps)
	for round := range 3 {
		w.Apply(rolloutOf(fmt.Sprintf("app:%d", round+2), steps))
		ends := 0
		w.Eventually(func() bool {
			ro := w.Rollout()
			if worlds.Healthy(ro) && ro.Status.StableRevision != last.Status.StableRevision {
				return true
			}
			// Each life is long enough to do something, and ends wherever it is.
			version := ro.ResourceVersion
			w.Eventually(func() bool { return w.Rollout().ResourceVersion != version }, patience, pace/4).Should(gomega.BeTrue())
			w.Stop()
			ends++
			w.start()
			return false
		}, 3*patience, pace).Should(gomega.BeTrue())
		if ends < 3 {
			t.Errorf("the controller ended only %d times", ends)
		}
		last = w.Rollout()
	}
	w.atRest(before)
}
