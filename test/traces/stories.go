package traces

import (
	"fmt"
	"slices"
	"time"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/test/model"
)

func weight(percent int32) plan.Step {
	return plan.Step{Kind: plan.StepSetWeight, Weight: percent, Key: fmt.Sprint("weight ", percent)}
}

func pauseFor(d time.Duration) plan.Step {
	return plan.Step{Kind: plan.StepPause, Duration: d, Key: "pause " + d.String()}
}

var (
	analysis = plan.Step{Kind: plan.StepAnalysis, Key: "analysis"}
	pause    = plan.Step{Kind: plan.StepPause, Indefinite: true, Key: "pause"}
	preview  = plan.Step{Kind: plan.StepScale, Pods: plan.Unbounded, Weight: 100, Key: "preview"}
)

// routed is a canary behind a route.
func routed(steps ...plan.Step) model.Strategy {
	return model.Strategy{Name: "canary with a route", Surge: plan.Unbounded, Steps: steps}
}

// unrouted is a canary without one.
func unrouted(surge, unavailable int32, steps ...plan.Step) model.Strategy {
	return model.Strategy{
		Name: "canary without a route", Mover: plan.ByReplicas, Nameless: true, Surge: surge, Unavailable: unavailable, Steps: steps,
	}
}

// blueGreen switches the selector of the active Service.
func blueGreen(steps ...plan.Step) model.Strategy {
	return model.Strategy{Name: "blue-green", Mover: plan.BySelector, BlueGreen: true, Surge: plan.Unbounded, Steps: steps}
}

func scope(replicas int32, strategies ...model.Strategy) model.Scope {
	return model.Scope{
		Replicas: replicas, Sizes: []int32{0, 1, 2, 4}, Strategies: strategies, Revisions: []string{"A", "B", "C"},
		Moves: 20, Kinds: model.EveryKind &^ model.MoveClock, ScaleDownDelay: 3,
	}
}

// Stories are the releases that are told.
func Stories() []Story {
	return slices.Concat(told(), sized(), unsteered(), switched(), seldom())
}

// told are the stories of a canary behind a route.
func told() []Story {
	gated := scope(2, routed(weight(20), analysis, weight(50)))
	stopped := scope(2, routed(weight(50), pause))
	return []Story{
		{
			Name: "promoted", Scope: gated,
			Tale: "The template is changed to B, and all goes well.",
			Do:   []string{"spec wants B"},
		},
		{
			Name: "analysis-failed", Scope: gated,
			Tale: "The analysis of step 2 fails: B is rejected, and A serves all again.",
			Do:   []string{"spec wants B", "analysis fails"},
		},
		{
			Name: "inconclusive-then-promoted", Scope: gated,
			Tale: "The analysis of step 2 cannot tell; somebody looks at it, and promotes.",
			Do:   []string{"spec wants B", "analysis is inconclusive", "until inconclusive", "somebody asks to promote"},
		},
		{
			Name: "superseded", Scope: gated,
			Tale: "At weight 20 the template is changed again: B is withdrawn, and C begins at the first step.",
			Do:   []string{"spec wants B", "controller: set weight 20", "spec wants C"},
		},
		{
			Name: "taken-back", Scope: gated,
			Tale: "At weight 50 the template is changed back to A: that is an immediate and safe end of the release of B.",
			Do:   []string{"spec wants B", "controller: set weight 50", "spec wants A"},
		},
		{
			Name: "pods-crash", Scope: gated,
			Tale: "At weight 20 the pods of B crash: the weight goes back, and B is rejected.",
			Do:   []string{"spec wants B", "controller: set weight 20", "pods of B crash"},
		},
		{
			Name: "promoted-by-hand", Scope: stopped,
			Tale: "The release pauses at weight 50 until somebody promotes.",
			Do:   []string{"spec wants B", "until paused at step 2/2", "somebody asks to promote"},
		},
		{
			Name: "aborted-and-retried", Scope: stopped,
			Tale: "Somebody aborts at weight 50, thinks again, and retries.",
			Do:   []string{"spec wants B", "until paused at step 2/2", "somebody asks to abort", "until revision A serves", "somebody asks to retry"},
		},
		{
			Name: "paused-and-resumed", Scope: scope(2, routed(weight(20), pauseFor(2*time.Second), weight(50))),
			Tale: "Somebody holds the release at weight 20 for a while.",
			Do:   []string{"spec wants B", "controller: set weight 20", "somebody asks to pause", "for 10 seconds", "somebody asks to resume"},
		},
		{
			Name: "held-by-the-spec", Scope: stopped,
			Tale: "spec.paused holds a release before it begins; it begins when that is taken back.",
			Do:   []string{"spec is paused", "spec wants B", "for 5 seconds", "spec is no longer paused"},
		},
		{
			Name: "jumped-back", Scope: scope(2, routed(weight(20), weight(50), pause)),
			Tale: "At the pause somebody jumps back to the first step.",
			Do:   []string{"spec wants B", "until paused at step 3/3", "somebody asks to jump to step 1"},
		},
		{
			Name: "promoted-in-full-against-a-failing-analysis", Scope: scope(2, routed(weight(20), pause, analysis)),
			Tale: "Somebody promotes in full at the pause; that skips no analysis, and it fails.",
			Do:   []string{"spec wants B", "until paused at step 2/3", "somebody asks to promote in full", "analysis fails"},
		},
		{
			Name: "promoted-in-full-without-analysis", Scope: scope(2, routed(weight(20), pause, analysis)),
			Tale: "Somebody promotes in full at the pause, and asks for the analysis to be skipped too.",
			Do:   []string{"spec wants B", "until paused at step 2/3", "somebody asks to promote in full, without analysis"},
		},
		{
			Name: "status-lost", Scope: gated,
			Tale: "At weight 50 the status is lost, as after a restore from a backup: the marks on the ReplicaSets tell what is stable.",
			Do:   []string{"spec wants B", "controller: set weight 50", "status is lost"},
		},
	}
}
