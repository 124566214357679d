package wanted

import (
	"fmt"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// The names of the steps of a blue-green release.
const (
	stepPreview       = "preview"
	stepPrePromotion  = "prePromotionAnalysis"
	stepPause         = "pause"
	stepSwitch        = "switch"
	stepPostPromotion = "postPromotionAnalysis"
)

// blueGreen reads a blue-green strategy: its stages are steps of a release like those of a canary. Its error begins
// with the path below spec.strategy.
func (r *Release) blueGreen(b v1alpha1.BlueGreenStrategy) (err error) {
	s := &r.Spec
	s.Surge = plan.Unbounded
	if s.Unavailable, err = pods("maxUnavailable", b.MaxUnavailable, &none, s.Replicas, false); err != nil {
		return fmt.Errorf(".blueGreen%w", err)
	}
	s.Threshold = threshold(b.ReplicaProgressThreshold)
	s.Settle = settle(b.TrafficRouting)
	s.ScaleDownDelay = seconds(b.ScaleDownDelaySeconds, defaultScaleDownSeconds)
	s.ScaleDownLimit = or(b.ScaleDownDelayRevisionLimit, plan.Unbounded)
	s.AbortScaleDownDelay = seconds(b.AbortScaleDownDelaySeconds, defaultScaleDownSeconds)

	r.stage(stepPreview, preview(b.PreviewReplicaCount))
	if err := r.stageAnalysis(stepPrePromotion, b.PrePromotionAnalysis, AnalysisPrePromotion); err != nil {
		return err
	}
	if pause, pauses := promotionPause(b); pauses {
		r.stage(stepPause, pause)
	}
	r.stage(stepSwitch, weightStep(full))
	return r.stageAnalysis(stepPostPromotion, b.PostPromotionAnalysis, AnalysisPostPromotion)
}

func (r *Release) stage(name string, step plan.Step) {
	step.Key = name + ": " + step.Key
	r.Spec.Steps = append(r.Spec.Steps, step)
	r.StepNames = append(r.StepNames, name)
}

func (r *Release) stageAnalysis(name string, a *v1alpha1.RolloutAnalysis, kind AnalysisType) error {
	if a == nil {
		return nil
	}
	step, err := analysisStep(*a)
	if err != nil {
		return fmt.Errorf(".blueGreen.%s%w", name, err)
	}
	r.Analyses[int32(len(r.Spec.Steps))] = Analysis{RolloutAnalysis: *a, Type: kind}
	r.stage(name, step)
	return nil
}

func preview(count *int32) plan.Step {
	if count != nil {
		return plan.Step{Kind: plan.StepScale, Pods: *count, Key: fmt.Sprintf("%d pods", *count)}
	}
	return plan.Step{Kind: plan.StepScale, Pods: plan.Unbounded, Weight: full, Key: "100%"}
}

// promotionPause is the wait before the switch; false means that there is none.
func promotionPause(b v1alpha1.BlueGreenStrategy) (plan.Step, bool) {
	wait := seconds(b.AutoPromotionSeconds, 0)
	switch {
	case !or(b.AutoPromotionEnabled, true):
		return pauseStep(nil), true
	case wait > 0:
		return pauseStep(&wait), true
	}
	return plan.Step{}, false
}
