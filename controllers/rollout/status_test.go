package rollout

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

func TestConditions(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	o := &observation{
		rollout: &v1alpha1.Rollout{ObjectMeta: metav1.ObjectMeta{Name: "web", Generation: 7}}, selector: labels.Everything(),
		spec: plan.Spec{Replicas: 2},
		seen: plan.Observed{ReplicaSets: []plan.ReplicaSet{{Revision: "a", Available: 2}}},
	}
	for phase, want := range map[plan.Phase]string{
		plan.Healthy:     "Ready=True Reconciling=False Stalled=False Paused=False Available=True Invalid=False",
		plan.Progressing: "Ready=False Reconciling=True Stalled=False Paused=False Available=True Invalid=False",
		plan.Paused:      "Ready=False Reconciling=True Stalled=False Paused=True Available=True Invalid=False",
		plan.Degraded:    "Ready=False Reconciling=False Stalled=True Paused=False Available=True Invalid=False",
	} {
		p := plan.Plan{Status: plan.State{Stable: "a"}, Summary: plan.Summary{Phase: phase, Reason: "Reason", Message: "message"}}
		var got []string
		for _, c := range conditions(o, p, now) {
			got = append(got, c.Type+"="+string(c.Status))
			if c.ObservedGeneration != 7 || !c.LastTransitionTime.Time.Equal(now) || c.Reason == "" {
				t.Errorf("%s: %+v", phase, c)
			}
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s: %s", phase, diff)
		}
	}
}

// A condition's time is when it changed, not when it was written.
func TestConditionTimes(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	o := &observation{rollout: &v1alpha1.Rollout{}, selector: labels.Everything()}
	p := plan.Plan{Summary: plan.Summary{Phase: plan.Progressing, Reason: "Progressing", Message: "one"}}
	o.rollout.Status = newStatus(o, p, start)
	p.Summary.Message = "two"
	o.rollout.Status = newStatus(o, p, start.Add(time.Hour))
	ready := meta.FindStatusCondition(o.rollout.Status.Conditions, v1alpha1.ConditionReady)
	if !ready.LastTransitionTime.Time.Equal(start) || ready.Message != "two" {
		t.Errorf("%+v", ready)
	}
	p.Summary.Phase = plan.Healthy
	o.rollout.Status = newStatus(o, p, start.Add(2*time.Hour))
	ready = meta.FindStatusCondition(o.rollout.Status.Conditions, v1alpha1.ConditionReady)
	if !ready.LastTransitionTime.Time.Equal(start.Add(2 * time.Hour)) {
		t.Errorf("%+v", ready)
	}
}

func TestInvalid(t *testing.T) {
	o := &observation{rollout: &v1alpha1.Rollout{}, selector: labels.Everything()}
	for reason, want := range map[string]metav1.ConditionStatus{
		v1alpha1.ReasonServiceInvalid: metav1.ConditionTrue, reasonUnverified: metav1.ConditionUnknown,
	} {
		o.spec.Problem = &plan.Problem{Reason: reason, Message: "what"}
		got := meta.FindStatusCondition(conditions(o, plan.Plan{}, time.Unix(1, 0)), v1alpha1.ConditionInvalid)
		if got.Status != want || got.Reason != reason || got.Message != "what" {
			t.Errorf("%s: %+v", reason, got)
		}
	}
}

func TestStepText(t *testing.T) {
	canary := wanted.Release{Spec: plan.Spec{Steps: make([]plan.Step, 5)}}
	blueGreen := wanted.Release{Spec: plan.Spec{Steps: make([]plan.Step, 2)}, StepNames: []string{"preview", "switch"}}
	for _, c := range []struct {
		state   plan.State
		release wanted.Release
		want    string
	}{
		{plan.State{}, canary, ""},
		{plan.State{Candidate: "a"}, canary, "1/5"},
		{plan.State{Candidate: "a", Step: 4}, canary, "5/5"},
		{plan.State{Candidate: "a", Step: 5}, canary, "5/5"},
		{plan.State{Candidate: "a"}, wanted.Release{}, ""},
		{plan.State{Candidate: "a"}, blueGreen, "1/2 preview"},
		{plan.State{Candidate: "a", Step: 2}, blueGreen, "2/2 switch"},
	} {
		if got := stepText(c.state, c.release); got != c.want {
			t.Errorf("%+v: %q, want %q", c.state, got, c.want)
		}
	}
}

func TestShorten(t *testing.T) {
	for _, text := range []string{"", "short", strings.Repeat("x", 300), strings.Repeat("ä", 300), strings.Repeat("€", 85), strings.Repeat("😀", 70)} {
		got := shorten(text, maxDetail)
		if len(got) > maxDetail || !utf8.ValidString(got) || (len(text) <= maxDetail && got != text) {
			t.Errorf("%d bytes became %d: %q", len(text), len(got), got)
		}
	}
}
