package rollout

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

var releaseStart = time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)

func runOf(key string, phase v1alpha1.AnalysisPhase) *v1alpha1.AnalysisRun {
	return &v1alpha1.AnalysisRun{
		ObjectMeta: metav1.ObjectMeta{Name: runName("web", key)}, Status: v1alpha1.AnalysisRunStatus{Phase: phase},
	}
}

func keyAt(revision, step string, at time.Time) string {
	return revision + "-" + step + "-" + strconv.FormatInt(at.UnixMicro(), 36)
}

// A record tells all that is known of a release: from the plan, from its ReplicaSet, and from its runs.
func TestRecord(t *testing.T) {
	step := plan.State{Candidate: "bad", Step: 1, StepStarted: releaseStart.Add(time.Minute), ReleaseStarted: releaseStart}
	o := &observation{
		rollout:  &v1alpha1.Rollout{ObjectMeta: metav1.ObjectMeta{Name: "web", Annotations: map[string]string{v1alpha1.AnnotationCommit: "c2"}}},
		revision: wanted.Revision{Name: "new"},
		sets: map[string]*appsv1.ReplicaSet{"bad": {ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{
			v1alpha1.AnnotationRevision: "7", v1alpha1.AnnotationCommit: "c1",
		}}}},
		runs: []*v1alpha1.AnalysisRun{
			runOf(plan.RunKey(step), v1alpha1.AnalysisFailed),
			runOf(plan.BackgroundKey(step), v1alpha1.AnalysisRunning),
			runOf(keyAt("bad", "1", releaseStart.Add(-time.Hour)), v1alpha1.AnalysisSuccessful),
			runOf(keyAt("other", "1", releaseStart.Add(time.Second)), v1alpha1.AnalysisSuccessful),
			runOf("bad-by-hand", v1alpha1.AnalysisSuccessful),
			runOf("odd", ""),
		},
	}
	ended := plan.Release{
		Revision: "bad", Started: releaseStart, Finished: releaseStart.Add(time.Hour), Paused: 90*time.Second + time.Millisecond,
		Outcome: plan.Aborted, Reason: "AnalysisFailed", Message: "why",
	}
	want := v1alpha1.ReleaseRecord{
		Revision: "bad", Number: 7, Commit: "c1", StartedAt: metav1.NewMicroTime(ended.Started),
		FinishedAt: metav1.NewMicroTime(ended.Finished), PausedSeconds: 90, Outcome: v1alpha1.OutcomeAborted,
		Reason: "AnalysisFailed", Message: "why",
		Verdicts: []v1alpha1.ReleaseVerdict{
			{AnalysisRun: runName("web", plan.BackgroundKey(step)), Phase: v1alpha1.AnalysisRunning},
			{AnalysisRun: runName("web", plan.RunKey(step)), Phase: v1alpha1.AnalysisFailed},
		},
	}
	if diff := cmp.Diff([]v1alpha1.ReleaseRecord{want}, history(o, []plan.Release{ended})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := record(o, plan.Release{Revision: "new"}); got.Commit != "c2" || got.Number != 0 {
		t.Errorf("the wanted revision: %+v", got)
	}
}

// The newest is the first, and what does not fit is forgotten.
func TestHistoryIsBounded(t *testing.T) {
	o := &observation{rollout: &v1alpha1.Rollout{}}
	for i := range 30 {
		o.rollout.Status.History = history(o, []plan.Release{{Revision: fmt.Sprint(i, "a")}, {Revision: fmt.Sprint(i, "b")}})
	}
	got := o.rollout.Status.History
	if len(got) != maxHistory || got[0].Revision != "29b" || got[1].Revision != "29a" || got[maxHistory-1].Revision != "20a" {
		t.Errorf("%d records, from %q to %q", len(got), got[0].Revision, got[len(got)-1].Revision)
	}
	release := plan.Release{Revision: "r", Started: releaseStart, Finished: releaseStart.Add(time.Hour)}
	for i := range 15 {
		o.runs = append(o.runs, runOf(keyAt("r", "1", releaseStart.Add(time.Duration(15-i)*time.Second)), ""))
	}
	o.rollout.Name = "web"
	verdicts := verdicts(o, release)
	if len(verdicts) != maxVerdicts || verdicts[maxVerdicts-1].AnalysisRun != o.runs[0].Name || verdicts[0].Phase != v1alpha1.AnalysisPending {
		t.Errorf("%d verdicts: %+v", len(verdicts), verdicts)
	}
}
