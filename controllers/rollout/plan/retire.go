package plan

import (
	"slices"
	"strings"
	"time"
)

// retire gives a time to go to each revision that no request can reach any more, and takes it back where one can.
func (e *engine) retire() {
	e.s.Retiring = slices.DeleteFunc(e.s.Retiring, func(r Retiring) bool {
		rs, _ := e.replicaSet(r.Revision)
		return e.serves(r.Revision) || (rs.Desired == 0 && rs.Pods == 0) || e.spec.Mover == ByReplicas
	})
	if e.s.Stable == "" || e.spec.Mover == ByReplicas {
		return
	}
	for _, rs := range e.seen.ReplicaSets {
		if e.serves(rs.Revision) || (rs.Desired == 0 && rs.Pods == 0) {
			continue
		}
		if e.exposed(rs.Revision) {
			e.unretire(rs.Revision)
			continue
		}
		delay := e.spec.Settle
		if e.rejected(rs.Revision) {
			delay = e.spec.AbortScaleDownDelay
		}
		e.retireAt(rs.Revision, delay)
	}
}

// serves says that a revision is the stable one, the candidate, or the one that is being switched from.
func (e *engine) serves(revision string) bool {
	return revision == e.s.Stable || revision == e.s.Candidate || revision == e.s.SwitchingFrom
}

func (e *engine) retireAt(revision string, delay time.Duration) {
	if slices.ContainsFunc(e.s.Retiring, func(r Retiring) bool { return r.Revision == revision }) {
		return
	}
	e.s.Retiring = append(e.s.Retiring, Retiring{Revision: revision, At: e.now.Add(delay)})
	slices.SortFunc(e.s.Retiring, func(a, b Retiring) int { return strings.Compare(a.Revision, b.Revision) })
}

func (e *engine) unretire(revision string) {
	e.s.Retiring = slices.DeleteFunc(e.s.Retiring, func(r Retiring) bool { return r.Revision == revision })
}

// mayGo says that a revision's time has come and that no request can reach it.
func (e *engine) mayGo(revision string) bool {
	for _, r := range e.s.Retiring {
		if r.Revision == revision {
			return (e.passed(r.At, 0) || e.isAboveLimit(revision) || e.stableNeedsRoom()) && !e.exposed(revision)
		}
	}
	return false
}

// isAboveLimit says that as many younger revisions are kept for their delay as there may be.
func (e *engine) isAboveLimit(revision string) bool {
	if e.spec.ScaleDownLimit == Unbounded {
		return false
	}
	this, _ := e.replicaSet(revision)
	var younger int32
	for _, r := range e.s.Retiring {
		if rs, _ := e.replicaSet(r.Revision); rs.Number > this.Number {
			younger++
		}
	}
	return younger >= e.spec.ScaleDownLimit
}

// stableNeedsRoom says that the stable revision cannot get its pods back while others are kept.
func (e *engine) stableNeedsRoom() bool {
	rs, _ := e.replicaSet(e.s.Stable)
	return rs.Desired < e.stableSize() && e.room() == 0
}
