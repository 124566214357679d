package model

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// check says what is wrong with what the controller is about to decide; empty when nothing is.
func (w *World) check(moves []move) string {
	for i := range moves {
		if moves[i].do != decide {
			continue
		}
		p := moves[i].plan
		if broken := w.brokenInvariants(p); len(broken) > 0 {
			return "invariant: " + strings.Join(broken, "; ")
		}
		return w.badDecision(p)
	}
	return ""
}

// brokenInvariants says which invariants a plan breaks, after any prefix.
func (w *World) brokenInvariants(p *plan.Plan) []string {
	if len(p.Actions) == 0 {
		return nil
	}
	after := *w
	after.State, after.Drives = &p.Status, w.drives(p)
	spec := after.spec()
	var broken []string
	for _, action := range p.Actions {
		for _, v := range plan.Violations(spec, after.observe(&after.Live), action) {
			broken = append(broken, action.String()+": "+v)
		}
		if v := after.misdirected(action); v != "" {
			broken = append(broken, action.String()+": "+v)
		}
		total := after.Live.Sets.total()
		after.apply(action)
		if v := after.crowded(&spec, total); v != "" {
			broken = append(broken, action.String()+": "+v)
		}
	}
	return broken
}

// misdirected says that an action is about something that there is not.
func (w *World) misdirected(action plan.Action) string {
	named := w.driven().named()
	switch a := action.(type) {
	case plan.PinService:
		if !named[serviceIndex(a.Service)] {
			return "there is no such Service"
		}
	case plan.UnpinService:
		if !named[serviceIndex(a.Service)] {
			return "there is no such Service"
		}
	case plan.SetWeight, plan.RestoreRoutes:
		if w.driven().Mover != plan.ByRoutes {
			return "there is no route"
		}
	case plan.ScaleReplicaSet:
		if rs := w.Live.Sets.find(a.Revision); rs == nil || rs.Desired != a.From || a.From == a.To || a.To < 0 {
			return "the ReplicaSet is not as the plan has it"
		}
	case plan.MarkReplicaSet:
		if w.Live.Sets.find(a.Revision) == nil {
			return "there is no such ReplicaSet"
		}
	}
	return ""
}

// total counts the pods that are there or are to be there.
func (s *sets) total() (n int32) {
	for _, rs := range s.list() {
		n += max(rs.Desired, rs.Pods)
	}
	return n
}

// crowded says that pods were added over the bound. Two revisions that both have traffic have two pods, and a restart
// that may miss none adds one.
func (w *World) crowded(spec *plan.Spec, before int32) string {
	total := w.Live.Sets.total()
	if total <= before || spec.Surge == plan.Unbounded || spec.Mover == plan.BySelector || w.State.Stable == "" {
		return ""
	}
	bound := spec.Replicas + spec.Surge
	if spec.Mover == plan.ByRoutes {
		bound = max(bound, min(2, 2*spec.Replicas))
	}
	if !w.RestartAt.Equal(w.State.RestartedAt) {
		bound = max(bound, spec.Replicas+1)
	}
	if total <= bound {
		return ""
	}
	return fmt.Sprintf("%d pods, of at most %d", total, bound)
}

// badDecision says what a plan must not decide, whatever it does.
func (w *World) badDecision(p *plan.Plan) string {
	before, after := w.State, &p.Status
	if c := after.Candidate; c != "" && slices.Contains(after.Rejected, c) {
		return fmt.Sprintf("revision %s is released though it is rejected", c)
	}
	promoted := after.Stable != before.Stable && before.Stable != ""
	if promoted && slices.Contains(after.Rejected, after.Stable) { // a retry may be answered by the plan that promotes
		return fmt.Sprintf("revision %s is promoted though it is rejected", after.Stable)
	}
	if promoted && !w.Zeroed {
		avail, need := w.Live.Sets.avail(after.Stable), enough(w.spec().Threshold, w.Replicas)
		if avail < need {
			return fmt.Sprintf("revision %s is promoted with %d of %d pods available", after.Stable, avail, need)
		}
	}
	if v := w.movesWhileHeld(p); v != "" {
		return v
	}
	if w.judgedBad(before) && (promoted || after.Candidate == before.Candidate && after.Step > before.Step) {
		return "the release goes on though its analysis has failed"
	}
	return ""
}

func enough(t plan.Threshold, need int32) int32 {
	switch {
	case t.Percent > 0 && need > 0:
		return (need*t.Percent + 99) / 100
	case t.Pods > 0:
		return min(need, t.Pods)
	}
	return need
}

