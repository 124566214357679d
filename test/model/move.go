package model

import (
	"fmt"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// move is one thing that may happen.
type move struct {
	do       doing
	revision string
	n        int32
	// fair says that it happens sooner or later by itself; the others are the adversary's.
	fair bool
	// verb of a request.
	verb plan.Verb
	full bool
	skip bool
	// plan is what the controller decides, where it does.
	plan *plan.Plan
	// action is what it carries out.
	action plan.Action
}

type doing uint8

// What may happen, in the order in which a fair world lets it.
const (
	catchUp doing = iota
	podsFollow
	podReady
	podsWork
	endpointsFollow
	dataEndpoints
	gatewayMended
	acknowledge
	dataWeight
	verdict
	decide
	carryOut
	dropStale
	finalize
	passTick
	crash
	failWrite
	loseStatus
	changeTemplate
	changeStrategy
	changeReplicas
	changePaused
	breakSpec
	askRestart
	ask
	podUnready
	podsCrash
	rewriteRoute
	refuseRoute
	deleteRollout
	clockBack
	hourPasses
)

var informerNames = [4]string{"ReplicaSets", "Services", "route", "runs"}

var runNames = [2]string{"analysis", "background analysis"}

var verdictNames = map[plan.RunPhase]string{
	plan.RunSuccessful: "succeeds", plan.RunFailed: "fails", plan.RunInconclusive: "is inconclusive",
}

// simple are the names of what needs nothing else said.
var simple = map[doing]string{
	endpointsFollow: "endpoints follow",
	dataEndpoints:   "data plane sees endpoints",
	gatewayMended:   "gateway is mended",
	acknowledge:     "gateway acknowledges",
	dataWeight:      "data plane follows",
	decide:          "controller plans",
	dropStale:       "controller drops a stale plan",
	finalize:        "controller gives back what it drives",
	passTick:        "a tick passes",
	crash:           "controller crashes",
	failWrite:       "a write fails",
	loseStatus:      "status is lost",
	askRestart:      "somebody asks for a restart",
	refuseRoute:     "gateway refuses the route",
	deleteRollout:   "Rollout is deleted",
	clockBack:       "clock is set back",
	hourPasses:      "an hour passes",
}

// about are the names of what is about a revision.
var about = map[doing]string{
	podsFollow:     "pods of %s follow",
	podReady:       "a pod of %s is ready",
	podsWork:       "pods of %s work again",
	podUnready:     "a pod of %s is no longer ready",
	podsCrash:      "pods of %s crash",
	changeTemplate: "spec wants %s",
}

// name says what happens. It tells a move from every other that is possible in the same world.
func (w *World) name(m *move) string {
	if format := about[m.do]; format != "" {
		return fmt.Sprintf(format, m.revision)
	}
	switch m.do {
	case catchUp:
		return "informer of " + informerNames[m.n] + " catches up"
	case verdict:
		return runNames[m.n>>8] + " " + verdictNames[plan.RunPhase(m.n&0xff)]
	case carryOut:
		return "controller: " + actionName(m.action)
	case changeStrategy:
		return "spec has strategy " + w.scope.Strategies[m.n].Name
	case changeReplicas:
		return fmt.Sprintf("spec wants %d replicas", m.n)
	case changePaused:
		return [2]string{"spec is no longer paused", "spec is paused"}[m.n]
	case breakSpec:
		return [2]string{"spec is mended", "spec names something that is missing"}[m.n]
	case rewriteRoute:
		return fmt.Sprintf("something else sets weight %d", m.n)
	case ask:
		return "somebody asks to " + m.request()
	default:
		return simple[m.do]
	}
}

func (m *move) request() string {
	switch {
	case m.skip:
		return "promote in full, without analysis"
	case m.full:
		return "promote in full"
	case m.verb == plan.VerbJump:
		return fmt.Sprintf("jump to step %d", m.n+1)
	}
	return string(m.verb)
}

// actionName leaves out the name of a run, which has a time in it.
func actionName(a plan.Action) string {
	switch a := a.(type) {
	case plan.StartRun:
		if a.Step < 0 {
			return "start the background analysis"
		}
		return fmt.Sprintf("start the analysis of step %d", a.Step+1)
	case plan.StopRun:
		return "stop an analysis"
	}
	return a.String()
}
