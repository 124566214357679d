package rollout

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// Numbers and texts may wait; nothing else may.
func TestUrgent(t *testing.T) {
	status := func() v1alpha1.RolloutStatus {
		return v1alpha1.RolloutStatus{
			Conditions: []metav1.Condition{{Type: "Ready", Message: "1 of 2"}}, Release: &v1alpha1.ReleaseStatus{Revision: "a"},
		}
	}
	at := new(metav1.NewMicroTime(time.Unix(1, 0)))
	for name, change := range map[string]func(*v1alpha1.RolloutStatus){
		"counts": func(s *v1alpha1.RolloutStatus) {
			s.Replicas, s.UpdatedReplicas, s.ReadyReplicas, s.AvailableReplicas = 1, 2, 3, 4
		},
		"message":           func(s *v1alpha1.RolloutStatus) { s.Message = "more" },
		"condition message": func(s *v1alpha1.RolloutStatus) { s.Conditions[0].Message = "2 of 2" },
		"high-water mark":   func(s *v1alpha1.RolloutStatus) { s.Release.MostAvailable, s.Release.ProgressedAt = 3, at },
	} {
		changed := status()
		change(&changed)
		if !equality.Semantic.DeepEqual(urgent(status()), urgent(changed)) {
			t.Errorf("%s must not be urgent", name)
		}
		if equality.Semantic.DeepEqual(changed, status()) {
			t.Errorf("%s: what is urgent was changed in place", name)
		}
	}
	for name, change := range map[string]func(*v1alpha1.RolloutStatus){
		"phase":            func(s *v1alpha1.RolloutStatus) { s.Phase = v1alpha1.RolloutPaused },
		"condition":        func(s *v1alpha1.RolloutStatus) { s.Conditions[0].Status = "True" },
		"condition reason": func(s *v1alpha1.RolloutStatus) { s.Conditions[0].Reason = "Other" },
		"generation":       func(s *v1alpha1.RolloutStatus) { s.ObservedGeneration = 2 },
		"step":             func(s *v1alpha1.RolloutStatus) { s.Release.StepIndex = 2 },
		"served":           func(s *v1alpha1.RolloutStatus) { s.Release.StableServedAt = at },
		"history":          func(s *v1alpha1.RolloutStatus) { s.History = []v1alpha1.ReleaseRecord{{}} },
		"request":          func(s *v1alpha1.RolloutStatus) { s.LastRequest = &v1alpha1.RolloutRequestOutcome{ID: "1"} },
		"selector":         func(s *v1alpha1.RolloutStatus) { s.Selector = "a=b" },
	} {
		changed := status()
		change(&changed)
		if equality.Semantic.DeepEqual(urgent(status()), urgent(changed)) {
			t.Errorf("%s must be urgent", name)
		}
	}
}

func TestStatusWritesAreDue(t *testing.T) {
	w, now := newStatusWrites(), time.Unix(1000, 0)
	key := types.NamespacedName{Name: "web"}
	if got := w.due(key, now); got != 0 {
		t.Errorf("before the first write: %s", got)
	}
	w.wrote(key, now, false)
	for after, want := range map[time.Duration]time.Duration{
		0: countsDelay, time.Second: countsDelay - time.Second, countsDelay: 0, time.Hour: 0, -time.Second: 0,
	} {
		if got := w.due(key, now.Add(after)); got != want {
			t.Errorf("%s later: %s, want %s", after, got, want)
		}
	}
	for i, want := range []time.Duration{2 * countsDelay, mostCountsDelay, mostCountsDelay} {
		now = now.Add(w.due(key, now))
		w.wrote(key, now, true)
		if got := w.due(key, now); got != want {
			t.Errorf("after %d writes of numbers alone: %s, want %s", i+1, got, want)
		}
	}
	w.wrote(key, now.Add(time.Hour), true)
	if got := w.due(key, now.Add(time.Hour)); got != countsDelay {
		t.Errorf("after a quiet time: %s", got)
	}
	w.wrote(key, now, true)
	w.wrote(key, now, false)
	if got := w.due(key, now); got != countsDelay {
		t.Errorf("after an urgent write: %s", got)
	}
	w.forget(key)
	if got := w.due(key, now); got != 0 {
		t.Errorf("of one that is gone: %s", got)
	}
}
