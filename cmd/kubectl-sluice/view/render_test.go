package view

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, got string) {
	t.Helper()
	path := filepath.Join("testdata", strings.ReplaceAll(strings.TrimPrefix(t.Name(), "Test"), "/", "-")+".golden")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it with: go test ./cmd/kubectl-sluice/view -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the text has changed; if it is meant to, run: go test ./cmd/kubectl-sluice/view -update\n%s", diff)
	}
}

func TestRollout(t *testing.T) {
	old := replicas("0000000000", "0", "", 0, 0, 50*time.Hour)
	v1 := replicas(v1Hash, "1", v1Commit, 3, 3, 26*time.Hour)
	v2 := func(available int32) *appsv1.ReplicaSet {
		return replicas(v2Hash, "2", v2Commit, 2, available, 15*time.Second)
	}
	v1Pods := podsOf(v1Hash, 3, 26*time.Hour)

	cases := map[string]func() Objects{
		"at-rest": func() Objects {
			return Objects{Rollout: rollout(), ReplicaSets: []*appsv1.ReplicaSet{old, v1}, Pods: v1Pods}
		},
		"never-looked-at": func() Objects {
			ro := rollout()
			ro.Status = v1alpha1.RolloutStatus{}
			return Objects{Rollout: ro}
		},
		"canary-starting": func() Objects {
			ro := releasing(0)
			return Objects{
				Rollout: ro, ReplicaSets: []*appsv1.ReplicaSet{old, v1, v2(1)},
				Pods: slices.Concat(v1Pods, podsOf(v2Hash, 2, 15*time.Second, func(*corev1.Pod) {}, starting)),
			}
		},
		"timed-pause": func() Objects {
			ro := releasing(1)
			ro.Status.Phase, ro.Status.Message = v1alpha1.RolloutPaused, "paused in step 2"
			ro.Status.Release.Weights = &v1alpha1.ReleaseWeights{Asked: 20, Low: 20, High: 20, AcknowledgedAt: new(microBefore(18 * time.Second))}
			return Objects{Rollout: ro, ReplicaSets: []*appsv1.ReplicaSet{v1, v2(2)}, Pods: slices.Concat(v1Pods, podsOf(v2Hash, 2, 40*time.Second))}
		},
		"analysis": func() Objects {
			ro := releasing(2)
			ro.Status.Message = "analysis web-2222222222-2 is running"
			ro.Status.Release.Weights = &v1alpha1.ReleaseWeights{Asked: 20, Low: 20, High: 20, AcknowledgedAt: new(microBefore(time.Minute))}
			run := analysisRun(v1alpha1.AnalysisRunning, "", v1alpha1.MetricResult{
				Name: "success-rate", Phase: v1alpha1.AnalysisRunning, Successful: 3, NoData: 1,
				Measurements: []v1alpha1.Measurement{{Value: "[0.91]"}, {Value: "[0.9987]"}, {Phase: v1alpha1.AnalysisPending, Message: "no data"}},
			})
			earlier := analysisRun(v1alpha1.AnalysisSuccessful, "every metric is good")
			earlier.Name, earlier.CreationTimestamp = "web-2222222222-0-abc", before(30*time.Second)
			delete(earlier.Labels, v1alpha1.LabelPodTemplateHash) // Its name tells.
			old := analysisRun(v1alpha1.AnalysisSuccessful, "every metric is good")
			old.Name, old.Labels[v1alpha1.LabelPodTemplateHash] = "web-1111111111-0-abc", v1Hash
			return Objects{
				Rollout: ro, ReplicaSets: []*appsv1.ReplicaSet{v1, v2(2)},
				Pods: slices.Concat(v1Pods, podsOf(v2Hash, 2, time.Minute)), Runs: []*v1alpha1.AnalysisRun{run, earlier, old},
			}
		},
		"switching": func() Objects {
			ro := releasing(5)
			s := &ro.Status
			s.Message, s.StableRevision = "the stable Service takes over", v2Hash
			s.Release.Revision, s.Release.SwitchingFrom, s.Release.StableServedAt = "", v1Hash, new(microBefore(time.Second))
			s.Release.Weights = &v1alpha1.ReleaseWeights{Asked: 0, Low: 0, High: 100}
			s.Release.Retiring = []v1alpha1.RetiringRevision{{Revision: v1Hash, At: metav1.NewMicroTime(now.Add(25 * time.Second))}}
			return Objects{Rollout: ro, ReplicaSets: []*appsv1.ReplicaSet{v1, v2(2)}, Pods: slices.Concat(v1Pods, podsOf(v2Hash, 2, time.Minute))}
		},
		"aborted": func() Objects {
			ro := releasing(2)
			s := &ro.Status
			s.Phase, s.Message = v1alpha1.RolloutDegraded, "revision 2222222222 was aborted: metric success-rate: 3 of 3 measurements failed, the last was [0.71], and more of this sentence to see it wrapped"
			s.Abort = &v1alpha1.AbortStatus{Revision: v2Hash, Reason: v1alpha1.AbortAnalysisFailed, Message: "metric success-rate failed"}
			s.Rejected = []v1alpha1.RejectedRevision{{Revision: v2Hash, Commit: v2Commit, Reason: v1alpha1.AbortAnalysisFailed, Message: "metric success-rate failed", AnalysisRun: "web-bad"}}
			s.Release = &v1alpha1.ReleaseStatus{Retiring: []v1alpha1.RetiringRevision{{Revision: v2Hash, At: metav1.NewMicroTime(now.Add(25 * time.Second))}}}
			s.Request = &v1alpha1.RolloutRequest{ID: "b", Verb: v1alpha1.VerbRetry, Revision: v2Hash, By: "bob", Reason: "the \"test\" was wrong"}
			s.LastRequest = &v1alpha1.RolloutRequestOutcome{ID: "a", Verb: v1alpha1.VerbPromote, By: "alice", Message: "the release has moved on", At: microBefore(3 * time.Minute)}
			run := analysisRun(v1alpha1.AnalysisFailed, "metric success-rate failed", v1alpha1.MetricResult{
				Name: "success-rate", Phase: v1alpha1.AnalysisFailed, Failed: 3, Message: "failed > failureLimit",
				Measurements: []v1alpha1.Measurement{{Value: "[0.71]"}},
			})
			run.Name = "web-bad"
			delete(run.Labels, v1alpha1.LabelPodTemplateHash) // The rejected revision names the run.
			return Objects{
				Rollout: ro, ReplicaSets: []*appsv1.ReplicaSet{v1, v2(0)}, Runs: []*v1alpha1.AnalysisRun{run},
				Pods: slices.Concat(v1Pods, podsOf(v2Hash, 2, time.Minute, crashing, terminating)),
			}
		},
		"pods-unreadable": func() Objects {
			return Objects{Rollout: releasing(4), Notes: []string{"pods are not shown: you may not list them here"}}
		},
	}
	for name, build := range cases {
		t.Run(name, func(t *testing.T) { golden(t, Render(BuildRollout(build(), now), 120, false)) })
	}
}

