package plan

import (
	"fmt"
	"time"
)

const stuckReason = "ProgressDeadlineExceeded"

// watchProgress says when a step that needs pods has been stuck for the deadline. It keeps the high-water mark of
// available pods, so that a pod that comes and goes is no progress. A pause is not stuck.
func (e *engine) watchProgress(rs ReplicaSet, need int32, started time.Time) {
	if rs.Available > e.s.MostAvailable {
		e.s.MostAvailable, e.s.ProgressedAt = rs.Available, e.now
	}
	silent := e.spec.Mover != ByReplicas && e.s.Traffic.AckedAt.IsZero() && e.s.Traffic.Asked == e.stepShare()
	stuck := e.s.MostAvailable < need || silent && e.s.Candidate != ""
	if !stuck || e.spec.ProgressDeadline == 0 || e.held() || !e.s.PausedSince.IsZero() {
		return
	}
	since := started
	if e.s.ProgressedAt.After(since) {
		since = e.s.ProgressedAt
	}
	if !e.passed(since, e.spec.ProgressDeadline) {
		return
	}
	message := fmt.Sprintf("no further pod became available for %s: %d of %d available", e.spec.ProgressDeadline, rs.Available, need)
	if e.s.MostAvailable >= need {
		message = fmt.Sprintf("weight %d has not been acknowledged for %s", e.s.Traffic.Asked, e.spec.ProgressDeadline)
	}
	if e.spec.ProgressDeadlineAbort && e.s.Candidate != "" {
		e.abort("ProgressDeadlineExceeded", "", message)
		return
	}
	e.plan.Summary.Reason = stuckReason
	e.waits = append([]string{message}, e.waits...)
}
