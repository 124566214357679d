package model

import (
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// Harm says how a transition loses requests through what the controller did; empty when it does not.
func Harm(before World, after World) string {
	for _, rs := range before.Live.RS {
		now := after.Live.rs(rs.Revision)
		if (now == nil || now.Pods == 0) && rs.Avail > 0 && before.Gateway.reaches(rs.Revision) {
			return fmt.Sprintf("the last pod of %s goes while the data plane sends it requests", rs.Revision)
		}
	}
	// A pod that fails by itself may lose requests whatever the controller does.
	if before.scope.Budget.Failures > 0 {
		return ""
	}
	for service, share := range after.Gateway.shares() {
		served := before.serves(service) || before.Gateway.shares()[service] == 0
		if share > 0 && served && !after.serves(service) {
			return fmt.Sprintf("the data plane sends %d%% to the %s Service, behind which it knows no ready pod", share, serviceNames[service])
		}
	}
	return ""
}

var serviceNames = [2]string{"stable", "canary"}

func (g gateway) shares() [2]int32 { return [2]int32{100 - g.Weight, g.Weight} }

func (g gateway) reaches(revision string) bool {
	for service, share := range g.shares() {
		if share > 0 && slices.Contains(g.Endpoints[service], revision) {
			return true
		}
	}
	return false
}

func (w World) serves(service int) bool {
	for _, revision := range w.Gateway.Endpoints[service] {
		if rs := w.Live.rs(revision); rs != nil && rs.Avail > 0 {
			return true
		}
	}
	return false
}

// BrokenInvariants says which invariants the plan that the controller would make now breaks, after any prefix.
func (w World) BrokenInvariants() []string {
	p := w.plan()
	after := w.clone()
	after.State = p.Status
	var broken []string
	for _, action := range p.Actions {
		for _, v := range plan.Violations(w.spec(), after.observe(after.Live), action) {
			broken = append(broken, action.String()+": "+v)
		}
		after.apply(action)
	}
	return broken
}

// StepWentBack says that a release moved back without a reason.
func StepWentBack(before, after World) bool {
	b, a := before.State, after.State
	return b.Candidate != "" && a.Candidate == b.Candidate && a.Step < b.Step
}

// Unsettled says what is wrong with a world in which nothing happens any more; empty when it is at rest as it should
// be, or waits for a person.
func (w World) Unsettled() string {
	p := w.plan()
	if len(p.Actions) > 0 {
		return "it still plans " + p.Actions[0].String()
	}
	if slices.ContainsFunc(w.Live.RS, func(rs replicaSet) bool { return rs.Crashing && rs.Desired > 0 && rs.Revision == w.State.Stable }) {
		return ""
	}
	switch p.Summary.Phase {
	case plan.Paused:
		return ""
	case plan.Healthy:
		if w.State.Stable != w.Wanted {
			return "it is Healthy with " + w.State.Stable
		}
	case plan.Degraded:
		if !slices.Contains(w.State.Rejected, w.Wanted) {
			return "it is Degraded: " + p.Summary.Message
		}
	case plan.Progressing:
		return "it is stuck: " + p.Summary.Message
	}
	return w.notAtRest()
}

func (w World) notAtRest() string {
	switch {
	case w.Live.Pins != [2]string{}:
		return "a Service is pinned"
	case !w.Live.Route.Rest || w.Live.Route.Weight != 0:
		return "the route is not as the user wrote it"
	case len(w.State.Originals) > 0:
		return "originals are kept"
	}
	for _, rs := range w.Live.RS {
		if rs.Revision != w.State.Stable && rs.Desired > 0 {
			return "revision " + rs.Revision + " keeps its pods"
		}
	}
	return ""
}