// TestOtherRollouts are the views of everything but a canary with a router that goes its way.
func TestOtherRollouts(t *testing.T) {
	v1, v2 := replicas(v1Hash, "1", v1Commit, 4, 4, 26*time.Hour), replicas(v2Hash, "2", v2Commit, 1, 1, time.Minute)
	v1Pods, v2Pods := podsOf(v1Hash, 4, 26*time.Hour), podsOf(v2Hash, 1, time.Minute)
	with := func(ro *v1alpha1.Rollout) Objects {
		return Objects{Rollout: ro, ReplicaSets: []*appsv1.ReplicaSet{v1, v2}, Pods: slices.Concat(v1Pods, v2Pods)}
	}
	atRest := func(ro *v1alpha1.Rollout) Objects {
		return Objects{Rollout: ro, ReplicaSets: []*appsv1.ReplicaSet{v1}, Pods: v1Pods}
	}
	cases := map[string]func() Objects{
		"blue-green-at-rest": func() Objects {
			ro := blueGreen(rollout())
			ro.Status.History = past()
			return atRest(ro)
		},
		"blue-green-preview": func() Objects {
			ro := blueGreen(releasing(2))
			ro.Status.Phase, ro.Status.Message = v1alpha1.RolloutPaused, "paused at step 3/5 until somebody promotes"
			ro.Status.History = past()
			o := with(ro)
			run := analysisRun(v1alpha1.AnalysisSuccessful, "every metric is good")
			run.Labels[v1alpha1.LabelAnalysisType], run.Labels[v1alpha1.LabelStepIndex] = "PrePromotion", "1"
			o.Runs = []*v1alpha1.AnalysisRun{run}
			return o
		},
		"blue-green-switching": func() Objects {
			ro := blueGreen(releasing(3))
			ro.Status.Message = "the active Service is switched to revision 2222222222; 3s until requests to the old one are gone"
			ro.Status.Release.SwitchedTo = v2Hash
			ro.Status.Release.Weights = &v1alpha1.ReleaseWeights{Asked: 100, Low: 0, High: 100}
			return with(ro)
		},
		"blue-green-after-the-switch": func() Objects {
			ro := blueGreen(releasing(4))
			ro.Status.Message = "the analysis after the switch is running"
			ro.Status.Release.SwitchedTo = v2Hash
			ro.Status.Release.Weights = &v1alpha1.ReleaseWeights{Asked: 100, Low: 100, High: 100}
			o := with(ro)
			run := analysisRun(v1alpha1.AnalysisRunning, "")
			run.Labels[v1alpha1.LabelAnalysisType] = "PostPromotion"
			o.Runs = []*v1alpha1.AnalysisRun{run}
			return o
		},
		"by-replicas": func() Objects {
			ro := unrouted(releasing(1))
			ro.Status.Release.Weights = &v1alpha1.ReleaseWeights{Asked: 20, Low: 20, High: 20}
			return with(ro)
		},
		"by-replicas-at-rest": func() Objects { return atRest(unrouted(rollout())) },
		"paused-by-somebody": func() Objects {
			ro := releasing(3)
			s := &ro.Status
			s.Phase, s.Message, s.Release.Paused = v1alpha1.RolloutPaused, "alice asked for a pause", true
			s.Request = &v1alpha1.RolloutRequest{ID: "a", Verb: v1alpha1.VerbPause, Revision: v2Hash, By: "alice", Reason: "errors in the logs"}
			s.LastRequest = &v1alpha1.RolloutRequestOutcome{ID: "a", Verb: v1alpha1.VerbPause, By: "alice", Accepted: true, Message: "the release is paused at step 4/5", At: microBefore(3 * time.Minute)}
			return with(ro)
		},
		"paused-by-somebody-unknown": func() Objects {
			ro := releasing(3)
			s := &ro.Status
			s.Phase, s.Message, s.Release.Paused = v1alpha1.RolloutPaused, "somebody asked for a pause", true
			s.Request = &v1alpha1.RolloutRequest{ID: "b", Verb: v1alpha1.VerbJump, Revision: v2Hash, By: "bob", ToStep: new(int32(1))}
			return with(ro)
		},
		"paused-by-spec": func() Objects {
			ro := releasing(0)
			ro.Spec.Paused, ro.Status.Phase, ro.Status.Message = true, v1alpha1.RolloutPaused, "spec.paused holds the release"
			return with(ro)
		},
		"restarting": func() Objects {
			ro := rollout()
			ro.Spec.RestartAt = new(before(40 * time.Second))
			o := atRest(ro)
			o.Pods = podsOf(v1Hash, 4, 26*time.Hour, func(p *corev1.Pod) { p.CreationTimestamp = before(20 * time.Second) }, terminating)
			return o
		},
		"restart-to-come": func() Objects {
			ro := rollout()
			ro.Spec.RestartAt = new(before(-8 * time.Second))
			return atRest(ro)
		},
		"restarted": func() Objects {
			ro := rollout()
			ro.Spec.RestartAt, ro.Status.RestartedAt = new(before(time.Minute)), new(before(time.Minute))
			return atRest(ro)
		},
		"background-analysis": func() Objects {
			ro := releasing(4)
			ro.Status.Phase, ro.Status.Message = v1alpha1.RolloutPaused, "the analysis in the background is inconclusive: promote, or abort"
			ro.Status.Release.BackgroundAnalysisRun = &v1alpha1.StepAnalysisStatus{
				Name: "web-2222222222-bg-abc", Phase: v1alpha1.AnalysisInconclusive, Message: "metric latency: 2 inconclusive measurements",
			}
			o := with(ro)
			run := analysisRun(v1alpha1.AnalysisInconclusive, "metric latency: 2 inconclusive measurements")
			run.Name, run.Labels = "web-2222222222-bg-abc", map[string]string{v1alpha1.LabelRollout: "web", v1alpha1.LabelAnalysisType: "Background", v1alpha1.LabelStepIndex: "-1"}
			o.Runs = []*v1alpha1.AnalysisRun{run}
			return o
		},
		"promoted-in-full": func() Objects {
			ro := releasing(2)
			ro.Status.Release.Mode = "Full"
			ro.Status.Request = &v1alpha1.RolloutRequest{ID: "c", Verb: v1alpha1.VerbPromote, Revision: v2Hash, By: "carol", Full: true, SkipAnalysis: true}
			return with(ro)
		},
		"rollback-window": func() Objects {
			ro := releasing(5) // The request was made of the release before.
			ro.Status.Release.StartedAt = new(microBefore(time.Minute))
			ro.Status.LastRequest = &v1alpha1.RolloutRequestOutcome{ID: "a", Verb: v1alpha1.VerbAbort, By: "alice", Accepted: true, At: microBefore(time.Hour)}
			ro.Status.Release.Mode = "RollbackWindow"
			return with(ro)
		},
		"strategy-changed": func() Objects {
			ro := blueGreen(releasing(1))
			ro.Status.Release.Weights = &v1alpha1.ReleaseWeights{Asked: 0, Low: 0, High: 20}
			ro.Status.Release.Drives = &v1alpha1.ReleaseDrives{By: "Routes", StableService: "web", CanaryService: "web-canary", Routes: []string{"web"}}
			return with(ro)
		},
		"of-a-deployment": func() Objects {
			ro := unrouted(rollout())
			ro.Spec.WorkloadRef = &v1alpha1.WorkloadRef{Name: "web", ScaleDown: v1alpha1.ScaleDownOnSuccess}
			return atRest(ro)
		},
	}
	for name, build := range cases {
		t.Run(name, func(t *testing.T) { golden(t, Render(BuildRollout(build(), now), 120, false)) })
	}
}

