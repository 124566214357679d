package lint

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

const (
	fullWeight = 100
	canaryPath = "spec.strategy.canary"
)

func (s *subject) checkStrategy() {
	strategy := s.rollout.Spec.Strategy
	if routing := strategy.Routing(); routing != nil && or(routing.SettleSeconds, defaultSettleSeconds) == 0 {
		path := canaryPath
		if strategy.BlueGreen != nil {
			path = "spec.strategy.blueGreen"
		}
		s.say(ruleSettle, path+".trafficRouting.settleSeconds", "0: pods go as soon as a gateway's controller has acknowledged a weight, while "+
			"its data plane may still send to them; leave it out for 5 seconds")
	}
	if or(s.rollout.Spec.MinReadySeconds, 0) == 0 {
		s.say(ruleMinReady, "spec", "minReadySeconds is not set: a pod that crashes right after it was ready has counted as available")
	}
	if c := strategy.Canary; c != nil {
		s.checkSteps(*c)
		s.checkPersons(*c)
		s.checkCanarySurge(*c)
		s.checkFineWeights(*c)
	}
	if b := strategy.BlueGreen; b != nil {
		s.checkBlueGreen(*b)
	}
}

// checkSteps follows the weight through the steps.
func (s *subject) checkSteps(c v1alpha1.CanaryStrategy) {
	if len(c.Steps) == 0 {
		s.say(ruleNoSteps, canaryPath, "there are no steps: all traffic moves as soon as the new pods are available")
		return
	}
	weight, setBy := int32(0), -1
	for i, step := range c.Steps {
		path := fmt.Sprintf("%s.steps[%d]", canaryPath, i)
		if weight == fullWeight {
			s.say(ruleAfterFull, path, "comes after weight 100 of steps[%d]: all traffic is on the new revision already", setBy)
			return
		}
		if step.SetWeight == nil {
			continue
		}
		switch {
		case i == len(c.Steps)-1 && *step.SetWeight == fullWeight:
			s.say(ruleLast, path+".setWeight", "after the last step the new revision gets all traffic in any case; this step can go")
		case setBy >= 0 && *step.SetWeight <= weight:
			s.say(ruleRising, path+".setWeight", "%d is not above the %d of steps[%d]", *step.SetWeight, weight, setBy)
		}
		weight, setBy = *step.SetWeight, i
	}
}

// checkPersons tells which steps wait for somebody.
func (s *subject) checkPersons(c v1alpha1.CanaryStrategy) {
	var waiting []string
	for i, step := range c.Steps {
		if step.Pause != nil && step.Pause.Duration == nil {
			waiting = append(waiting, fmt.Sprintf("steps[%d]", i))
		}
	}
	if len(waiting) > 0 {
		s.say(rulePerson, canaryPath+"."+waiting[0], "a release waits until somebody promotes at %s; a pause with a duration ends by itself",
			strings.Join(waiting, ", "))
	}
}

// checkCanarySurge tells when a release needs twice the pods.
func (s *subject) checkCanarySurge(c v1alpha1.CanaryStrategy) {
	if s.replicas < 2 || !s.sized {
		return
	}
	unbounded := c.TrafficRouting != nil && c.MaxSurge == nil && !c.DynamicStableScale
	if unbounded {
		s.say(ruleSurge, canaryPath, "a release ends with %d pods instead of %d, since the old ones stay until the new ones have all traffic: "+
			"bound it with maxSurge, or let the old ones go with dynamicStableScale", 2*s.replicas, s.replicas)
		return
	}
	if surge, ok := surgeOf(c.MaxSurge, s.replicas); ok && surge >= s.replicas {
		s.say(ruleSurge, canaryPath+".maxSurge", "%s lets a release have %d pods instead of %d", c.MaxSurge, s.replicas+surge, s.replicas)
	}
}

// surgeOf is maxSurge in pods, rounded up.
func surgeOf(value *intstr.IntOrString, replicas int32) (int32, bool) {
	if value == nil {
		return 0, false
	}
	pods, err := intstr.GetScaledValueFromIntOrPercent(value, int(replicas), true)
	return int32(pods), err == nil
}

// checkFineWeights tells of the first weight that whole pods cannot carry.
func (s *subject) checkFineWeights(c v1alpha1.CanaryStrategy) {
	if c.TrafficRouting != nil || !s.sized || s.replicas == 0 {
		return
	}
	least := fullWeight / (s.replicas + 1) // with a pod on top
	for i, step := range c.Steps {
		if step.SetWeight == nil || *step.SetWeight <= 0 || *step.SetWeight >= least {
			continue
		}
		s.say(ruleFine, fmt.Sprintf("%s.steps[%d].setWeight", canaryPath, i), "%d %% of %d pods is less than one: without trafficRouting the "+
			"canary has a whole pod, and with it about %d %%", *step.SetWeight, s.replicas, least)
		return
	}
}

func (s *subject) checkBlueGreen(b v1alpha1.BlueGreenStrategy) {
	const path = "spec.strategy.blueGreen"
	if !or(b.AutoPromotionEnabled, true) {
		s.say(rulePerson, path+".autoPromotionEnabled", "every release waits until somebody promotes; autoPromotionSeconds has no effect")
	}
	if s.replicas < 2 || !s.sized {
		return
	}
	hint := "previewReplicaCount keeps the new ones few until the switch"
	if b.PreviewReplicaCount != nil {
		hint = "from shortly before the switch until scaleDownDelaySeconds after it"
	}
	s.say(ruleSurge, path, "a release has %d pods instead of %d: %s", 2*s.replicas, s.replicas, hint)
}
