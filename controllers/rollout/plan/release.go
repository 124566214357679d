package plan

import "time"

// end records how the release, or the first revision, ended.
func (e *engine) end(revision string, outcome Outcome, reason, message string) {
	e.plan.Ended = append(e.plan.Ended, Release{
		Revision: revision, Started: e.s.ReleaseStarted, Finished: e.now, Paused: e.pausedFor(),
		Outcome: outcome, Reason: reason, Message: message,
	})
}

// promoted is how a release ends that has become the stable revision.
func (e *engine) promoted() Outcome {
	switch e.s.Mode {
	case ModeFull, ModeFullSkipAnalysis:
		return FastPromoted
	case ModeRollbackWindow:
		return RolledBack
	case ModeSteps:
	}
	return Promoted
}

func (e *engine) pausedFor() time.Duration {
	if e.s.PausedSince.IsZero() {
		return e.s.PausedFor
	}
	return e.s.PausedFor + max(0, e.now.Sub(e.s.PausedSince))
}

// trackPause adds up how long the release is paused. What follows a pause has its whole deadline.
func (e *engine) trackPause() {
	paused := e.s.Candidate != "" && e.plan.Summary.Phase == Paused
	switch {
	case paused && e.s.PausedSince.IsZero():
		e.s.PausedSince = e.now
	case !paused && !e.s.PausedSince.IsZero():
		e.s.PausedFor, e.s.PausedSince = e.pausedFor(), zeroTime
		if e.s.Candidate != "" {
			e.s.ProgressedAt = e.now
		}
	}
}