func TestHistory(t *testing.T) {
	ro := releasing(3)
	ro.Status.Step, ro.Status.History = "4/5", past()
	ro.Status.Release.StartedAt, ro.Status.Release.PausedSeconds = new(microBefore(10*time.Minute)), 75
	t.Run("under-way", func(t *testing.T) { golden(t, Render(BuildHistory(ro, false, now), 160, false)) })
	t.Run("wide", func(t *testing.T) { golden(t, Render(BuildHistory(ro, true, now), 0, false)) })
	t.Run("none", func(t *testing.T) { golden(t, Render(BuildHistory(rollout(), false, now), 100, false)) })
}

func TestGitSync(t *testing.T) {
	gs := &v1alpha1.GitSync{
		ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: "shop", Annotations: map[string]string{v1alpha1.AnnotationSyncRequestedAt: "2026-03-01T11:59:58Z"}},
		Spec:       v1alpha1.GitSyncSpec{Source: v1alpha1.GitSource{RepoURL: "https://git.example.com/shop.git", Path: "overlays/prod"}},
		Status: v1alpha1.GitSyncStatus{
			Revision: v1Commit, LastAttemptedRevision: v2Commit, Objects: 7, LastAppliedAt: new(microBefore(time.Hour)),
			Conditions: []metav1.Condition{
				{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonApplyFailed, Message: "1 object could not be applied"},
				{Type: v1alpha1.ConditionApplied, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonApplyFailed, Message: "1 object could not be applied"},
				{Type: v1alpha1.ConditionHealthy, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonHealthy},
			},
			Failures: []v1alpha1.ObjectFailure{{Object: "Service/demo/web", Message: "spec.ports: Required value"}},
		},
	}
	golden(t, Render(BuildGitSync(gs, []*v1alpha1.Rollout{releasing(1)}, nil, now), 120, false))
}

