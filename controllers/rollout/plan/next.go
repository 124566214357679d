package plan

import (
	"fmt"
	"reflect"
	"slices"
	"time"
)

// Next decides what a Rollout does next, from what is wanted, what is seen, and the time. It is total and
// deterministic. The times in its result have the precision of now.
func Next(spec Spec, seen Observed, now time.Time) Plan {
	e := &engine{spec: spec, seen: seen, now: now, s: seen.State.clone()}
	e.recoverState()
	e.mendState()
	e.followTraffic()
	e.answerRequest()
	e.chooseCandidate()
	e.judge()
	e.advance()
	e.handOver()
	e.steer()
	e.retire()
	e.restart()
	e.scaleWorkload()
	e.recordOriginals()
	e.act()
	e.plan.Summary = e.summary()
	e.trackPause()
	if !reflect.DeepEqual(e.s, seen.State) {
		e.noteProgress()
	}
	e.plan.Status = e.s
	e.plan.Engaged = e.engaged() || e.pinned()
	return e.plan
}

// engine is one decision on its way: s is the state as it will be, plan what has been decided so far.
type engine struct {
	spec  Spec
	seen  Observed
	now   time.Time
	s     State
	plan  Plan
	waits []string
	// missing is what keeps the step from being done, shown where no wait says it better.
	missing string
	// doubt is why the analysis in the background keeps the release from moving forward; empty when it does not.
	doubt string
	// restartSurge is the revision that has a pod more for a while, since its pods are being replaced.
	restartSurge string
	// progressed is a number of available pods above the high-water mark.
	progressed int32
	// spareLeft is how many available pods may go in this plan yet.
	spareLeft int32
	// workloadSize is the size that the workload is to have.
	workloadSize int32
}

func (s State) clone() State {
	s.Retiring = slices.Clone(s.Retiring)
	s.Originals = slices.Clone(s.Originals)
	s.Rejected = slices.Clone(s.Rejected)
	return s
}

func (e *engine) do(a Action) { e.plan.Actions = append(e.plan.Actions, a) }

func (e *engine) note(reason, format string, args ...any) {
	e.plan.Notes = append(e.plan.Notes, Note{Reason: reason, Message: fmt.Sprintf(format, args...)})
}

func (e *engine) warn(reason, format string, args ...any) {
	e.plan.Notes = append(e.plan.Notes, Note{Reason: reason, Message: fmt.Sprintf(format, args...), Warning: true})
}

// wait records what the release waits for; the first one is shown.
func (e *engine) wait(format string, args ...any) {
	e.waits = append(e.waits, fmt.Sprintf(format, args...))
}

// passed says whether d has gone by since a time, and asks for a wake-up when it has not. A time that is not set has
// never passed, and a clock that went backwards passes nothing.
func (e *engine) passed(since time.Time, d time.Duration) bool {
	if since.IsZero() {
		return false
	}
	at := since.Add(d)
	if !e.now.Before(at) {
		return true
	}
	if e.plan.WakeAt.IsZero() || at.Before(e.plan.WakeAt) {
		e.plan.WakeAt = at
	}
	return false
}

// replicaSet returns the ReplicaSet of a revision, the zero one where there is none.
func (e *engine) replicaSet(revision string) (ReplicaSet, bool) {
	for _, rs := range e.seen.ReplicaSets {
		if rs.Revision == revision {
			return rs, true
		}
	}
	return ReplicaSet{}, false
}

func (e *engine) switching() bool { return e.s.SwitchingFrom != "" }

// othersHavePods says whether any revision but the stable one has pods or is to have some.
func (e *engine) othersHavePods() bool {
	return slices.ContainsFunc(e.seen.ReplicaSets, func(rs ReplicaSet) bool {
		return rs.Revision != e.s.Stable && (rs.Pods > 0 || rs.Desired > 0)
	})
}

// quiet says that there is nothing to release, to hand over or to drain.
func (e *engine) quiet() bool {
	return e.s.Candidate == "" && !e.switching() && !e.othersHavePods() && !e.workloadGoes()
}

// held says that the release does not move forward for now. An abort is never held.
func (e *engine) held() bool {
	return e.spec.Problem != nil || e.spec.Paused || e.s.Paused || e.doubt != ""
}

// pinned says whether a Service selects one revision only.
func (e *engine) pinned() bool { return e.seen.Stable.Pinned != "" || e.seen.Canary.Pinned != "" }

