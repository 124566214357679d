package v1alpha1

import "strconv"

// StableService is the Service of the stable revision, the active one of a blue-green strategy; empty where none is named.
func (s *RolloutStrategy) StableService() string {
	switch {
	case s.Canary != nil:
		return s.Canary.StableService
	case s.BlueGreen != nil:
		return s.BlueGreen.ActiveService
	}
	return ""
}

// CanaryService is the Service of the new revision, the preview one of a blue-green strategy; empty where none is named.
func (s *RolloutStrategy) CanaryService() string {
	switch {
	case s.Canary != nil:
		return s.Canary.CanaryService
	case s.BlueGreen != nil:
		return s.BlueGreen.PreviewService
	}
	return ""
}

// Routing is what moves the traffic; nil where the strategy does without.
func (s *RolloutStrategy) Routing() *TrafficRouting {
	switch {
	case s.Canary != nil:
		return s.Canary.TrafficRouting
	case s.BlueGreen != nil:
		return s.BlueGreen.TrafficRouting
	}
	return nil
}

// HTTPRoutes are the names of the routes whose weights are moved.
func (s *RolloutStrategy) HTTPRoutes() []string {
	routing := s.Routing()
	if routing == nil || routing.GatewayAPI == nil {
		return nil
	}
	names := make([]string, len(routing.GatewayAPI.HTTPRoutes))
	for i, route := range routing.GatewayAPI.HTTPRoutes {
		names[i] = route.Name
	}
	return names
}

// Analyses are all analyses that a release may run, with the paths of their fields below spec.strategy.
func (s *RolloutStrategy) Analyses() []StrategyAnalysis {
	var out []StrategyAnalysis
	add := func(path string, a *RolloutAnalysis) {
		if a != nil {
			out = append(out, StrategyAnalysis{Path: path, Analysis: *a})
		}
	}
	if c := s.Canary; c != nil {
		if c.Analysis != nil {
			add("canary.analysis", &c.Analysis.RolloutAnalysis)
		}
		for i, step := range c.Steps {
			add("canary.steps["+strconv.Itoa(i)+"].analysis", step.Analysis)
		}
	}
	if b := s.BlueGreen; b != nil {
		add("blueGreen.prePromotionAnalysis", b.PrePromotionAnalysis)
		add("blueGreen.postPromotionAnalysis", b.PostPromotionAnalysis)
	}
	return out
}

// StrategyAnalysis is an analysis and where it stands.
type StrategyAnalysis struct {
	// Path of the field below spec.strategy.
	Path string
	// Analysis that the field holds.
	Analysis RolloutAnalysis
}
