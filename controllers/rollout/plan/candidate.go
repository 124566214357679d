package plan

// chooseCandidate decides which revision is released. A promotion that is committed is finished first.
func (e *engine) chooseCandidate() {
	wanted := e.spec.Revision
	switch {
	case e.s.Stable == "":
		e.firstRevision()
	case e.switching():
	case wanted == e.s.Stable:
		e.withdraw(RolledBack, "the spec is back at the stable revision "+wanted)
		e.s.Abort = Abort{}
	case e.rejected(wanted):
		e.withdraw(Superseded, "the spec wants another revision, which was aborted before")
		if e.s.Abort.Revision != wanted {
			e.s.Abort = Abort{
				Revision: wanted, Reason: "Rejected", At: e.now,
				Message: "it was aborted before; retry it or change the pod template",
			}
		}
	case e.spec.Withdraw:
		if e.s.Candidate != "" {
			e.note("StrategyChanged", "the release of revision %s begins anew with the changed strategy once all is at rest", e.s.Candidate)
			e.leave()
		}
	case e.s.Candidate == wanted:
	case e.spec.Problem != nil, e.spec.Paused:
	default:
		e.enter(wanted)
	}
}

// withdraw ends the release of a revision that is no longer wanted, where there is one.
func (e *engine) withdraw(outcome Outcome, message string) {
	if e.s.Candidate == "" {
		return
	}
	e.note(string(outcome), "the release of revision %s ends: %s", e.s.Candidate, message)
	e.end(e.s.Candidate, outcome, string(outcome), message)
	e.leave()
}

// firstRevision makes the wanted revision the stable one when its pods are available. Nothing was there before, so no
// steps are taken.
func (e *engine) firstRevision() {
	rs, ok := e.replicaSet(e.spec.Revision)
	switch {
	case !ok && e.spec.Problem != nil: // nothing is on its way
		e.s.ReleaseStarted, e.s.ProgressedAt, e.s.MostAvailable = zeroTime, zeroTime, 0
	case !ok && e.s.MostAvailable > 0: // another revision is wanted than the one that was on its way
		e.s.ReleaseStarted, e.s.ProgressedAt, e.s.MostAvailable = e.now, zeroTime, 0
	case e.s.ReleaseStarted.IsZero():
		e.s.ReleaseStarted = e.now
	}
	if rs.Desired != e.spec.Replicas || !e.full(rs) {
		e.watchProgress(rs, e.enough(e.spec.Replicas), e.s.ReleaseStarted)
		e.wait("the first revision %s: %d of %d pods available", e.spec.Revision, rs.Available, e.spec.Replicas)
		return
	}
	e.s.Stable = e.spec.Revision
	e.note("FirstRevision", "revision %s is available and is the stable one", e.spec.Revision)
	e.end(e.s.Stable, Promoted, "FirstRevision", "it is the first one, which takes no steps")
	e.leave()
}

// enter begins a release. One that goes back inside of the rollback window skips its steps.
func (e *engine) enter(revision string) {
	e.withdraw(Superseded, "revision "+revision+" is wanted")
	e.s.Abort = Abort{}
	e.s.Candidate, e.s.ReleaseStarted = revision, e.now
	if e.inRollbackWindow(revision) {
		e.s.Mode = ModeRollbackWindow
		e.enterStep(int32(len(e.spec.Steps)))
		e.note("ReleaseStarted", "revision %s is released over stable %s without steps: it is inside of the rollback window", revision, e.s.Stable)
		return
	}
	e.enterStep(0)
	e.note("ReleaseStarted", "revision %s is released over stable %s in %d steps", revision, e.s.Stable, len(e.spec.Steps))
}

// inRollbackWindow says that a revision was the stable one, and not many revisions ago.
func (e *engine) inRollbackWindow(revision string) bool {
	rs, _ := e.replicaSet(revision)
	stable, _ := e.replicaSet(e.s.Stable)
	back := stable.Number - rs.Number
	return rs.Role == RoleFormer && back > 0 && back <= e.spec.RollbackWindow
}

// leave forgets the release. The traffic that it has is taken away by steer.
func (e *engine) leave() {
	s := &e.s
	s.Candidate, s.PassedSteps, s.Mode = "", "", ModeSteps
	s.Step, s.MostAvailable, s.PausedFor = 0, 0, 0
	s.Paused, s.BackgroundWaived = false, false
	s.ReleaseStarted, s.PausedSince = zeroTime, zeroTime
	s.StepStarted, s.ProgressedAt, s.CanaryServedAt = zeroTime, zeroTime, zeroTime
}

// abort rejects the candidate. The share that it has is taken away by steer.
func (e *engine) abort(reason, run, message string) {
	revision := e.s.Candidate
	e.warn("RolloutAborted", "the release of revision %s is aborted: %s", revision, message)
	e.s.Abort = Abort{Revision: revision, Reason: reason, Message: message, Run: run, At: e.now}
	e.end(revision, Aborted, reason, message)
	e.reject(revision)
	e.leave()
}
