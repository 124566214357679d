package model

import (
	"fmt"
	"slices"
	"strings"

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
	routed  = Strategy{Name: "routed", Surge: plan.Unbounded, Steps: []plan.Step{half, analysis}}
	gated   = Strategy{Name: "gated", Surge: plan.Unbounded, Steps: []plan.Step{half, pause}}
	stepped = Strategy{Name: "stepped", Surge: plan.Unbounded, Steps: []plan.Step{single, shortly, half, pause}}
	dynamic = Strategy{Name: "dynamic", Surge: plan.Unbounded, DynamicStable: true, Steps: []plan.Step{half, pause}}
	bounded = Strategy{Name: "bounded", Surge: 1, Steps: []plan.Step{half, pause}}
	roomy   = Strategy{Name: "roomy", Surge: plan.Unbounded, Unavailable: 1, Steps: []plan.Step{half, pause}}
	watched = Strategy{Name: "watched", Surge: plan.Unbounded, Steps: []plan.Step{half, pause}, Background: plan.Background{Key: "background", Start: 1}}
	floored = Strategy{
		Name: "floored", Surge: plan.Unbounded, MinPods: 2, Threshold: plan.Threshold{Percent: 50}, Steps: []plan.Step{half, shortly},
	}
	narrow    = Strategy{Name: "narrow", Surge: 1, DynamicStable: true, Steps: []plan.Step{half, pause}}
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

// strategies are all of them.
func strategies() []Strategy {
	return []Strategy{
		routed, gated, stepped, dynamic, bounded, watched, floored, narrow, replicas, lean, blueGreen, activeOnly, routedBlueGreen,
	}
}

// changes are the strategies that another is changed to in mid-release.
func changes() [][]Strategy {
	return [][]Strategy{
		{gated, replicas},
		{gated, blueGreen},
		{replicas, gated},
		{replicas, blueGreen},
		{lean, activeOnly},
		{blueGreen, gated},
		{blueGreen, replicas},
		{gated, stepped},
		{gated, bounded},
		{routedBlueGreen, blueGreen},
	}
}

// release is a Rollout at rest with revision A whose spec wants B.
func release(pods int32, moves int8, strategies ...Strategy) Scope {
	names := make([]string, len(strategies))
	for i, s := range strategies {
		names[i] = s.Name
	}
	sizes := []int32{0, 1, 2}
	if pods > 2 {
		sizes = append(sizes, pods)
	}
	return Scope{
		Name:     fmt.Sprintf("%s, pods: %d, moves: %d", strings.Join(names, " to "), pods, moves),
		Replicas: pods, Strategies: strategies, Revisions: []string{"A", "B", "C"}, Wanted: "B",
		Moves: moves, Kinds: EveryKind, Settle: 1, Sizes: sizes,
	}
}

func lagging(s Scope) Scope {
	s.LagCaches, s.Name = true, s.Name+", caches lag"
	return s
}

// settling has two ticks to settle, so that one wait can begin while another goes on.
func settling(s Scope) Scope {
	s.Settle, s.Name = 2, s.Name+", settle: 2"
	return s
}

func created(s Scope) Scope {
	s.Created, s.Wanted, s.Name = true, "A", s.Name+", created"
	return s
}

// timed has every delay and the deadline.
func timed(s Scope) Scope {
	s.ScaleDownDelay, s.AbortDelay, s.Deadline, s.DeadlineAbort, s.Name = 2, 2, 3, true, s.Name+", delays"
	return s
}

// windowed goes back inside of the rollback window.
func windowed(s Scope) Scope {
	s.RollbackWindow, s.ScaleDownDelay, s.Name = 2, 1, s.Name+", window: 2"
	return s
}

// beside has a Deployment (workloadRef) whose pods go in favour of the Rollout's.
func beside(s Scope, policy plan.WorkloadPolicy, name string) Scope {
	s.Workload, s.Name = policy, s.Name+", workload goes "+name
	return s
}

// Quick are small scopes, for the quick loop and for mutants: every strategy without an adversary, in every size, and a
// single move of the adversary in a small world.
func Quick() (scopes []Scope) {
	for _, s := range strategies() {
		for _, n := range []int32{0, 1, 2, 4} {
			scopes = append(scopes, release(n, 0, s))
		}
		scopes = append(scopes, lagging(release(1, 0, s)), settling(release(1, 0, s)), created(release(1, 1, s)))
	}
	for _, s := range []Strategy{gated, bounded, dynamic, replicas, blueGreen, activeOnly} {
		scopes = append(scopes, release(1, 1, s))
	}
	for _, pair := range changes() {
		scope := release(1, 1, pair...)
		scope.Kinds = ChangeStrategy | CrashController | FailWrite | DeleteRollout
		scopes = append(scopes, scope)
	}
	restarts := release(2, 1, roomy)
	restarts.Kinds = AskRestart | FailPods
	scopes = append(scopes, restarts)
	for _, s := range []Strategy{gated, replicas} {
		scopes = append(scopes,
			beside(created(release(2, 1, s)), plan.WorkloadGoesOnSuccess, "on success"),
			beside(created(release(2, 1, s)), plan.WorkloadGoesProgressively, "progressively"))
	}
	return scopes
}

// Scopes are what CI explores: every move of the adversary in every strategy, and every pair of them in the smallest
// world of each mover.
func Scopes() []Scope {
	scopes := Quick()
	for _, s := range strategies() {
		scopes = append(scopes, release(1, 1, s), release(2, 1, s), timed(release(1, 1, s)))
	}
	// With a single pod of which one may be missing, a restart at rest may take it.
	scopes = append(scopes, release(2, 1, roomy))
	for _, s := range []Strategy{gated, bounded, dynamic, replicas, lean, blueGreen, activeOnly} {
		scopes = append(scopes, lagging(release(1, 1, s)), settling(release(1, 1, s)), windowed(release(1, 1, s)))
	}
	for _, s := range []Strategy{bounded, replicas, blueGreen} {
		scopes = append(scopes, release(1, 2, s))
	}
	for _, pair := range changes() {
		scopes = append(scopes, release(1, 1, pair...))
	}
	return unique(scopes)
}

// Deep are what a long run explores on top: every pair in every strategy, and every triple in the smallest worlds.
func Deep() []Scope {
	scopes := Scopes()
	for _, s := range strategies() {
		scopes = append(scopes, release(1, 2, s), release(2, 2, s), lagging(release(1, 2, s)), timed(release(1, 2, s)),
			settling(release(1, 2, s)), windowed(release(1, 2, s)), created(release(1, 2, s)), release(4, 1, s))
	}
	for _, pair := range changes() {
		scopes = append(scopes, release(1, 2, pair...), release(2, 1, pair...))
	}
	for _, s := range []Strategy{bounded, replicas, blueGreen, activeOnly, gated} {
		scopes = append(scopes, release(1, 3, s))
	}
	return unique(scopes)
}

func unique(scopes []Scope) (out []Scope) {
	for _, s := range scopes {
		if !slices.ContainsFunc(out, func(o Scope) bool { return o.Name == s.Name && o.Kinds == s.Kinds }) {
			out = append(out, s)
		}
	}
	return out
}

// Named finds a scope by its name.
func Named(name string) (Scope, bool) {
	for _, s := range Deep() {
		if s.Name == name {
			s.Kinds = EveryKind
			return s, true
		}
	}
	return Scope{}, false
}