func TestList(t *testing.T) {
	other := rollout()
	other.Namespace, other.Name = "shop", "cart"
	rollouts := []*v1alpha1.Rollout{releasing(0), other}
	t.Run("all", func(t *testing.T) { golden(t, Render(BuildList(rollouts, "", now), 160, false)) })
	t.Run("one-namespace", func(t *testing.T) { golden(t, Render(BuildList(rollouts[:1], "demo", now), 100, false)) })
	t.Run("none", func(t *testing.T) { golden(t, Render(BuildList(nil, "demo", now), 100, false)) })
	preview, switched, held := blueGreen(releasing(2)), blueGreen(releasing(4)), unrouted(releasing(3))
	preview.Name, preview.Status.Phase, preview.Status.Message = "preview", v1alpha1.RolloutPaused, "paused at step 3/5 until somebody promotes"
	switched.Name, switched.Status.Message = "switched", "analysis web-2222222222-4 is running"
	switched.Status.Release.SwitchedTo, switched.Status.Release.Weights = v2Hash, &v1alpha1.ReleaseWeights{Asked: 100, Low: 100, High: 100}
	held.Name, held.Status.Phase, held.Status.Message = "held", v1alpha1.RolloutPaused, "paused at step 4/5 by request until somebody resumes"
	others := []*v1alpha1.Rollout{held, preview, switched}
	t.Run("strategies", func(t *testing.T) { golden(t, Render(BuildList(others, "demo", now), 160, false)) })
}

