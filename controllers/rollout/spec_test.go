package rollout

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

func TestPlanSpecDefaults(t *testing.T) {
	got, err := planSpec(v1alpha1.RolloutSpec{Strategy: v1alpha1.RolloutStrategy{Canary: &v1alpha1.CanaryStrategy{}}}, "abc")
	if err != nil {
		t.Fatal(err)
	}
	want := plan.Spec{
		Revision: "abc", Replicas: 1, Steps: []plan.Step{}, Settle: 5 * time.Second, ScaleDownDelay: 30 * time.Second,
		AbortScaleDownDelay: 30 * time.Second, ProgressDeadline: 600 * time.Second, HistoryLimit: 10,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPlanSpecValues(t *testing.T) {
	got, err := planSpec(v1alpha1.RolloutSpec{
		Replicas: new(int32(0)), ProgressDeadlineSeconds: new(int32(7)), ProgressDeadlineAbort: new(true),
		RevisionHistoryLimit: new(int32(0)),
		Strategy: v1alpha1.RolloutStrategy{Canary: &v1alpha1.CanaryStrategy{
			ScaleDownDelaySeconds: new(int32(0)), AbortScaleDownDelaySeconds: new(int32(9)),
			TrafficRouting: v1alpha1.TrafficRouting{SettleSeconds: new(int32(0))},
			Steps: []v1alpha1.CanaryStep{
				{SetWeight: new(int32(20))},
				{Pause: &v1alpha1.RolloutPause{}},
				{Pause: &v1alpha1.RolloutPause{Duration: new(intstr.FromInt32(90))}},
				{Pause: &v1alpha1.RolloutPause{Duration: new(intstr.FromString("90s"))}},
				{Analysis: &v1alpha1.RolloutAnalysis{Templates: []v1alpha1.AnalysisTemplateRef{{TemplateName: "t"}}}},
			},
		}},
	}, "abc")
	if err != nil {
		t.Fatal(err)
	}
	want := plan.Spec{
		Revision: "abc", AbortScaleDownDelay: 9 * time.Second, ProgressDeadline: 7 * time.Second, ProgressDeadlineAbort: true,
		Steps: []plan.Step{
			{Kind: plan.StepSetWeight, Weight: 20},
			{Kind: plan.StepPause, Indefinite: true},
			{Kind: plan.StepPause, Duration: 90 * time.Second},
			{Kind: plan.StepPause, Duration: 90 * time.Second},
			{Kind: plan.StepAnalysis},
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(plan.Step{}, "Key")); diff != "" {
		t.Error(diff)
	}
	keys := map[string]int{}
	for _, step := range got.Steps {
		keys[step.Key]++
	}
	if len(keys) != 4 || keys[got.Steps[2].Key] != 2 {
		t.Errorf("only the two pauses of the same length are the same: %v", keys)
	}
}

func TestPlanSpecNamesTheField(t *testing.T) {
	for field, canary := range map[string]*v1alpha1.CanaryStrategy{
		"spec.strategy.canary:":                            nil,
		"spec.strategy.canary.steps[0]: is empty":          {Steps: []v1alpha1.CanaryStep{{}}},
		"spec.strategy.canary.steps[0].pause.duration \"x": {Steps: []v1alpha1.CanaryStep{{Pause: &v1alpha1.RolloutPause{Duration: new(intstr.FromString("x"))}}}},
	} {
		_, err := planSpec(v1alpha1.RolloutSpec{Strategy: v1alpha1.RolloutStrategy{Canary: canary}}, "abc")
		if err == nil || !strings.HasPrefix(err.Error(), field) {
			t.Errorf("want an error about %s, got %v", field, err)
		}
	}
}
