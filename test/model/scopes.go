package model

import (
	"fmt"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// The steps of the scopes.
var (
	half     = plan.Step{Kind: plan.StepSetWeight, Weight: 50, Key: "50"}
	all      = plan.Step{Kind: plan.StepSetWeight, Weight: 100, Key: "100"}
	analysis = plan.Step{Kind: plan.StepAnalysis, Key: "analysis"}
	pause    = plan.Step{Kind: plan.StepPause, Indefinite: true, Key: "pause"}
	shortly  = plan.Step{Kind: plan.StepPause, Duration: tick, Key: "pause 1s"}
	preview  = plan.Step{Kind: plan.StepScale, Pods: plan.Unbounded, Weight: 100, Key: "preview"}
	single   = plan.Step{Kind: plan.StepScale, Pods: 1, Key: "scale 1"}
)

// The strategies of the scopes.
var (
	routed    = Strategy{Name: "routed", Surge: plan.Unbounded, Steps: []plan.Step{half, analysis}}
	gated     = Strategy{Name: "gated", Surge: plan.Unbounded, Steps: []plan.Step{half, pause}}
	stepped   = Strategy{Name: "stepped", Surge: plan.Unbounded, Steps: []plan.Step{single, shortly, half, pause}}
	dynamic   = Strategy{Name: "dynamic", Surge: plan.Unbounded, DynamicStable: true, Steps: []plan.Step{half, pause}}
	bounded   = Strategy{Name: "bounded", Surge: 1, Steps: []plan.Step{half, pause}}
	watched   = Strategy{Name: "watched", Surge: plan.Unbounded, Steps: []plan.Step{half, pause}, Background: plan.Background{Key: "background"}}
	replicas  = Strategy{Name: "replicas", Mover: plan.ByReplicas, Nameless: true, Surge: 1, Steps: []plan.Step{half, pause}}
	lean      = Strategy{Name: "lean", Mover: plan.ByReplicas, Surge: 0, Unavailable: 1, Steps: []plan.Step{half, analysis}}
	blueGreen = Strategy{
		Name: "blue-green", Mover: plan.BySelector, BlueGreen: true, Surge: plan.Unbounded,
		Steps: []plan.Step{preview, pause, all, analysis},
	}
	activeOnly = Strategy{
		Name: "active only", Mover: plan.BySelector, BlueGreen: true, NoPreview: true, Surge: plan.Unbounded,
		Steps: []plan.Step{preview, all},
	}
	routedBlueGreen = Strategy{
		Name: "routed blue-green", BlueGreen: true, Surge: plan.Unbounded,
		Steps: []plan.Step{preview, analysis, all, analysis},
	}
)

// Scopes are what the model explores: within each, every order in which the world can treat the engine, with as many
// moves of the adversary, of the kinds that it has, at every point.
func Scopes() []Scope {
	revisions := []string{"A", "B", "C"}
	release := func(name string, replicas int32, moves int8, kinds Kinds, strategies ...Strategy) Scope {
		return Scope{
			Name: name, Replicas: replicas, Strategies: strategies, Revisions: revisions, Wanted: "B",
			Moves: moves, Kinds: kinds, Settle: 1, Sizes: []int32{0, 1, 2},
		}
	}
	lagging := func(s Scope) Scope { s.LagCaches = true; s.Name += ", lagging caches"; return s }
	settling := func(s Scope) Scope { s.Settle, s.Name = 2, s.Name+", two ticks to settle"; return s }
	created := func(s Scope) Scope { s.Created, s.Wanted = true, "A"; return s }
	var scopes []Scope
	for _, s := range []Strategy{routed, gated, stepped, dynamic, bounded, watched, replicas, lean, blueGreen, activeOnly, routedBlueGreen} {
		for _, n := range []int32{1, 2, 4} {
			scopes = append(scopes, release(fmt.Sprintf("%s, %d pods", s.Name, n), n, 0, 0, s))
		}
		scopes = append(scopes,
			release(s.Name+", every move", 1, 2, EveryKind, s),
			release(s.Name+", two pods, every move", 2, 2, EveryKind, s),
			lagging(release(s.Name+", every move", 1, 2, EveryKind, s)),
			lagging(release(s.Name, 1, 0, 0, s)),
			settling(release(s.Name, 1, 0, 0, s)),
			created(release(s.Name+", created", 1, 0, 0, s)),
			created(release(s.Name+", created, every move", 1, 2, EveryKind, s)))
	}
	for _, pair := range [][2]Strategy{
		{gated, replicas}, {gated, blueGreen}, {replicas, gated}, {replicas, blueGreen}, {lean, activeOnly}, {blueGreen, gated},
		{blueGreen, replicas}, {gated, stepped}, {gated, bounded}, {routedBlueGreen, blueGreen},
	} {
		scopes = append(scopes, release(pair[0].Name+" to "+pair[1].Name, 1, 2, EveryKind, pair[0], pair[1]))
	}
	return scopes
}
