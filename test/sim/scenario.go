package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/test/model"
)

// most is the size of the largest Rollout.
const most = 50

// moves is how many things the adversary does in a life.
const moves = 60

// scenario is a random Rollout with the strategies that it may have, and what may happen to it.
func scenario(r *rand.Rand) *model.Scope {
	scope := &model.Scope{
		Name: "random", Replicas: size(r), Revisions: []string{"A", "B", "C"}, Wanted: "A", Created: r.IntN(4) == 0,
		Moves: moves, Kinds: kinds(r), LagCaches: r.IntN(2) == 0,
		Settle: 1 + r.IntN(5), ScaleDownDelay: r.IntN(20), AbortDelay: r.IntN(20), NoSettle: false,
		RollbackWindow: r.Int64N(3), HistoryLimit: 1 + r.IntN(10), Workload: plan.WorkloadPolicy(r.IntN(3)),
	}
	if r.IntN(2) == 0 {
		scope.Deadline, scope.DeadlineAbort = 30+r.IntN(60), r.IntN(2) == 0
	}
	for range 3 {
		scope.Sizes = append(scope.Sizes, size(r))
	}
	unavailable := r.Int32N(min(4, allMissing(scope)))
	for i := range 1 + r.IntN(3) {
		s := strategy(r, unavailable)
		if scope.Workload != plan.WorkloadStays {
			// What a threshold lets be missing while a workload's own pods go is somebody's wish too.
			s.Threshold = plan.Threshold{}
		}
		s.Name = fmt.Sprint(i+1, " ", s.Name)
		scope.Strategies = append(scope.Strategies, s)
	}
	return scope
}

// size of a Rollout: small ones are as likely as large ones.
func size(r *rand.Rand) int32 {
	if r.IntN(20) == 0 {
		return 0
	}
	return 1 + r.Int32N([]int32{3, 10, most}[r.IntN(3)])
}

// kinds of what may happen: each is left out sometimes, so that it does not hide what the others do.
func kinds(r *rand.Rand) model.Kinds {
	out := model.EveryKind
	for kind := model.Kinds(1); kind < model.EveryKind; kind <<= 1 {
		if kind != model.ChangeTemplate && r.IntN(4) == 0 {
			out &^= kind
		}
	}
	if r.IntN(5) != 0 {
		out &^= model.DeleteRollout
	}
	return out
}

// allMissing is how many missing pods would leave nothing at one of the sizes: who allows that gets it.
func allMissing(scope *model.Scope) int32 {
	least := int32(most)
	for _, n := range append(scope.Sizes, scope.Replicas) {
		if n > 0 {
			least = min(least, n)
		}
	}
	return least
}

// strategy is a random one. How many pods may be missing is the same for all of a Rollout: what is lost while that changes
// is somebody's wish.
func strategy(r *rand.Rand, unavailable int32) model.Strategy {
	if r.IntN(3) == 0 {
		s := blueGreen(r)
		s.Unavailable = unavailable
		return s
	}
	s := model.Strategy{Name: "canary", Surge: plan.Unbounded, Unavailable: unavailable, Steps: steps(r), Threshold: threshold(r)}
	if s.Mover = plan.Mover(r.IntN(2)); s.Mover == plan.ByReplicas {
		s.Name, s.Nameless = "canary without routes", r.IntN(2) == 0
	}
	if s.Mover == plan.ByReplicas || r.IntN(2) == 0 {
		if s.Surge = r.Int32N(5); s.Surge == 0 && s.Unavailable == 0 {
			s.Surge = 1
		}
	} else if r.IntN(2) == 0 {
		s.DynamicStable, s.MinPods = true, r.Int32N(4)
	}
	if r.IntN(3) == 0 {
		s.Background = plan.Background{Key: "background", Start: r.Int32N(3)}
	}
	return s
}

func blueGreen(r *rand.Rand) model.Strategy {
	s := model.Strategy{Name: "blue-green", Mover: plan.BySelector, BlueGreen: true, Surge: plan.Unbounded, Threshold: threshold(r)}
	if r.IntN(2) == 0 {
		s.Name, s.Mover = "blue-green by routes", plan.ByRoutes
	} else {
		s.NoPreview = r.IntN(3) == 0
	}
	preview := plan.Step{Kind: plan.StepScale, Pods: plan.Unbounded, Weight: 100, Key: "preview"}
	if r.IntN(2) == 0 {
		preview = plan.Step{Kind: plan.StepScale, Pods: 1 + r.Int32N(3), Key: "small preview"}
	}
	s.Steps = append(s.Steps, preview)
	if r.IntN(2) == 0 {
		s.Steps = append(s.Steps, plan.Step{Kind: plan.StepAnalysis, Key: "before"})
	}
	if r.IntN(2) == 0 {
		s.Steps = append(s.Steps, pause(r))
	}
	s.Steps = append(s.Steps, plan.Step{Kind: plan.StepSetWeight, Weight: 100, Key: "switch"})
	if r.IntN(2) == 0 {
		s.Steps = append(s.Steps, plan.Step{Kind: plan.StepAnalysis, Key: "after"})
	}
	return s
}

// steps of a canary: weights mostly rise.
func steps(r *rand.Rand) (steps []plan.Step) {
	weight := int32(0)
	for range r.IntN(8) {
		switch r.IntN(6) {
		case 0, 1:
			if weight = min(100, weight+1+r.Int32N(40)); r.IntN(8) == 0 {
				weight = r.Int32N(101)
			}
			steps = append(steps, plan.Step{Kind: plan.StepSetWeight, Weight: weight, Key: fmt.Sprint("weight ", weight)})
		case 2, 3:
			steps = append(steps, pause(r))
		case 4:
			steps = append(steps, plan.Step{Kind: plan.StepAnalysis, Key: "analysis"})
		default:
			steps = append(steps, scale(r))
		}
	}
	return steps
}

func pause(r *rand.Rand) plan.Step {
	if r.IntN(3) == 0 {
		return plan.Step{Kind: plan.StepPause, Indefinite: true, Key: "pause"}
	}
	d := time.Duration(1+r.IntN(30)) * time.Second
	return plan.Step{Kind: plan.StepPause, Duration: d, Key: "pause " + d.String()}
}

func scale(r *rand.Rand) plan.Step {
	switch n := 1 + r.Int32N(20); r.IntN(3) {
	case 0:
		return plan.Step{Kind: plan.StepScale, Pods: n, Key: fmt.Sprint("scale ", n)}
	case 1:
		return plan.Step{Kind: plan.StepScale, Pods: plan.Unbounded, Weight: 5 * n, Key: fmt.Sprint("scale percent ", 5*n)}
	}
	return plan.Step{Kind: plan.StepScale, Match: true, Key: "scale to match"}
}

func threshold(r *rand.Rand) plan.Threshold {
	switch r.IntN(6) {
	case 0:
		return plan.Threshold{Percent: 50 + r.Int32N(51)}
	case 1:
		return plan.Threshold{Pods: 1 + r.Int32N(10)}
	}
	return plan.Threshold{}
}
