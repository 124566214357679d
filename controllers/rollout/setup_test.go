package rollout

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

// A Rollout is found by what its spec names and by what a release of it still drives.
func TestIndexes(t *testing.T) {
	analysis := func(name string, cluster bool) v1alpha1.RolloutAnalysis {
		return v1alpha1.RolloutAnalysis{Templates: []v1alpha1.AnalysisTemplateRef{{TemplateName: name, ClusterScope: cluster}}}
	}
	ro := &v1alpha1.Rollout{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team"},
		Spec: v1alpha1.RolloutSpec{Strategy: v1alpha1.RolloutStrategy{BlueGreen: &v1alpha1.BlueGreenStrategy{
			ActiveService: "web", PrePromotionAnalysis: new(analysis("a", false)), PostPromotionAnalysis: new(analysis("b", true)),
		}}},
		Status: v1alpha1.RolloutStatus{Release: &v1alpha1.ReleaseStatus{Drives: &v1alpha1.ReleaseDrives{
			By: wanted.ByRoutes, StableService: "web", CanaryService: "web-canary", Routes: []string{"r", "GRPCRoute/s", "HTTPRoute/infra/t"},
		}}},
	}
	if diff := cmp.Diff([]string{"web", "web-canary"}, servicesOf(ro)); diff != "" {
		t.Errorf("Services: %s", diff)
	}
	if diff := cmp.Diff([]string{"HTTPRoute/team/r", "GRPCRoute/team/s", "HTTPRoute/infra/t", "ReferenceGrant/team", "ReferenceGrant/infra"}, routesOf(ro)); diff != "" {
		t.Errorf("routes: %s", diff)
	}
	if diff := cmp.Diff([]string{"namespace/a", "cluster/b"}, templateNames(ro.Spec.Strategy)); diff != "" {
		t.Errorf("templates: %s", diff)
	}
	byPods := &v1alpha1.Rollout{Spec: v1alpha1.RolloutSpec{Strategy: v1alpha1.RolloutStrategy{Canary: &v1alpha1.CanaryStrategy{}}}}
	if len(servicesOf(byPods))+len(routesOf(byPods)) != 0 {
		t.Error("what names nothing is found by nothing")
	}
}

func TestControllers(t *testing.T) {
	set := &appsv1.ReplicaSet{}
	if diff := cmp.Diff([]string{noController}, controllerOf(set)); diff != "" {
		t.Error(diff)
	}
	set.OwnerReferences = []metav1.OwnerReference{{UID: "1"}, {UID: "2", Controller: new(true)}}
	if diff := cmp.Diff([]string{"2"}, controllerOf(set)); diff != "" {
		t.Error(diff)
	}
}

// What a Rollout controls is found whatever version of the API its reference names; what others control is not.
func TestRolloutOf(t *testing.T) {
	for _, c := range []struct {
		owner metav1.OwnerReference
		want  int
	}{
		{metav1.OwnerReference{APIVersion: "sluice.dev/v1alpha1", Kind: "Rollout", Name: "web", Controller: new(true)}, 1},
		{metav1.OwnerReference{APIVersion: "sluice.dev/v2", Kind: "Rollout", Name: "web", Controller: new(true)}, 1},
		{metav1.OwnerReference{APIVersion: "sluice.dev/v1alpha1", Kind: "Rollout", Name: "web"}, 0},
		{metav1.OwnerReference{APIVersion: "sluice.dev/v1alpha1", Kind: "GitSync", Name: "web", Controller: new(true)}, 0},
		{metav1.OwnerReference{APIVersion: "argoproj.io/v1alpha1", Kind: "Rollout", Name: "web", Controller: new(true)}, 0},
	} {
		set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", OwnerReferences: []metav1.OwnerReference{c.owner}}}
		got := rolloutOf(t.Context(), set)
		if len(got) != c.want || c.want > 0 && got[0].String() != "shop/web" {
			t.Errorf("%+v: %v", c.owner, got)
		}
	}
}

// A ReplicaSet is looked at when its controller has caught up with its spec, and when it goes.
func TestSetChanged(t *testing.T) {
	now := metav1.Now()
	for name, c := range map[string]struct {
		set  appsv1.ReplicaSet
		want bool
	}{
		"scaled a moment ago": {appsv1.ReplicaSet{
			ObjectMeta: metav1.ObjectMeta{Generation: 2}, Status: appsv1.ReplicaSetStatus{ObservedGeneration: 1},
		}, false},
		"seen by its controller": {appsv1.ReplicaSet{
			ObjectMeta: metav1.ObjectMeta{Generation: 2}, Status: appsv1.ReplicaSetStatus{ObservedGeneration: 2},
		}, true},
		"being deleted": {appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Generation: 2, DeletionTimestamp: &now}}, true},
	} {
		if got := setChanged().Update(event.UpdateEvent{ObjectOld: &appsv1.ReplicaSet{}, ObjectNew: &c.set}); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Of the updates of a pod only those that change a decision are looked at.
func TestPodChanged(t *testing.T) {
	pod := func() *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{ResourceVersion: "1", Labels: map[string]string{"a": "b"}},
			Status:     corev1.PodStatus{Phase: corev1.PodRunning},
		}
	}
	for name, c := range map[string]struct {
		change func(*corev1.Pod)
		want   bool
	}{
		"version":    {func(p *corev1.Pod) { p.ResourceVersion = "2" }, false},
		"annotation": {func(p *corev1.Pod) { p.Annotations = map[string]string{"a": "b"} }, false},
		"label":      {func(p *corev1.Pod) { p.Labels["a"] = "c" }, true},
		"deletion":   {func(p *corev1.Pod) { p.DeletionTimestamp = new(metav1.Now()) }, true},
		"phase":      {func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }, true},
		"ready":      {func(p *corev1.Pod) { p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady}} }, true},
	} {
		changed := pod()
		c.change(changed)
		if got := podChanged().Update(event.UpdateEvent{ObjectOld: pod(), ObjectNew: changed}); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if !podChanged().Create(event.CreateEvent{Object: pod()}) || !podChanged().Delete(event.DeleteEvent{Object: pod()}) {
		t.Error("pods that come and go are looked at")
	}
}
