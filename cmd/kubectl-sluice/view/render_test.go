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
			ro.Status.Canary.Weights = &v1alpha1.CanaryWeights{Asked: 20, Low: 20, High: 20, AcknowledgedAt: new(microBefore(18 * time.Second))}
			return Objects{Rollout: ro, ReplicaSets: []*appsv1.ReplicaSet{v1, v2(2)}, Pods: slices.Concat(v1Pods, podsOf(v2Hash, 2, 40*time.Second))}
		},
		"analysis": func() Objects {
			ro := releasing(2)
			ro.Status.Message = "analysis web-2222222222-2 is running"
			ro.Status.Canary.Weights = &v1alpha1.CanaryWeights{Asked: 20, Low: 20, High: 20, AcknowledgedAt: new(microBefore(time.Minute))}
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
			s.Canary.Revision, s.Canary.SwitchingFrom, s.Canary.StableServedAt = "", v1Hash, new(microBefore(time.Second))
			s.Canary.Weights = &v1alpha1.CanaryWeights{Asked: 0, Low: 0, High: 100}
			s.Canary.Retiring = []v1alpha1.RetiringRevision{{Revision: v1Hash, At: metav1.NewMicroTime(now.Add(25 * time.Second))}}
			return Objects{Rollout: ro, ReplicaSets: []*appsv1.ReplicaSet{v1, v2(2)}, Pods: slices.Concat(v1Pods, podsOf(v2Hash, 2, time.Minute))}
		},
		"aborted": func() Objects {
			ro := releasing(2)
			s := &ro.Status
			s.Phase, s.Message = v1alpha1.RolloutDegraded, "revision 2222222222 was aborted: metric success-rate: 3 of 3 measurements failed, the last was [0.71], and more of this sentence to see it wrapped"
			s.Abort = &v1alpha1.AbortStatus{Revision: v2Hash, Reason: v1alpha1.AbortAnalysisFailed, Message: "metric success-rate failed"}
			s.Rejected = []v1alpha1.RejectedRevision{{Revision: v2Hash, Commit: v2Commit, Reason: v1alpha1.AbortAnalysisFailed, Message: "metric success-rate failed", AnalysisRun: "web-bad"}}
			s.Canary = &v1alpha1.CanaryStatus{Retiring: []v1alpha1.RetiringRevision{{Revision: v2Hash, At: metav1.NewMicroTime(now.Add(25 * time.Second))}}}
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
