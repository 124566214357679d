package rollout

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/test/integration/worlds"
)

const service = `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
`

// byPods is a canary without routes and Services.
func byPods(image, steps string) string {
	return rolloutWith(image, "{canary: {maxSurge: 1, maxUnavailable: 0, steps: "+steps+"}}")
}

// blueGreen switches the selector of the Service web.
func blueGreen(image, more string) string {
	return rolloutWith(image, `{blueGreen: {activeService: web, previewService: web-canary, scaleDownDelaySeconds: 0,
    abortScaleDownDelaySeconds: 0, trafficRouting: {settleSeconds: 0}, `+more+`}}`)
}

const byHand = "autoPromotionEnabled: false"

// pinned is the revision that a Service selects.
func (w *world) pinned(name string) string {
	w.Helper()
	service := &corev1.Service{}
	w.Expect(direct.Get(w.Context(), w.Key(name), service)).To(gomega.Succeed())
	return service.Spec.Selector[v1alpha1.LabelPodTemplateHash]
}

// becomes waits until a revision other than this one is stable, and healthy.
func (w *world) becomes(other *v1alpha1.Rollout) *v1alpha1.Rollout {
	w.Helper()
	return w.Until("another stable revision than "+other.Status.StableRevision, func(ro *v1alpha1.Rollout) bool {
		return worlds.Healthy(ro) && ro.Status.StableRevision != other.Status.StableRevision
	})
}

// outcomes are those of the history, the newest first.
func outcomes(ro *v1alpha1.Rollout) []v1alpha1.ReleaseOutcome {
	var out []v1alpha1.ReleaseOutcome
	for _, record := range ro.Status.History {
		out = append(out, record.Outcome)
	}
	return out
}

// Without routes the numbers of pods carry the weight: no Service is touched, and nothing has to be given back.
func TestCanaryByPods(t *testing.T) {
	w := newWorld(t)
	w.Apply(service, byPods("app:1", "[{setWeight: 25}, {pause: {}}, {setWeight: 50}]"))
	first, before := w.UntilHealthy(), w.owned()
	w.Apply(byPods("app:2", "[{setWeight: 25}, {pause: {}}, {setWeight: 50}]"))
	ro := w.untilStep("2/3", v1alpha1.RolloutPaused)
	w.Eventually(func() []int32 {
		return []int32{w.size(first.Status.StableRevision), w.size(ro.Status.Release.Revision)}
	}, patience, pace).Should(gomega.Equal([]int32{3, 1}))
	if len(ro.Finalizers) != 0 || ro.Status.Release.Drives == nil || ro.Status.Release.Drives.By != "Replicas" {
		t.Errorf("finalizers %v, drives %+v", ro.Finalizers, ro.Status.Release.Drives)
	}
	w.Promote(ro)
	ro = w.becomes(first)
	w.Eventually(func() int32 { return w.size(first.Status.StableRevision) }, patience, pace).Should(gomega.BeZero())
	w.atRest(before)
	if diff := cmp.Diff([]v1alpha1.ReleaseOutcome{v1alpha1.OutcomePromoted, v1alpha1.OutcomePromoted}, outcomes(ro)); diff != "" {
		t.Errorf("history: %s", diff)
	}
	if last := ro.Status.History[0]; last.Revision != ro.Status.StableRevision || last.Number != 2 || last.StartedAt.IsZero() ||
		last.FinishedAt.Before(&last.StartedAt) {
		t.Errorf("history: %+v", last)
	}
	w.quiet()
}

// A named Service is pinned while two revisions have pods, and let go of at the end.
func TestCanaryByPodsWithServices(t *testing.T) {
	w := newWorld(t)
	const strategy = "{canary: {stableService: web-stable, canaryService: web-canary, steps: [{setWeight: 50}, {pause: {}}]}}"
	stable := `
apiVersion: v1
kind: Service
metadata: {name: web-stable}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
`
	w.Apply(services, stable, rolloutWith("app:1", strategy))
	first := w.UntilHealthy()
	w.Apply(rolloutWith("app:2", strategy))
	ro := w.untilStep("2/2", v1alpha1.RolloutPaused)
	if got := []string{w.pinned("web"), w.pinned("web-stable"), w.pinned("web-canary")}; !slices.Equal(got,
		[]string{"", ro.Status.StableRevision, ro.Status.Release.Revision}) {
		t.Errorf("pinned to %q", got)
	}
	if len(ro.Finalizers) == 0 {
		t.Error("Services have to be given back, and there is no finalizer")
	}
	w.Promote(ro)
	w.becomes(first)
	w.Eventually(func() []string {
		return []string{w.pinned("web"), w.pinned("web-stable"), w.pinned("web-canary")}
	}, patience, pace).Should(gomega.Equal([]string{"", "", ""}))
	w.Eventually(func() []string { return w.Rollout().Finalizers }, patience, pace).Should(gomega.BeEmpty())
}

