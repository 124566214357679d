package model

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
	"time"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// Key tells worlds apart that can behave differently. Times count only as ages, up to the longest that anything waits
// for; names that nothing depends on do not count.
type Key [16]byte

// encoder writes what a key is made of.
type encoder struct {
	buf []byte
	now time.Time
	// asked are the keys of the two analyses that the state asks for, once they are needed.
	asked  [2]string
	status *plan.State
	scope  *Scope
}

func (e *encoder) key(w *World) Key {
	e.buf, e.now, e.scope = e.buf[:0], w.Now, w.scope
	e.asked, e.status = [2]string{}, w.State
	e.spec(w)
	e.state(w.State)
	e.objects(&w.Live)
	for i, behind := range w.behind() {
		e.flag(behind)
		if behind {
			e.object(w.Cache, i)
		}
	}
	e.gateway(w)
	if w.Request.ID != w.State.Answered {
		r := w.Request
		e.text(string(r.Verb))
		e.text(r.Revision)
		e.int(int64(r.Step))
		e.int(int64(r.To))
		e.flag(r.Full)
		e.flag(r.SkipAnalysis)
	}
	e.pending(w)
	e.int(int64(w.Left))
	sum := sha256.Sum256(e.buf)
	return Key(sum[:16])
}

// Key of a world.
func (w *World) Key() Key {
	e := encoder{}
	return e.key(w)
}

func (e *encoder) int(v int64) {
	if v >= -63 && v < 63 {
		e.buf = append(e.buf, byte(v+64))
		return
	}
	e.buf = append(e.buf, 0xff)
	e.buf = binary.AppendVarint(e.buf, v)
}

func (e *encoder) text(s string) {
	e.int(int64(len(s)))
	e.buf = append(e.buf, s...)
}

func (e *encoder) flag(b bool) {
	if b {
		e.buf = append(e.buf, 1)
		return
	}
	e.buf = append(e.buf, 0)
}

// age of a time, in whole ticks, up to the longest.
func (e *encoder) age(t time.Time) {
	if t.IsZero() {
		e.buf = append(e.buf, 0xfe)
		return
	}
	longest := e.scope.longest
	age := max(-longest, min(longest, e.now.Sub(t)))
	whole := age / tick
	if age < 0 && age%tick != 0 {
		whole--
	}
	e.int(int64(whole))
}

func (e *encoder) spec(w *World) {
	e.text(w.Wanted)
	e.int(int64(w.Strategy))
	e.int(int64(w.Replicas))
	e.flag(w.Paused)
	e.flag(w.Broken)
	e.int(int64(w.Drives))
	e.flag(w.Finalizer)
	e.flag(w.Forgotten)
	e.flag(w.Deleting)
	e.flag(w.Finalizing)
	e.flag(w.Gone)
	e.flag(w.Zeroed)
	e.int(int64(w.Entrance))
	e.flag(w.Opening)
	e.int(int64(w.PlannedBy))
	if len(w.Pending) > 0 {
		e.int(int64(w.PlannedFor))
	}
	e.flag(w.RestartAt.IsZero())
	e.flag(w.RestartAt.Equal(w.State.RestartedAt))
	if w.RestartAt.After(w.Now) {
		e.age(w.RestartAt)
	}
}

func (e *encoder) state(s *plan.State) {
	e.text(s.Stable)
	e.text(s.Candidate)
	e.int(int64(s.Step))
	e.text(s.PassedSteps)
	e.age(s.StepStarted)
	e.int(int64(s.MostAvailable))
	e.age(s.ProgressedAt)
	e.text(string(s.Mode))
	e.flag(s.Paused)
	e.flag(s.PausedSince.IsZero())
	e.flag(s.BackgroundWaived)
	e.text(s.Switched)
	e.text(s.WorkloadScaledFor)
	t := &s.Traffic
	e.int(int64(t.Asked))
	e.int(int64(t.Low))
	e.int(int64(t.High))
	e.age(t.AckedAt)
	e.age(s.StableServedAt)
	e.age(s.StableClearAt)
	e.age(s.CanaryServedAt)
	e.text(s.SwitchingFrom)
	e.int(int64(len(s.Retiring)))
	for i := range s.Retiring {
		e.text(s.Retiring[i].Revision)
		e.age(s.Retiring[i].At)
	}
	e.int(int64(len(s.Originals)))
	e.text(s.Abort.Revision)
	e.int(int64(len(s.Rejected)))
	for _, revision := range s.Rejected {
		e.text(revision)
	}
}