// movesWhileHeld says that a plan moves a release forward while somebody holds it. What is committed is finished.
func (w *World) movesWhileHeld(p *plan.Plan) string {
	before, after := w.State, &p.Status
	if !w.held(after) || before.SwitchingFrom != "" || before.Stable == "" {
		return ""
	}
	switch {
	case after.Candidate == before.Candidate && after.Step > before.Step:
		return fmt.Sprintf("step %d -> %d while it is paused", before.Step+1, after.Step+1)
	case after.Candidate != "" && after.Traffic.Asked > before.Traffic.Asked:
		return fmt.Sprintf("weight %d -> %d while it is paused", before.Traffic.Asked, after.Traffic.Asked)
	case (w.Paused || w.Broken) && before.Candidate == "" && after.Candidate != "":
		return "a release begins while the spec holds it"
	case after.Stable != before.Stable:
		return "a promotion while it is paused"
	}
	return ""
}

// held says that nothing may move forward, and that nobody has just asked for it.
func (w *World) held(after *plan.State) bool {
	answered := after.Answered != w.State.Answered && after.Answer.Accepted
	return !answered && (w.Paused || w.Broken || w.State.Paused && after.Paused)
}

// judgedBad says that an analysis of the release is known to have failed, and that nobody has waived it.
func (w *World) judgedBad(s *plan.State) bool {
	if s.Candidate == "" || s.Mode == plan.ModeFullSkipAnalysis || s.Mode == plan.ModeRollbackWindow ||
		w.Request.ID != s.Answered {
		return false
	}
	for i, key := range [2]string{plan.RunKey(*s), backgroundKey(*s)} {
		if r := w.cached().Runs[i]; r.Key == key && r.Phase == plan.RunFailed {
			return true
		}
	}
	return false
}

// checkMove says what is wrong with a move; empty when nothing is. Idle says that it leads back to where it began.
func checkMove(before *World, m *move, after *World, idle bool) string {
	if harm := harm(before, m, after); harm != "" {
		return harm
	}
	switch m.do {
	case decide:
		if before.stepsBack(after) {
			return fmt.Sprintf("step %d -> %d of the same release for no reason", before.State.Step+1, after.State.Step+1)
		}
		if idle && len(m.plan.Actions) == 0 {
			return after.busy()
		}
	case clockBack:
		return before.hurried(after)
	default:
	}
	return ""
}

// stepsBack says that a release moved back without a change of its steps and without being asked to.
func (w *World) stepsBack(after *World) bool {
	b, a := w.State, after.State
	return b.Candidate != "" && a.Candidate == b.Candidate && a.Step < b.Step &&
		b.ReleaseStarted.Equal(a.ReleaseStarted) && w.Strategy == w.PlannedBy && a.Answered == b.Answered
}

// busy says that the controller, having written a status, would write another at once in a world that has not changed.
func (w *World) busy() string {
	if len(w.Pending) > 0 {
		return ""
	}
	p := w.decision()
	if reflect.DeepEqual(&p.Status, w.State) {
		return ""
	}
	return "the status is written over and over: " + difference(w.State, &p.Status)
}

// difference names the fields that are not alike.
func difference(a, b *plan.State) string {
	var names []string
	x, y := reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
	for i := range x.NumField() {
		if !reflect.DeepEqual(x.Field(i).Interface(), y.Field(i).Interface()) {
			names = append(names, x.Type().Field(i).Name)
		}
	}
	return strings.Join(names, ", ")
}

// hurried says that a clock that was set back moves a release forward.
func (w *World) hurried(after *World) string {
	waits := w.RestartAt.After(after.Now) != w.RestartAt.After(w.Now)
	if waits || w.Gone || w.Deleting || w.Done < len(w.Pending) || w.State.Stable == "" {
		return ""
	}
	is, b, a := w.State, w.decision().Status, after.decision().Status
	gone := func(low, high int32) bool { return low > is.Traffic.Low || high < is.Traffic.High }
	switch {
	case a.Stable != is.Stable && b.Stable == is.Stable:
		return "a clock that is set back promotes"
	case a.Candidate == b.Candidate && a.Step > b.Step && a.Step > is.Step:
		return "a clock that is set back passes a step"
	case gone(a.Traffic.Low, a.Traffic.High) && !gone(b.Traffic.Low, b.Traffic.High):
		return "a clock that is set back lets a weight be gone"
	}
	return ""
}
