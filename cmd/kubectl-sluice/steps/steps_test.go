package steps

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

func TestOf(t *testing.T) {
	rates := &v1alpha1.RolloutAnalysis{Templates: []v1alpha1.AnalysisTemplateRef{{TemplateName: "errors"}, {TemplateName: "latency"}}}
	canaryOf := func(steps ...v1alpha1.CanaryStep) v1alpha1.RolloutStrategy {
		return v1alpha1.RolloutStrategy{Canary: &v1alpha1.CanaryStrategy{Steps: steps}}
	}
	up := Step{Kind: Scale, Text: "bring the preview up at full size"}
	over := Step{Kind: Weight, Text: "switch all traffic to the new revision"}
	cases := map[string]struct {
		strategy v1alpha1.RolloutStrategy
		want     []Step
	}{
		"none": {},
		"canary": {
			canaryOf(
				v1alpha1.CanaryStep{SetWeight: new(int32(20))},
				v1alpha1.CanaryStep{SetCanaryScale: &v1alpha1.SetCanaryScale{Replicas: new(int32(3))}},
				v1alpha1.CanaryStep{SetCanaryScale: &v1alpha1.SetCanaryScale{Weight: new(int32(40))}},
				v1alpha1.CanaryStep{SetCanaryScale: &v1alpha1.SetCanaryScale{MatchTrafficWeight: new(true)}},
				v1alpha1.CanaryStep{Pause: &v1alpha1.RolloutPause{}},
				v1alpha1.CanaryStep{Pause: &v1alpha1.RolloutPause{Duration: new(intstr.FromString("10m"))}},
				v1alpha1.CanaryStep{Pause: &v1alpha1.RolloutPause{Duration: new(intstr.FromInt32(30))}},
				v1alpha1.CanaryStep{Analysis: rates},
				v1alpha1.CanaryStep{},
			),
			[]Step{
				{Kind: Weight, Text: "set weight to 20 %"},
				{Kind: Scale, Text: "set the canary to 3 pods"},
				{Kind: Scale, Text: "set the canary to 40 % of the pods"},
				{Kind: Scale, Text: "let the canary's pods follow the weight again"},
				{Kind: Pause, Text: "pause until promoted", Indefinite: true},
				{Kind: Pause, Text: "pause 10m", Duration: 10 * time.Minute},
				{Kind: Pause, Text: "pause 30s", Duration: 30 * time.Second},
				{Kind: Analysis, Text: "analysis of errors, latency"},
				{Text: "a step that this version does not know"},
			},
		},
		"blue-green at once": {
			v1alpha1.RolloutStrategy{BlueGreen: &v1alpha1.BlueGreenStrategy{AutoPromotionSeconds: new(int32(0))}},
			[]Step{up, over},
		},
		"blue-green after a time": {
			v1alpha1.RolloutStrategy{BlueGreen: &v1alpha1.BlueGreenStrategy{AutoPromotionSeconds: new(int32(90))}},
			[]Step{up, {Kind: Pause, Text: "pause 1m30s", Duration: 90 * time.Second}, over},
		},
		"blue-green in full": {
			v1alpha1.RolloutStrategy{BlueGreen: &v1alpha1.BlueGreenStrategy{
				PreviewReplicaCount: new(int32(2)), AutoPromotionEnabled: new(false),
				PrePromotionAnalysis: rates, PostPromotionAnalysis: rates,
			}},
			[]Step{
				{Kind: Scale, Text: "bring the preview up with 2 pods"},
				{Kind: Analysis, Text: "analysis before the switch, of errors, latency"},
				{Kind: Pause, Text: "pause until promoted", Indefinite: true},
				over,
				{Kind: Analysis, Text: "analysis after the switch, of errors, latency"},
			},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := Of(&v1alpha1.Rollout{Spec: v1alpha1.RolloutSpec{Strategy: c.strategy}})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if read, err := wanted.Of(v1alpha1.RolloutSpec{Strategy: c.strategy}, "v2"); err == nil && len(read.Spec.Steps) != len(got) {
				t.Errorf("the controller counts %d steps", len(read.Spec.Steps))
			}
		})
	}
}
