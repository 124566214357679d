package rollout

import (
	"fmt"
	"testing"

	"github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/test/integration/worlds"
)

const template = `
apiVersion: sluice.dev/v1alpha1
kind: AnalysisTemplate
metadata: {name: success}
spec:
  args: [{name: hash}, {name: app}]
  metrics:
  - name: rate
    successCondition: result[0] > 0.9
    provider: {prometheus: {address: "http://prometheus.test:9090", query: 'rate{hash="{{args.hash}}",app="{{args.app}}"}'}}
`

const judged = `[{setWeight: 50}, {analysis: {templates: [{templateName: success}], args: [
  {name: hash, valueFrom: {podTemplateHashValue: Latest}},
  {name: app, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]}}]`

// verdict plays the controller of AnalysisRuns for the run of the present step.
func (w *world) verdict(phase v1alpha1.AnalysisPhase, message string) *v1alpha1.AnalysisRun {
	w.Helper()
	run := &v1alpha1.AnalysisRun{}
	w.Eventually(func() string {
		var list v1alpha1.AnalysisRunList
		w.Expect(direct.List(w.Context(), &list, client.InNamespace(w.Namespace), client.MatchingLabels{v1alpha1.LabelRollout: "web"})).To(gomega.Succeed())
		for i := range list.Items {
			if !list.Items[i].Status.Phase.Completed() && !list.Items[i].Spec.Terminate {
				run = &list.Items[i]
			}
		}
		return run.Name
	}, patience, pace).ShouldNot(gomega.BeEmpty(), "waited for an AnalysisRun")
	patch := fmt.Sprintf(`{"status":{"phase":%q,"message":%q}}`, phase, message)
	w.Expect(direct.Status().Patch(w.Context(), run, client.RawPatch("application/merge-patch+json", []byte(patch)))).To(gomega.Succeed())
	return run
}

// A failed analysis takes the traffic back, and the revision is held whatever is applied again, until somebody asks
// for it.
func TestFailedAnalysis(t *testing.T) {
	w := newWorld(t)
	w.Apply(template)
	first, before := w.stable(judged)
	w.Apply(rolloutOf("app:2", judged))
	run := w.verdict(v1alpha1.AnalysisFailed, "rate is 0.1")
	bad := w.Rollout().Status.CurrentRevision
	if got := *run.Spec.Args[0].Value; got != bad {
		t.Errorf("hash is %q, want %q", got, bad)
	}
	if got := *run.Spec.Args[1].Value; got != "web" {
		t.Errorf("app is %q", got)
	}
	w.Until("aborted", func(ro *v1alpha1.Rollout) bool {
		return ro.Status.Abort != nil && ro.Status.Abort.Reason == v1alpha1.AbortAnalysisFailed && contains(ro.Status.Message, "rate is 0.1")
	})
	w.atRest(before)
	w.Eventually(func() int32 { return w.size(bad) }, patience, pace).Should(gomega.BeZero())
	ro := w.Rollout()
	if len(ro.Status.Rejected) != 1 || ro.Status.Rejected[0].AnalysisRun != run.Name || ro.Status.Rejected[0].Reason != v1alpha1.AbortAnalysisFailed {
		t.Errorf("rejected: %+v", ro.Status.Rejected)
	}

	// Applied again, by a controller that has started again, it is still held.
	w.Stop()
	w.start()
	w.Apply(rolloutOf("app:1", judged))
	w.UntilHealthy()
	w.Apply(rolloutOf("app:2", judged))
	w.Until("held", func(ro *v1alpha1.Rollout) bool {
		return ro.Status.CurrentRevision == bad && ro.Status.Phase == v1alpha1.RolloutDegraded && ro.Status.StableRevision == first.Status.StableRevision
	})
	w.Consistently(func() int32 { return w.size(bad) }, pace*10, pace).Should(gomega.BeZero())

	w.request(v1alpha1.VerbRetry, "retry-1", bad, nil)
	w.verdict(v1alpha1.AnalysisSuccessful, "rate is 1")
	w.Until("promoted", func(ro *v1alpha1.Rollout) bool { return worlds.Healthy(ro) && ro.Status.StableRevision == bad })
	w.atRest(before)
	if rejected := w.Rollout().Status.Rejected; len(rejected) != 0 {
		t.Errorf("rejected: %+v", rejected)
	}
}

// An inconclusive analysis waits for a person.
func TestInconclusiveAnalysis(t *testing.T) {
	w := newWorld(t)
	w.Apply(template)
	_, before := w.stable(judged)
	w.Apply(rolloutOf("app:2", judged))
	w.verdict(v1alpha1.AnalysisInconclusive, "no data")
	ro := w.Until("waiting", func(ro *v1alpha1.Rollout) bool {
		return ro.Status.Phase == v1alpha1.RolloutPaused && contains(ro.Status.Message, "no data")
	})
	w.UntilCondition(v1alpha1.ConditionPaused, "True", v1alpha1.ReasonInconclusive, "promote or abort")
	w.Promote(ro)
	w.Until("promoted", func(now *v1alpha1.Rollout) bool {
		return worlds.Healthy(now) && now.Status.StableRevision == ro.Status.Release.Revision
	})
	w.atRest(before)
}

// A run that nobody asks for any more is ended.
func TestSupersededAnalysis(t *testing.T) {
	w := newWorld(t)
	w.Apply(template)
	w.stable(judged)
	w.Apply(rolloutOf("app:2", judged))
	w.untilStep("2/2", v1alpha1.RolloutProgressing)
	w.Apply(rolloutOf("app:1", judged))
	w.Eventually(func() bool {
		var list v1alpha1.AnalysisRunList
		w.Expect(direct.List(w.Context(), &list, client.InNamespace(w.Namespace))).To(gomega.Succeed())
		return len(list.Items) == 1 && list.Items[0].Spec.Terminate
	}, patience, pace).Should(gomega.BeTrue())
	w.UntilHealthy()
}

// Completed runs are kept up to the limits.
func TestRunHistory(t *testing.T) {
	w := newWorld(t)
	w.Apply(template)
	limited := func(image string) string {
		return rolloutOf(image, judged) + "  analysis: {successfulRunHistoryLimit: 1}\n"
	}
	w.Apply(services, route, limited("app:1"))
	w.UntilHealthy()
	for _, image := range []string{"app:2", "app:3", "app:4"} {
		before := w.Rollout().Status.StableRevision
		w.Apply(limited(image))
		w.verdict(v1alpha1.AnalysisSuccessful, "fine")
		w.Until("promoted", func(ro *v1alpha1.Rollout) bool { return worlds.Healthy(ro) && ro.Status.StableRevision != before })
	}
	w.Eventually(func() int {
		var list v1alpha1.AnalysisRunList
		w.Expect(direct.List(w.Context(), &list, client.InNamespace(w.Namespace))).To(gomega.Succeed())
		return len(list.Items)
	}, patience, pace).Should(gomega.Equal(1))
}
