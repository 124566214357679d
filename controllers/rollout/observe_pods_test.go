package rollout

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

// Of two ReplicaSets of one revision the one with the Rollout's own name is it, in whatever order they are seen.
func TestOneReplicaSetForEachRevision(t *testing.T) {
	named := func(name string) *appsv1.ReplicaSet {
		return &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{v1alpha1.LabelPodTemplateHash: "abc"}}}
	}
	for name, c := range map[string]struct {
		seen       []string
		want       string
		duplicates int
	}{
		"adopted":              {seen: []string{"old-5d4f"}, want: "old-5d4f"},
		"ours first":           {seen: []string{"web-abc", "old-5d4f"}, want: "web-abc", duplicates: 1},
		"ours last":            {seen: []string{"old-5d4f", "web-abc"}, want: "web-abc", duplicates: 1},
		"neither ours":         {seen: []string{"b", "a"}, want: "a", duplicates: 1},
		"neither ours, sorted": {seen: []string{"a", "b"}, want: "a", duplicates: 1},
		"three":                {seen: []string{"b", "web-abc", "a"}, want: "web-abc", duplicates: 2},
	} {
		o := &observation{rollout: &v1alpha1.Rollout{ObjectMeta: metav1.ObjectMeta{Name: "web"}}, sets: map[string]*appsv1.ReplicaSet{}}
		for _, set := range c.seen {
			o.takeSet("abc", named(set))
		}
		if got := o.sets["abc"].Name; got != c.want || len(o.duplicates) != c.duplicates {
			t.Errorf("%s: %s, and %d more", name, got, len(o.duplicates))
		}
		problem, err := checkDuplicates(t.Context(), nil, o)
		if err != nil || (problem != nil) != (c.duplicates > 0) {
			t.Errorf("%s: %+v, %v", name, problem, err)
		}
	}
}

func TestPlanReplicaSet(t *testing.T) {
	restart := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	pod := func(made time.Time, isReady bool) *corev1.Pod {
		status := corev1.ConditionFalse
		if isReady {
			status = corev1.ConditionTrue
		}
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(made)},
			Status:     corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: status}}},
		}
	}
	going := pod(restart.Add(-time.Hour), true)
	going.DeletionTimestamp = new(metav1.NewTime(restart))
	failed := pod(restart.Add(-time.Hour), false)
	failed.Status.Phase = corev1.PodFailed
	pods := []*corev1.Pod{
		pod(restart.Add(-time.Hour), true), pod(restart.Add(-time.Second), false), pod(restart, true),
		pod(restart.Add(time.Second), true), going, failed,
	}
	set := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Generation: 3, Annotations: map[string]string{
			v1alpha1.AnnotationRevision: "12", v1alpha1.AnnotationRole: "stable",
		}},
		Spec:   appsv1.ReplicaSetSpec{Replicas: new(int32(7))},
		Status: appsv1.ReplicaSetStatus{Replicas: 2, AvailableReplicas: 1, ObservedGeneration: 3},
	}
	want := plan.ReplicaSet{
		Revision: "abc", Number: 12, Desired: 7, Pods: 4, Available: 1, Settled: true, Role: plan.RoleStable, Old: 2, OldReady: 1,
	}
	if diff := cmp.Diff(want, planReplicaSet(set, "abc", pods, restart)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := planReplicaSet(set, "abc", pods, time.Time{}); got.Old != 0 || got.OldReady != 0 {
		t.Errorf("without a restart: %+v", got)
	}
	set.Status.ObservedGeneration, set.Status.Replicas, set.Annotations[v1alpha1.AnnotationRevision] = 2, 9, "x"
	if got := planReplicaSet(set, "abc", pods, restart); got.Settled || got.Pods != 9 || got.Number != 0 {
		t.Errorf("behind: %+v", got)
	}
}

// The pods of a revision that has several ReplicaSets' worth of them are told apart by who controls them.
func TestRevisionsOfPods(t *testing.T) {
	pod := func(name, revision string) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{v1alpha1.LabelPodTemplateHash: revision}}}
	}
	got := revisionsOf(map[types.UID][]*corev1.Pod{"1": {pod("a", "x"), pod("b", "x")}, "2": {pod("c", "y")}})
	if diff := cmp.Diff(map[string]string{"a": "x", "b": "x", "c": "y"}, got); diff != "" {
		t.Error(diff)
	}
}

// What a release began with counts until it is at rest.
func TestWithdraw(t *testing.T) {
	template := v1alpha1.PodTemplate{}
	template.Spec.Raw = []byte(`{"containers":[]}`)
	ro := &v1alpha1.Rollout{Spec: v1alpha1.RolloutSpec{
		Selector: metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}, Template: template,
		Strategy: v1alpha1.RolloutStrategy{BlueGreen: &v1alpha1.BlueGreenStrategy{ActiveService: "web"}},
	}}
	source := podSource{template: template, selector: ro.Spec.Selector}
	for name, c := range map[string]struct {
		begun    *v1alpha1.ReleaseDrives
		withdraw bool
		mover    plan.Mover
		surge    int32
	}{
		"at rest":      {nil, false, plan.BySelector, plan.Unbounded},
		"the same":     {&v1alpha1.ReleaseDrives{By: wanted.BySelector, StableService: "web"}, false, plan.BySelector, plan.Unbounded},
		"routes":       {&v1alpha1.ReleaseDrives{By: wanted.ByRoutes, StableService: "web", Routes: []string{"r"}}, true, plan.ByRoutes, plan.Unbounded},
		"pods":         {&v1alpha1.ReleaseDrives{By: wanted.ByReplicas}, true, plan.ByReplicas, 1},
		"more Service": {&v1alpha1.ReleaseDrives{By: wanted.BySelector, StableService: "web", CanaryService: "p"}, true, plan.BySelector, plan.Unbounded},
	} {
		ro.Status.Release = &v1alpha1.ReleaseStatus{Drives: c.begun, Routes: []v1alpha1.RouteOriginal{{Name: "r", Rules: "{}"}}}
		o, err := understand(ro, source, newRevisions())
		if err != nil {
			t.Fatal(err)
		}
		if o.spec.Withdraw != c.withdraw || o.spec.Mover != c.mover || o.spec.Surge != c.surge || o.target.Originals["r"] != "{}" {
			t.Errorf("%s: withdraw %v, mover %v, surge %d, target %+v", name, o.spec.Withdraw, o.spec.Mover, o.spec.Surge, o.target)
		}
		if c.begun != nil && !sameDrives(*c.begun, o.drives) {
			t.Errorf("%s: drives %+v", name, o.drives)
		}
		if departing := departing(ro); !sameDrives(departing.drives, o.drives) {
			t.Errorf("%s: a departing one drives %+v", name, departing.drives)
		}
	}
	routes := func(names ...string) v1alpha1.ReleaseDrives { return v1alpha1.ReleaseDrives{Routes: names} }
	if !sameDrives(routes("a", "b"), routes("b", "a")) || sameDrives(routes("a"), routes("b")) || sameDrives(routes("a"), routes()) {
		t.Error("routes are a set")
	}
}

// A quota or the security of pods refuses pods and not the ReplicaSet: only its condition says so.
func TestRefusedPods(t *testing.T) {
	set := &appsv1.ReplicaSet{}
	if got := refusedPods(set); got != "" {
		t.Errorf("nothing is refused: %q", got)
	}
	set.Status.Conditions = []appsv1.ReplicaSetCondition{{
		Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: "exceeded quota: pods=3",
	}}
	if got, want := refusedPods(set), "FailedCreate: exceeded quota: pods=3"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
}