func TestAbortByPods(t *testing.T) {
	w := newWorld(t)
	w.Apply(service, byPods("app:1", "[{setWeight: 50}, {pause: {}}]"))
	first := w.UntilHealthy()
	w.Apply(byPods("app:2", "[{setWeight: 50}, {pause: {}}]"))
	bad := w.untilStep("2/2", v1alpha1.RolloutPaused).Status.Release.Revision
	w.request(v1alpha1.VerbAbort, "abort", bad, nil)
	ro := w.Until("aborted", func(ro *v1alpha1.Rollout) bool { return ro.Status.Phase == v1alpha1.RolloutDegraded })
	w.Eventually(func() []int32 { return []int32{w.size(first.Status.StableRevision), w.size(bad)} }, patience, pace).
		Should(gomega.Equal([]int32{4, 0}))
	if last := ro.Status.History[0]; last.Outcome != v1alpha1.OutcomeAborted || last.Reason != v1alpha1.AbortRequested || last.Revision != bad {
		t.Errorf("history: %+v", last)
	}
}

// The new revision comes up beside the old one, is looked at through the preview Service, and gets all traffic at once.
func TestBlueGreen(t *testing.T) {
	w := newWorld(t)
	w.Apply(services, blueGreen("app:1", byHand+", previewReplicaCount: 2"))
	first, before := w.UntilHealthy(), w.owned()
	w.Apply(blueGreen("app:2", byHand+", previewReplicaCount: 2"))
	ro := w.untilStep("2/3 pause", v1alpha1.RolloutPaused)
	next := ro.Status.Release.Revision
	// The Service follows the status that says why.
	w.Eventually(func() []string { return []string{w.pinned("web"), w.pinned("web-canary")} }, patience, pace).
		Should(gomega.Equal([]string{first.Status.StableRevision, next}))
	if size := w.size(next); size != 2 {
		t.Errorf("the preview has %d pods", size)
	}
	w.Promote(ro)
	w.becomes(first)
	w.Eventually(func() []int32 { return []int32{w.size(first.Status.StableRevision), w.size(next)} }, patience, pace).
		Should(gomega.Equal([]int32{0, 4}))
	w.atRest(before)
	w.Eventually(func() []string { return w.Rollout().Finalizers }, patience, pace).Should(gomega.BeEmpty())
	w.quiet()
}

// Analyses stand before and after the switch; when the one after it fails the traffic goes back.
func TestBlueGreenAnalysis(t *testing.T) {
	const judges = `prePromotionAnalysis: {templates: [{templateName: success}], args: [{name: hash, value: x}, {name: app, value: web}]},
    postPromotionAnalysis: {templates: [{templateName: success}], args: [{name: hash, value: x}, {name: app, value: web}]}`
	w := newWorld(t)
	w.Apply(template, services, blueGreen("app:1", judges))
	first := w.UntilHealthy()
	w.Apply(blueGreen("app:2", judges))
	w.untilStep("2/4 prePromotionAnalysis", v1alpha1.RolloutProgressing)
	pre := w.verdict(v1alpha1.AnalysisSuccessful, "fine")
	ro := w.untilStep("4/4 postPromotionAnalysis", v1alpha1.RolloutProgressing)
	if got := w.pinned("web"); got != ro.Status.Release.Revision || ro.Status.StableRevision != first.Status.StableRevision {
		t.Errorf("active is %s, stable %s, and %s is released", got, ro.Status.StableRevision, ro.Status.Release.Revision)
	}
	var post *v1alpha1.AnalysisRun
	w.Eventually(func() bool {
		post = w.verdict(v1alpha1.AnalysisFailed, "slow")
		return post.Name != pre.Name
	}, patience, pace).Should(gomega.BeTrue())
	ro = w.Until("aborted", func(ro *v1alpha1.Rollout) bool { return ro.Status.Phase == v1alpha1.RolloutDegraded })
	w.Eventually(func() string { return w.pinned("web") }, patience, pace).Should(gomega.Or(gomega.BeEmpty(), gomega.Equal(first.Status.StableRevision)))
	labels := []string{pre.Labels[v1alpha1.LabelAnalysisType], post.Labels[v1alpha1.LabelAnalysisType]}
	if !slices.Equal(labels, []string{"PrePromotion", "PostPromotion"}) {
		t.Errorf("types are %v", labels)
	}
	want := []v1alpha1.ReleaseVerdict{{AnalysisRun: pre.Name, Phase: v1alpha1.AnalysisSuccessful}, {AnalysisRun: post.Name, Phase: v1alpha1.AnalysisFailed}}
	if diff := cmp.Diff(want, ro.Status.History[0].Verdicts); diff != "" {
		t.Errorf("verdicts: %s", diff)
	}
}