func (e *encoder) objects(o *objects) {
	for i := range 4 {
		e.object(o, i)
	}
}

func (e *encoder) object(o *objects, informer int) {
	switch informer {
	case informRS:
		e.sets(&o.Sets)
	case informServices:
		for i, pin := range o.Services.Pins {
			e.text(pin)
			for _, n := range o.Services.Ready[i] {
				e.int(int64(n))
			}
		}
	case informRoute:
		e.int(int64(o.Route.Weight))
		e.flag(o.Route.Rest)
		e.flag(o.Route.Acked)
		e.flag(o.Route.Refused)
		e.flag(o.Route.Foreign)
	case informRuns:
		for i, r := range o.Runs {
			e.flag(r.Key != "")
			e.flag(r.Key != "" && r.Key == e.runs()[i])
			e.int(int64(r.Phase))
		}
	}
}

func (e *encoder) sets(s *sets) {
	e.int(int64(s.N))
	for i := range s.N {
		rs := &s.RS[i]
		e.text(rs.Revision)
		if e.scope.RollbackWindow > 0 {
			e.int(rs.Number)
		}
		e.int(int64(rs.Desired))
		e.int(int64(rs.Pods))
		e.int(int64(rs.Avail))
		e.int(int64(rs.Old))
		e.int(int64(rs.OldAvail))
		e.text(string(rs.Role))
		e.flag(rs.Settled)
		e.flag(rs.Crashing)
		e.flag(rs.Failed)
		e.flag(rs.PreferOld)
		if rs.Pods != rs.Desired {
			e.int(int64(rs.Floor))
			e.flag(rs.Shared)
		}
	}
	e.int(int64(s.Workload.Desired))
}

func (e *encoder) gateway(w *World) {
	g := &w.Gateway
	e.int(int64(g.Weight))
	e.flag(g.Foreign)
	e.buf = append(e.buf, g.Endpoints[0], g.Endpoints[1])
	e.int(int64(g.WeightAge))
	e.int(int64(g.EndpointsAge))
}

// pending is what is left of the plan.
func (e *encoder) pending(w *World) {
	left := w.Pending[w.Done:]
	e.int(int64(len(left)))
	if len(left) == 0 {
		return
	}
	e.int(int64(w.Stale >> w.Done))
	for _, action := range left {
		e.action(w, action)
	}
}

func (e *encoder) action(w *World, action plan.Action) {
	switch a := action.(type) {
	case plan.SetWeight:
		e.buf = append(e.buf, 'w', byte(a.Percent))
	case plan.ScaleReplicaSet:
		e.buf = append(e.buf, 's', byte(a.From), byte(a.To))
		e.text(a.Revision)
	case plan.CreateReplicaSet:
		e.buf = append(e.buf, 'c', byte(a.Replicas))
		e.text(a.Revision)
	case plan.MarkReplicaSet:
		e.buf = append(e.buf, 'm')
		e.text(a.Revision)
		e.text(string(a.Role))
	case plan.StartRun:
		e.buf = append(e.buf, 'r', byte(a.Step))
		e.flag(slices.Contains(e.runs(), a.Key))
	case plan.StopRun:
		e.buf = append(e.buf, 'x')
		e.flag(slices.Contains(e.runs(), a.Key))
		e.flag(a.Key == w.Live.Runs[0].Key)
		e.flag(a.Key == w.Live.Runs[1].Key)
	default:
		e.text(action.String())
	}
}

// runs are the keys of the two analyses that the state asks for: of its step, and in the background.
func (e *encoder) runs() []string {
	if e.asked[0] == "" && e.status.Candidate != "" {
		e.asked = [2]string{plan.RunKey(*e.status), backgroundKey(*e.status)}
	}
	return e.asked[:]
}

// backgroundKey names the analysis that runs in the background of the release that a state is in.
func backgroundKey(s plan.State) string {
	return s.Candidate + "-bg-" + strconv.FormatInt(s.ReleaseStarted.UnixMicro(), 36)
}
