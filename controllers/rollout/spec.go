package rollout

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// The defaults that the fields of the API document.
const (
	defaultReplicas            = 1
	defaultHistoryLimit        = 10
	defaultProgressSeconds     = 600
	defaultSettleSeconds       = 5
	defaultScaleDownSeconds    = 30
	defaultRunHistoryLimit     = 5
	defaultPartOfFullWeight    = 100
	defaultMinReadySeconds     = 0
	defaultProgressDeadlineEnd = false
)

// planSpec is what is wanted, with every default filled in. The error names the field that cannot be read.
func planSpec(spec v1alpha1.RolloutSpec, current string) (plan.Spec, error) {
	canary := spec.Strategy.Canary
	if canary == nil {
		return plan.Spec{}, fmt.Errorf("spec.strategy.canary: is missing; it is the only strategy there is")
	}
	steps, err := planSteps(canary.Steps)
	if err != nil {
		return plan.Spec{}, err
	}
	return plan.Spec{
		Revision:              current,
		Replicas:              or(spec.Replicas, defaultReplicas),
		Steps:                 steps,
		Settle:                seconds(canary.TrafficRouting.SettleSeconds, defaultSettleSeconds),
		ScaleDownDelay:        seconds(canary.ScaleDownDelaySeconds, defaultScaleDownSeconds),
		AbortScaleDownDelay:   seconds(canary.AbortScaleDownDelaySeconds, defaultScaleDownSeconds),
		ProgressDeadline:      seconds(spec.ProgressDeadlineSeconds, defaultProgressSeconds),
		ProgressDeadlineAbort: or(spec.ProgressDeadlineAbort, defaultProgressDeadlineEnd),
		HistoryLimit:          int(or(spec.RevisionHistoryLimit, defaultHistoryLimit)),
	}, nil
}

func planSteps(steps []v1alpha1.CanaryStep) ([]plan.Step, error) {
	out := make([]plan.Step, 0, len(steps))
	for i, step := range steps {
		s, err := planStep(step)
		if err != nil {
			return nil, fmt.Errorf("spec.strategy.canary.steps[%d]%w", i, err)
		}
		out = append(out, s)
	}
	return out, nil
}

// planStep reads one step. Its error begins with the path inside of the step.
func planStep(step v1alpha1.CanaryStep) (plan.Step, error) {
	switch {
	case step.SetWeight != nil:
		weight := min(max(*step.SetWeight, 0), defaultPartOfFullWeight)
		return plan.Step{Kind: plan.StepSetWeight, Weight: weight, Key: fmt.Sprintf("setWeight %d", weight)}, nil
	case step.Pause != nil && step.Pause.Duration == nil:
		return plan.Step{Kind: plan.StepPause, Indefinite: true, Key: "pause"}, nil
	case step.Pause != nil:
		duration, err := v1alpha1.ParsePauseDuration(*step.Pause.Duration)
		if err != nil {
			return plan.Step{}, fmt.Errorf(".pause.%w", err)
		}
		return plan.Step{Kind: plan.StepPause, Duration: duration, Key: "pause " + duration.String()}, nil
	case step.Analysis != nil:
		content, err := json.Marshal(step.Analysis)
		if err != nil {
			return plan.Step{}, fmt.Errorf(".analysis: %w", err)
		}
		return plan.Step{Kind: plan.StepAnalysis, Key: "analysis " + string(content)}, nil
	default:
		return plan.Step{}, fmt.Errorf(": is empty; set one of setWeight, pause and analysis")
	}
}

func seconds(value *int32, otherwise int32) time.Duration {
	return time.Duration(or(value, otherwise)) * time.Second
}

func or[T any](value *T, otherwise T) T {
	if value == nil {
		return otherwise
	}
	return *value
}