// engaged says whether routes and Services are ours to drive now. At rest they are as the user wrote them.
func (e *engine) engaged() bool {
	if e.s.Stable == "" {
		return false
	}
	return !e.quiet() || len(e.s.Originals) > 0 || !e.routesAtRest()
}

func (e *engine) routesAtRest() bool {
	return !slices.ContainsFunc(e.seen.Routes, func(r Route) bool { return !r.AtRest })
}

// recoverState rebuilds what can be rebuilt when the status was lost: the marks on the ReplicaSets tell the stable and
// the rejected revisions, and the route is taken to be serving anything until it has settled.
func (e *engine) recoverState() {
	if _, there := e.replicaSet(e.s.Stable); there || e.s.Stable != "" && !e.markedStable() {
		return
	}
	var stable ReplicaSet
	for _, rs := range e.seen.ReplicaSets {
		if rs.Role == RoleRejected {
			e.reject(rs.Revision)
		}
		if rs.Role == RoleStable && rs.Number >= stable.Number {
			stable = rs
		}
	}
	if stable.Revision == "" {
		return
	}
	e.s.Stable = stable.Revision
	e.recoverTraffic()
	e.warn("StatusRecovered", "status was lost; revision %s is stable by the mark on its ReplicaSet", stable.Revision)
}

// markedStable says that a ReplicaSet carries the mark of the stable revision.
func (e *engine) markedStable() bool {
	return slices.ContainsFunc(e.seen.ReplicaSets, func(rs ReplicaSet) bool { return rs.Role == RoleStable })
}

// recoverTraffic takes the traffic to be anything that it may be, until it has settled.
func (e *engine) recoverTraffic() {
	_, high := e.seenShare()
	e.s.Traffic = Traffic{Asked: high, High: 100}
	switch {
	case e.spec.Mover == BySelector && high == 100:
		e.s.Switched = e.seen.Stable.Pinned
	case e.spec.Mover == ByReplicas, e.spec.Mover == ByRoutes && e.routesAtRest():
		e.s.Traffic = Traffic{}
	}
}

// mendState makes sense of a status that was edited by hand.
func (e *engine) mendState() {
	s := &e.s
	if s.SwitchingFrom == s.Stable || e.spec.Mover != ByRoutes {
		s.SwitchingFrom = ""
	}
	if s.Switched == s.Stable || e.spec.Mover != BySelector {
		s.Switched = ""
	}
	if c := s.Candidate; c != "" && (s.Stable == "" || c == s.Stable || e.switching() || e.rejected(c)) {
		e.leave()
	}
	s.Step = max(0, s.Step)
	e.mendTimes()
	t := &s.Traffic
	t.Asked = max(0, min(100, t.Asked))
	if e.spec.Mover == BySelector {
		t.Asked = 0
		if s.Switched != "" {
			t.Asked = 100
		}
	}
	t.Low, t.High = max(0, min(t.Low, t.Asked)), min(100, max(t.High, t.Asked))
}

// clockSkew is by how much the clocks of two controllers may differ without harm.
const clockSkew = time.Minute

// mendTimes takes a time that lies in the future to be now: it was written by a clock that was ahead, and waiting for it
// could take for ever.
func (e *engine) mendTimes() {
	s := &e.s
	for _, t := range []*time.Time{
		&s.ReleaseStarted, &s.StepStarted, &s.ProgressedAt, &s.PausedSince,
		&s.StableServedAt, &s.StableClearAt, &s.CanaryServedAt, &s.Traffic.AckedAt,
	} {
		if t.After(e.now.Add(clockSkew)) {
			*t = e.now
		}
	}
	longest := max(e.spec.ScaleDownDelay, e.spec.AbortScaleDownDelay, e.spec.Settle)
	for i := range s.Retiring {
		if at := e.now.Add(longest); s.Retiring[i].At.After(at.Add(clockSkew)) {
			s.Retiring[i].At = at
		}
	}
}

func (e *engine) rejected(revision string) bool { return slices.Contains(e.s.Rejected, revision) }

// maxRejected bounds how many rejected revisions are remembered.
const maxRejected = 20

func (e *engine) reject(revision string) {
	if e.rejected(revision) {
		return
	}
	e.s.Rejected = append(e.s.Rejected, revision)
	e.s.Rejected = e.s.Rejected[max(0, len(e.s.Rejected)-maxRejected):]
}
