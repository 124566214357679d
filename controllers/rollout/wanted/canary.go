package wanted

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// canary reads a canary strategy. Its error begins with the path below spec.strategy.
func (r *Release) canary(c v1alpha1.CanaryStrategy) error {
	s := &r.Spec
	if err := r.canaryBounds(c); err != nil {
		return fmt.Errorf(".canary%w", err)
	}
	s.DynamicStable, s.MinPods = c.DynamicStableScale, or(c.MinPodsPerReplicaSet, 0)
	s.Threshold = threshold(c.ReplicaProgressThreshold)
	s.ScaleDownLimit = or(c.ScaleDownDelayRevisionLimit, plan.Unbounded)
	if s.Mover == plan.ByRoutes {
		s.Settle = settle(c.TrafficRouting)
		s.AbortScaleDownDelay = seconds(c.AbortScaleDownDelaySeconds, defaultScaleDownSeconds)
		if !c.DynamicStableScale { // whose old pods are gone with their share
			s.ScaleDownDelay = seconds(c.ScaleDownDelaySeconds, defaultScaleDownSeconds)
		}
	}
	for i, step := range c.Steps {
		read, err := canaryStep(step)
		if err != nil {
			return fmt.Errorf(".canary.steps[%d]%w", i, err)
		}
		s.Steps = append(s.Steps, read)
		if step.Analysis != nil {
			r.Analyses[int32(i)] = Analysis{RolloutAnalysis: *step.Analysis, Type: AnalysisOfStep}
		}
	}
	if c.Analysis == nil {
		return nil
	}
	key, err := analysisKey(c.Analysis.RolloutAnalysis)
	if err != nil {
		return fmt.Errorf(".canary.analysis: %w", err)
	}
	s.Background = plan.Background{Key: key, Start: c.Analysis.StartingStep}
	r.Analyses[Background] = Analysis{RolloutAnalysis: c.Analysis.RolloutAnalysis, Type: AnalysisInBackground}
	return nil
}

// canaryBounds resolves maxSurge and maxUnavailable: with both at 0 nothing could ever move.
func (r *Release) canaryBounds(c v1alpha1.CanaryStrategy) (err error) {
	s := &r.Spec
	if s.Mover == plan.ByRoutes && c.MaxSurge == nil {
		s.Surge = plan.Unbounded
	} else if s.Surge, err = pods("maxSurge", c.MaxSurge, &quarter, s.Replicas, true); err != nil {
		return err
	}
	if s.Unavailable, err = pods("maxUnavailable", c.MaxUnavailable, &quarter, s.Replicas, false); err != nil {
		return err
	}
	if s.Surge == 0 && s.Unavailable == 0 {
		s.Unavailable = 1
	}
	return nil
}

// DefaultSurge is how many pods may come on top of the replicas where numbers of pods carry the weight, and maxSurge is
// absent.
func DefaultSurge(replicas int32) int32 {
	return (replicas + 3) / 4
}

// canaryStep reads one step. Its error begins with the path inside of the step.
func canaryStep(step v1alpha1.CanaryStep) (plan.Step, error) {
	switch {
	case step.SetWeight != nil:
		return weightStep(*step.SetWeight), nil
	case step.SetCanaryScale != nil:
		return scaleStep(*step.SetCanaryScale)
	case step.Pause != nil && step.Pause.Duration == nil:
		return pauseStep(nil), nil
	case step.Pause != nil:
		duration, err := v1alpha1.ParsePauseDuration(*step.Pause.Duration)
		if err != nil {
			return plan.Step{}, fmt.Errorf(".pause.%w", err)
		}
		return pauseStep(&duration), nil
	case step.Analysis != nil:
		return analysisStep(*step.Analysis)
	}
	return plan.Step{}, errors.New(": is empty; set one of setWeight, setCanaryScale, pause and analysis")
}

func weightStep(weight int32) plan.Step {
	weight = percent(weight)
	return plan.Step{Kind: plan.StepSetWeight, Weight: weight, Key: fmt.Sprintf("setWeight %d", weight)}
}

func scaleStep(scale v1alpha1.SetCanaryScale) (plan.Step, error) {
	switch {
	case scale.Replicas != nil:
		count := max(*scale.Replicas, 0)
		return plan.Step{Kind: plan.StepScale, Pods: count, Key: fmt.Sprintf("setCanaryScale %d pods", count)}, nil
	case scale.Weight != nil:
		weight := percent(*scale.Weight)
		return plan.Step{
			Kind: plan.StepScale, Pods: plan.Unbounded, Weight: weight, Key: fmt.Sprintf("setCanaryScale %d%%", weight),
		}, nil
	case or(scale.MatchTrafficWeight, false):
		return plan.Step{Kind: plan.StepScale, Pods: plan.Unbounded, Match: true, Key: "setCanaryScale matchTrafficWeight"}, nil
	}
	return plan.Step{}, errors.New(".setCanaryScale: is empty; set one of replicas, weight and matchTrafficWeight: true")
}

// pauseStep is a pause of a length, or without one until somebody promotes.
func pauseStep(duration *time.Duration) plan.Step {
	if duration == nil {
		return plan.Step{Kind: plan.StepPause, Indefinite: true, Key: "pause"}
	}
	return plan.Step{Kind: plan.StepPause, Duration: *duration, Key: "pause " + duration.String()}
}

func analysisStep(a v1alpha1.RolloutAnalysis) (plan.Step, error) {
	key, err := analysisKey(a)
	if err != nil {
		return plan.Step{}, fmt.Errorf(".analysis: %w", err)
	}
	return plan.Step{Kind: plan.StepAnalysis, Key: key}, nil
}

// analysisKey is the canonical text of an analysis: its JSON, whose keys have an order.
func analysisKey(a v1alpha1.RolloutAnalysis) (string, error) {
	content, err := json.Marshal(a)
	if err != nil {
		return "", fmt.Errorf("encode: %w", err)
	}
	return "analysis " + string(content), nil
}

func percent(n int32) int32 { return min(max(n, 0), full) }