// A background analysis that fails ends the release wherever it is.
func TestBackgroundAnalysis(t *testing.T) {
	strategy := `{canary: {steps: [{setWeight: 50}, {pause: {}}],
    analysis: {templates: [{templateName: success}], args: [{name: hash, value: x}, {name: app, value: web}]}}}`
	w := newWorld(t)
	w.Apply(template, service, rolloutWith("app:1", strategy))
	first := w.UntilHealthy()
	w.Apply(rolloutWith("app:2", strategy))
	w.untilStep("2/2", v1alpha1.RolloutPaused)
	run := w.verdict(v1alpha1.AnalysisFailed, "errors")
	if run.Labels[v1alpha1.LabelAnalysisType] != "Background" {
		t.Errorf("labels: %v", run.Labels)
	}
	ro := w.Until("aborted", func(ro *v1alpha1.Rollout) bool {
		return ro.Status.Abort != nil && ro.Status.Abort.Reason == v1alpha1.AbortAnalysisFailed
	})
	if ro.Status.StableRevision != first.Status.StableRevision || ro.Status.Rejected[0].AnalysisRun != run.Name {
		t.Errorf("status: %+v", ro.Status)
	}
}

// A release holds where it is asked to, goes on when it is asked to, and to the step that it is asked for.
func TestPauseResumeAndJump(t *testing.T) {
	const steps = "[{setWeight: 20}, {pause: {}}, {setWeight: 50}, {pause: {}}, {setWeight: 80}, {pause: {}}]"
	w := newWorld(t)
	first, before := w.stable(steps)
	w.Apply(rolloutOf("app:2", steps))
	ro := w.untilStep("2/6", v1alpha1.RolloutPaused)
	next := ro.Status.Release.Revision
	answered := func(id string) *v1alpha1.Rollout {
		t.Helper()
		return w.Until(id+" is answered", func(ro *v1alpha1.Rollout) bool {
			return ro.Status.LastRequest != nil && ro.Status.LastRequest.ID == id
		})
	}
	w.request(v1alpha1.VerbPause, "pause", next, nil)
	if ro = answered("pause"); !ro.Status.LastRequest.Accepted || !ro.Status.Release.Paused {
		t.Fatalf("%+v, %+v", ro.Status.LastRequest, ro.Status.Release)
	}
	w.Ask(v1alpha1.RolloutRequest{ID: "resume", Verb: v1alpha1.VerbResume, Revision: next})
	if ro = answered("resume"); !ro.Status.LastRequest.Accepted || ro.Status.Release.Paused {
		t.Fatalf("%+v, %+v", ro.Status.LastRequest, ro.Status.Release)
	}
	jump := func(id string, from, to int32) {
		t.Helper()
		w.Ask(v1alpha1.RolloutRequest{ID: id, Verb: v1alpha1.VerbJump, Revision: next, StepIndex: &from, ToStep: &to})
		if ro := answered(id); !ro.Status.LastRequest.Accepted {
			t.Fatalf("%s: %+v", id, ro.Status.LastRequest)
		}
	}
	jump("forward", 1, 4)
	ro = w.untilStep("6/6", v1alpha1.RolloutPaused)
	if ro.Status.Release.Weights.Asked != 80 {
		t.Errorf("weights: %+v", ro.Status.Release.Weights)
	}
	jump("back", 5, 2)
	ro = w.untilStep("4/6", v1alpha1.RolloutPaused)
	if ro.Status.Release.Weights.Asked != 50 {
		t.Errorf("weights: %+v", ro.Status.Release.Weights)
	}
	jump("end", 3, 6)
	w.becomes(first)
	w.atRest(before)
}

// A full promote passes what is left of the pauses.
func TestPromoteFull(t *testing.T) {
	w := newWorld(t)
	first, before := w.stable(untilPromoted)
	w.Apply(rolloutOf("app:2", untilPromoted))
	ro := w.untilStep("2/5", v1alpha1.RolloutPaused)
	w.Ask(v1alpha1.RolloutRequest{ID: "full", Verb: v1alpha1.VerbPromote, Revision: ro.Status.Release.Revision, Full: true})
	ro = w.becomes(first)
	w.atRest(before)
	if got := outcomes(ro); got[0] != v1alpha1.OutcomeFastPromoted {
		t.Errorf("history: %v", got)
	}
}

