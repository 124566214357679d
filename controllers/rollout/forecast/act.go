package forecast

import (
	"slices"
	"time"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

var crashing = plan.Unhealthy{Reason: "CrashLoopBackOff", Message: "its pods crash"}

// carryOut does to the world what an action does to a cluster.
func (w *world) carryOut(action plan.Action) {
	switch a := action.(type) {
	case plan.CreateReplicaSet:
		w.create(a)
	case plan.ScaleReplicaSet:
		w.onSet(a.Revision, func(s *set) { w.scale(s, a.To) })
	case plan.DeleteReplicaSet:
		w.sets = slices.DeleteFunc(w.sets, func(s *set) bool { return s.revision == a.Revision })
	case plan.MarkReplicaSet:
		w.onSet(a.Revision, func(s *set) { s.role = a.Role })
	case plan.PinService:
		w.pins[a.Service] = a.Revision
	case plan.UnpinService:
		w.pins[a.Service] = ""
	case plan.SetWeight:
		w.weight, w.atRest = a.Percent, false
	case plan.RestoreRoutes:
		w.weight, w.atRest = 0, true
	case plan.StartRun:
		w.startRun(a)
	case plan.StopRun:
		w.runs = slices.DeleteFunc(w.runs, func(r *run) bool { return r.key == a.Key })
	case plan.EvictPods:
		w.onSet(a.Revision, func(s *set) { w.evict(s, a.Count) })
	case plan.PreferOldPods:
		w.onSet(a.Revision, func(s *set) { s.preferOld = true })
	case plan.ScaleWorkload:
		w.workload = a.To
	}
}

// onSet does something to the ReplicaSet of a revision, where there is one.
func (w *world) onSet(revision string, do func(*set)) {
	if s := w.set(revision); s != nil {
		do(s)
	}
}

func (w *world) create(a plan.CreateReplicaSet) {
	if w.set(a.Revision) != nil {
		return
	}
	s := &set{revision: a.Revision, number: 1, desired: a.Replicas}
	for _, other := range w.sets {
		s.number = max(s.number, other.number+1)
	}
	w.sets = append(w.sets, s)
	w.grow(s, a.Replicas)
}

func (w *world) scale(s *set, to int32) {
	s.desired = to
	switch total := s.total(); {
	case to > total:
		w.grow(s, to-total)
	case to < total:
		w.shrink(s, total-to)
	}
	if to == 0 {
		s.unhealthy = plan.Unhealthy{}
	}
}

func (w *world) startRun(a plan.StartRun) {
	if slices.ContainsFunc(w.runs, func(r *run) bool { return r.key == a.Key }) {
		return
	}
	r := &run{key: a.Key, step: a.Step}
	if length := w.runLength(a.Step); length >= 0 {
		r.ends = w.now.Add(length)
	}
	w.runs = append(w.runs, r)
	w.pass(w.now)
	if v := w.trouble.verdict; v != nil {
		r.phase, r.message, r.ends = v.phase, v.message, time.Time{}
		w.trouble.verdict = nil
	}
}

func (w *world) runLength(step int32) time.Duration {
	assume := w.scenario.Assume
	if step == background {
		return assume.Background
	}
	if length, ok := assume.Analysis[step]; ok {
		return length
	}
	return assume.OtherAnalysis
}

// pass moves the time on: analyses whose time has come succeed, and those that nobody asks for any more are forgotten.
func (w *world) pass(to time.Time) {
	w.now = to
	for _, s := range w.sets {
		w.join(s)
	}
	for _, r := range w.runs {
		if r.phase == plan.RunRunning && since(r.ends, w.now) {
			r.phase, r.message = plan.RunSuccessful, "all measurements are good"
		}
	}
}

// next is when the world changes by itself; zero means never.
func (w *world) next() time.Time {
	var next time.Time
	consider := func(at time.Time) {
		if at.After(w.now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	for _, s := range w.sets {
		for _, p := range s.pods {
			consider(p.ready)
			consider(p.available)
		}
	}
	for _, r := range w.runs {
		if r.phase == plan.RunRunning {
			consider(r.ends)
		}
	}
	return next
}