func TestColour(t *testing.T) {
	ro := releasing(0)
	m := BuildRollout(Objects{Rollout: ro}, now)
	golden(t, strings.ReplaceAll(Render(m, 60, true), "\x1b", "ESC"))
	plain := Render(m, 60, false)
	stripped := Render(m, 60, true)
	for _, sequence := range ansi {
		stripped = strings.ReplaceAll(stripped, sequence, "")
	}
	if diff := cmp.Diff(plain, strings.ReplaceAll(stripped, ansiReset, "")); diff != "" {
		t.Errorf("colour changes the layout:\n%s", diff)
	}
}

// TestWidth: no line is ever wider than it may be, whatever the width.
func TestWidth(t *testing.T) {
	ro := releasing(2)
	ro.Status.Message = strings.Repeat("wörd ", 40) + strings.Repeat("x", 300)
	m := BuildRollout(Objects{
		Rollout: ro, ReplicaSets: []*appsv1.ReplicaSet{replicas(v2Hash, "2", v2Commit, 2, 1, time.Minute)},
		Pods: podsOf(v2Hash, 2, time.Minute, crashing),
	}, now)
	for width := 1; width < 200; width++ {
		for l := range strings.Lines(Render(m, width, false)) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(l, "\n")); n > width {
				t.Fatalf("width %d: a line of %d: %q", width, n, l)
			}
		}
	}
}

// TestNothingSteersTheTerminal: what others wrote reaches the terminal without control or format characters.
func TestNothingSteersTheTerminal(t *testing.T) {
	evil := "a\x1b[2Jb\x07c\r\nd\u202ee\x9bf"
	ro := releasing(2)
	ro.Status.Message, ro.Status.Commit = evil, evil
	ro.Status.Request = &v1alpha1.RolloutRequest{ID: "x", Verb: v1alpha1.VerbAbort, By: evil, Reason: evil}
	run := analysisRun(v1alpha1.AnalysisFailed, evil, v1alpha1.MetricResult{Name: "success-rate", Measurements: []v1alpha1.Measurement{{Value: evil}}})
	for _, width := range []int{0, 80} {
		got := Render(BuildRollout(Objects{Rollout: ro, Runs: []*v1alpha1.AnalysisRun{run}}, now), width, false)
		if i := strings.IndexFunc(got, func(r rune) bool { return r != '\n' && clean(string(r)) != string(r) }); i >= 0 {
			t.Errorf("width %d: %q at %d", width, got[i], i)
		}
	}
}

// TestOnlyAgesFollowTheTime: at one time, a model looks the same whenever it was built.
func TestOnlyAgesFollowTheTime(t *testing.T) {
	build := func(at time.Time) string {
		o := Objects{Rollout: releasing(1), ReplicaSets: []*appsv1.ReplicaSet{replicas(v1Hash, "1", v1Commit, 3, 3, time.Hour)}}
		return Render(BuildRollout(o, at).At(time.Time{}), 0, false)
	}
	if diff := cmp.Diff(build(now), build(now.Add(time.Hour))); diff != "" {
		t.Errorf("%s", diff)
	}
}