// What became of each release is kept, the newest first.
func TestHistory(t *testing.T) {
	w := newWorld(t)
	first, _ := w.stable(untilPromoted)
	w.Apply(rolloutOf("app:2", untilPromoted))
	w.untilStep("2/5", v1alpha1.RolloutPaused)
	w.Apply(rolloutOf("app:3", untilPromoted))
	w.Until("the third revision", func(ro *v1alpha1.Rollout) bool { return len(ro.Status.History) == 2 })
	w.Apply(rolloutOf("app:1", untilPromoted))
	ro := w.Until("the first revision again", func(ro *v1alpha1.Rollout) bool { return worlds.Healthy(ro) && len(ro.Status.History) == 3 })
	want := []v1alpha1.ReleaseOutcome{v1alpha1.OutcomeRolledBack, v1alpha1.OutcomeSuperseded, v1alpha1.OutcomePromoted}
	if diff := cmp.Diff(want, outcomes(ro)); diff != "" {
		t.Errorf("history: %s", diff)
	}
	if h := ro.Status.History; h[2].Revision != first.Status.StableRevision || h[2].Number != 1 || h[1].Number != 2 {
		t.Errorf("history: %+v", h)
	}
}

// spec.paused holds a release before its first step.
func TestPausedSpec(t *testing.T) {
	w := newWorld(t)
	w.Apply(service, byPods("app:1", "[{setWeight: 50}]"))
	first := w.UntilHealthy()
	w.Apply(byPods("app:2", "[{setWeight: 50}]") + "  paused: true\n")
	ro := w.Until("held", func(ro *v1alpha1.Rollout) bool {
		return ro.Status.ObservedGeneration == ro.Generation && ro.Status.CurrentRevision != first.Status.StableRevision
	})
	w.Consistently(func() int32 { return w.size(ro.Status.CurrentRevision) }, pace*10, pace).Should(gomega.BeNumerically("<=", 0))
	w.Apply(byPods("app:2", "[{setWeight: 50}]"))
	w.becomes(first)
}

// A strategy that changes in mid-release takes effect when what was begun is at rest.
func TestStrategyChange(t *testing.T) {
	w := newWorld(t)
	first, before := w.stable(untilPromoted)
	w.Apply(rolloutOf("app:2", untilPromoted))
	second := w.untilStep("2/5", v1alpha1.RolloutPaused)
	if d := second.Status.Release.Drives; d == nil || d.By != "Routes" || !slices.Equal(d.Routes, []string{"web"}) {
		t.Fatalf("drives: %+v", d)
	}
	w.Apply(blueGreen("app:2", byHand))
	ro := w.untilStep("2/3 pause", v1alpha1.RolloutPaused)
	if d := ro.Status.Release.Drives; d == nil || d.By != "Selector" {
		t.Errorf("drives: %+v", d)
	}
	if ro.Status.StableRevision != first.Status.StableRevision {
		t.Errorf("stable is %s", ro.Status.StableRevision)
	}
	w.Apply(rolloutOf("app:2", untilPromoted))
	ro = w.untilStep("2/5", v1alpha1.RolloutPaused)
	w.Promote(ro)
	w.becomes(first)
	w.atRest(before)
}

// A strategy that changes at rest changes nothing.
func TestStrategyChangeAtRest(t *testing.T) {
	w := newWorld(t)
	first, before := w.stable(untilPromoted)
	w.Apply(blueGreen("app:1", byHand))
	w.Until("seen", worlds.Healthy)
	w.Apply(byPods("app:1", "[]"))
	ro := w.Until("seen", worlds.Healthy)
	if ro.Status.StableRevision != first.Status.StableRevision {
		t.Errorf("stable is %s", ro.Status.StableRevision)
	}
	w.atRest(before)
}

// Deleting a Rollout in mid-release gives back what the release drives, also where the spec has another strategy by then.
func TestDeleteWithAnotherStrategy(t *testing.T) {
	w := newWorld(t)
	_, before := w.stable(untilPromoted)
	w.Apply(rolloutOf("app:2", untilPromoted))
	w.untilStep("2/5", v1alpha1.RolloutPaused)
	w.Stop()
	w.Apply(byPods("app:2", "[]"))
	w.Expect(direct.Delete(t.Context(), w.Rollout())).To(gomega.Succeed())
	w.start()
	w.Eventually(func() error {
		return client.IgnoreNotFound(direct.Get(t.Context(), w.Key("web"), &v1alpha1.Rollout{}))
	}, patience, pace).Should(gomega.Succeed())
	w.atRest(before)
}
