package plan

import (
	"fmt"
	"time"
)

const stuckReason = "ProgressDeadlineExceeded"

// progressPrecision is into how many parts the deadline is divided: progress within a part is written with the next change
// of the state, so that not every pod that becomes available costs a write.
const progressPrecision = 10

// noteProgress raises the high-water mark to what has been seen.
func (e *engine) noteProgress() {
	if e.progressed > e.s.MostAvailable && (e.s.Candidate != "" || e.s.Stable == "") {
		e.s.MostAvailable, e.s.ProgressedAt = e.progressed, e.now
	}
}

// watchProgress says when a step that needs pods has been stuck for the deadline. It keeps the high-water mark of
// available pods, so that a pod that comes and goes is no progress. A pause is not stuck.
func (e *engine) watchProgress(rs ReplicaSet, need int32, started time.Time) {
	since := started
	if e.s.ProgressedAt.After(since) {
		since = e.s.ProgressedAt
	}
	if rs.Available > e.s.MostAvailable {
		e.progressed = rs.Available
		if !e.now.Before(since.Add(e.spec.ProgressDeadline / progressPrecision)) {
			e.noteProgress()
		}
		since = e.now
	}
	silent := e.spec.Mover != ByReplicas && e.s.Traffic.AckedAt.IsZero() && e.s.Traffic.Asked == e.stepShare()
	most := max(e.s.MostAvailable, rs.Available)
	stuck := most < need || silent && e.s.Candidate != ""
	if !stuck || e.spec.ProgressDeadline == 0 || e.held() || !e.s.PausedSince.IsZero() {
		return
	}
	if !e.passed(since, e.spec.ProgressDeadline) {
		return
	}
	e.stuck(rs, most, need)
}

// stuck aborts the release, or says that it is stuck.
func (e *engine) stuck(rs ReplicaSet, most, need int32) {
	message := fmt.Sprintf("no further pod became available for %s: %d of %d available", e.spec.ProgressDeadline, rs.Available, need)
	if most >= need {
		message = fmt.Sprintf("weight %d has not been acknowledged for %s", e.s.Traffic.Asked, e.spec.ProgressDeadline)
	}
	if e.spec.ProgressDeadlineAbort && e.s.Candidate != "" {
		e.abort("ProgressDeadlineExceeded", "", message)
		return
	}
	e.plan.Summary.Reason = stuckReason
	e.waits = append([]string{message}, e.waits...)
}
