package model

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// Key tells worlds apart that can behave differently. Times count only as ages, up to the longest that anything waits
// for; names that nothing depends on do not count.
type Key [16]byte

const longest = 8 * time.Second

type encoder struct {
	buf []byte
	now time.Time
	run string
}

// Key of a world.
func (w World) Key() Key {
	e := encoder{buf: make([]byte, 0, 256), now: w.Now, run: plan.RunKey(w.State)}
	e.text(w.Wanted)
	e.state(w.State)
	e.objects(w.Live)
	e.objects(w.Cache)
	for _, b := range w.Behind {
		e.flag(b)
	}
	e.int(int64(w.Gateway.Weight))
	e.int(int64(w.Gateway.WeightAge))
	e.int(int64(w.Gateway.EndpointsAge))
	for _, revisions := range w.Gateway.Endpoints {
		e.texts(revisions)
	}
	if w.Request.ID != w.State.Answered {
		e.text(string(w.Request.Verb) + w.Request.Revision)
		e.int(int64(w.Request.Step))
	}
	e.int(int64(len(w.Pending)))
	for _, p := range w.Pending {
		e.flag(p.Stale)
		switch a := p.Action.(type) {
		case plan.StartRun:
			e.text("start")
			e.flag(a.Key == e.run)
		case plan.StopRun:
			e.text("stop")
			e.flag(a.Key == e.run)
			e.flag(a.Key == w.Live.Run.Key)
		default:
			e.text(p.Action.String())
		}
	}
	b := w.Left
	e.buf = append(e.buf, byte(b.SpecChanges), byte(b.Requests), byte(b.Crashes), byte(b.Failures), byte(b.Losses))
	sum := sha256.Sum256(e.buf)
	return Key(sum[:16])
}

func (e *encoder) int(v int64) { e.buf = binary.AppendVarint(e.buf, v) }

func (e *encoder) text(s string) {
	e.int(int64(len(s)))
	e.buf = append(e.buf, s...)
}

func (e *encoder) texts(list []string) {
	e.int(int64(len(list)))
	for _, s := range list {
		e.text(s)
	}
}

func (e *encoder) flag(b bool) {
	if b {
		e.buf = append(e.buf, 1)
		return
	}
	e.buf = append(e.buf, 0)
}

func (e *encoder) time(t time.Time) {
	if t.IsZero() {
		e.buf = append(e.buf, 0xff)
		return
	}
	e.int(int64(max(-longest, min(longest, e.now.Sub(t))) / time.Second))
}

func (e *encoder) state(s plan.State) {
	e.text(s.Stable)
	e.text(s.Candidate)
	e.int(int64(s.Step))
	e.text(s.PassedSteps)
	e.time(s.StepStarted)
	e.int(int64(s.MostAvailable))
	t := s.Traffic
	e.int(int64(t.Asked))
	e.int(int64(t.Low))
	e.int(int64(t.High))
	e.time(t.AckedAt)
	e.time(s.StableServedAt)
	e.time(s.CanaryServedAt)
	e.text(s.SwitchingFrom)
	e.int(int64(len(s.Retiring)))
	for _, r := range s.Retiring {
		e.text(r.Revision)
		e.time(r.At)
	}
	e.int(int64(len(s.Originals)))
	e.text(s.Abort.Revision)
	e.texts(s.Rejected)
}

func (e *encoder) objects(o objects) {
	e.int(int64(len(o.RS)))
	for _, rs := range o.RS {
		e.text(rs.Revision)
		e.int(int64(rs.Desired))
		e.int(int64(rs.Pods))
		e.int(int64(rs.Avail))
		e.text(string(rs.Role))
		e.flag(rs.Settled)
		e.flag(rs.Crashing)
	}
	for i := range o.Pins {
		e.text(o.Pins[i])
		e.int(int64(len(o.Slices[i])))
		for _, s := range o.Slices[i] {
			e.text(s.Revision)
			e.int(int64(s.Ready))
		}
	}
	e.int(int64(o.Route.Weight))
	e.flag(o.Route.Rest)
	e.flag(o.Route.Acked)
	e.flag(o.Run.Key != "")
	e.flag(o.Run.Key == e.run)
	e.int(int64(o.Run.Phase))
}
