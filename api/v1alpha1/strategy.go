package v1alpha1

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

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

// CanaryService is the Service of the new revision, the preview one of a blue-green strategy. Where none is named it is
// the one that the Rollout makes (see OwnsCanaryService), and empty where none is needed.
func (s *RolloutStrategy) CanaryService() string {
	if named := s.namedCanaryService(); named != "" || !s.MovesRoutes() {
		return named
	}
	return ownService(s.StableService())
}

// OwnsCanaryService says that CanaryService is made by the Rollout, for each release anew.
func (s *RolloutStrategy) OwnsCanaryService() bool {
	return s.namedCanaryService() == "" && s.MovesRoutes() && s.StableService() != ""
}

func (s *RolloutStrategy) namedCanaryService() string {
	switch {
	case s.Canary != nil:
		return s.Canary.CanaryService
	case s.BlueGreen != nil:
		return s.BlueGreen.PreviewService
	}
	return ""
}

// ownService is the name of the Service that is made beside a stable one: its name with -canary at the end, shortened by
// a hash where it would be longer than a name may be.
func ownService(stable string) string {
	const suffix, longest = "-canary", 63
	switch {
	case stable == "":
		return ""
	case len(stable)+len(suffix) <= longest:
		return stable + suffix
	}
	sum := sha256.Sum256([]byte(stable))
	hash := hex.EncodeToString(sum[:4])
	return stable[:longest-len(suffix)-1-len(hash)] + "-" + hash + suffix
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

// StrategyRoute is a route that a strategy names.
type StrategyRoute struct {
	// Kind of the route, such as HTTPRoute.
	Kind string
	// Path of its field below trafficRouting.gatewayAPI, such as httpRoutes[0].
	Path string
	RouteRef
}

// StrategyRouteSelector finds routes for a strategy.
type StrategyRouteSelector struct {
	// Kind of the routes, such as HTTPRoute.
	Kind string
	// Path of its field below trafficRouting.gatewayAPI, such as httpRouteSelector.
	Path string
	RouteSelector
}

// routesOfKind are the fields of a GatewayAPIRouting about one kind of routes.
type routesOfKind struct {
	kind, field string
	refs        []RouteRef
	selector    *RouteSelector
}

func (s *RolloutStrategy) routeKinds() []routesOfKind {
	routing := s.Routing()
	if routing == nil || routing.GatewayAPI == nil {
		return nil
	}
	g := routing.GatewayAPI
	return []routesOfKind{
		{"HTTPRoute", "httpRoute", g.HTTPRoutes, g.HTTPRouteSelector},
		{"GRPCRoute", "grpcRoute", g.GRPCRoutes, g.GRPCRouteSelector},
		{"TCPRoute", "tcpRoute", g.TCPRoutes, g.TCPRouteSelector},
		{"TLSRoute", "tlsRoute", g.TLSRoutes, g.TLSRouteSelector},
	}
}

// Routes are the routes that the strategy names, in the order of the fields.
func (s *RolloutStrategy) Routes() []StrategyRoute {
	var routes []StrategyRoute
	for _, of := range s.routeKinds() {
		for i, ref := range of.refs {
			routes = append(routes, StrategyRoute{Kind: of.kind, Path: of.field + "s[" + strconv.Itoa(i) + "]", RouteRef: ref})
		}
	}
	return routes
}

// RouteSelectors are the selectors by which the strategy finds further routes.
func (s *RolloutStrategy) RouteSelectors() []StrategyRouteSelector {
	var selectors []StrategyRouteSelector
	for _, of := range s.routeKinds() {
		if of.selector != nil {
			selectors = append(selectors, StrategyRouteSelector{Kind: of.kind, Path: of.field + "Selector", RouteSelector: *of.selector})
		}
	}
	return selectors
}

// MovesRoutes says whether weights of routes carry the traffic.
func (s *RolloutStrategy) MovesRoutes() bool { return len(s.Routes())+len(s.RouteSelectors()) > 0 }

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
