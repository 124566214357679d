package plan

// chooseCandidate decides which revision is released. A promotion that is committed is finished first.
func (e *engine) chooseCandidate() {
	wanted := e.spec.Revision
	switch {
	case e.s.Stable == "":
		e.firstRevision()
	case e.switching():
	case wanted == e.s.Stable:
		if e.s.Candidate != "" {
			e.note("RolledBack", "the spec is back at the stable revision %s; revision %s is withdrawn", wanted, e.s.Candidate)
			e.leave()
		}
		e.s.Abort = Abort{}
	case e.rejected(wanted):
		if e.s.Candidate != "" {
			e.note("Superseded", "revision %s is withdrawn", e.s.Candidate)
			e.leave()
		}
		if e.s.Abort.Revision != wanted {
			e.s.Abort = Abort{
				Revision: wanted, Reason: "Rejected", At: e.now,
				Message: "it was aborted before; retry it or change the pod template",
			}
		}
	case e.s.Candidate == wanted:
	case e.spec.Problem != nil:
	default:
		e.enter(wanted)
	}
}

// firstRevision makes the wanted revision the stable one when all its pods are available. Nothing was there before, so
// no steps are taken.
func (e *engine) firstRevision() {
	rs, ok := e.replicaSet(e.spec.Revision)
	if !ok || !rs.Settled || rs.Desired != e.spec.Replicas || rs.Available < e.spec.Replicas {
		e.wait("the first revision %s: %d of %d pods available", e.spec.Revision, rs.Available, e.spec.Replicas)
		return
	}
	e.s.Stable = e.spec.Revision
	e.note("FirstRevision", "revision %s is available and is the stable one", e.spec.Revision)
}

func (e *engine) enter(revision string) {
	if e.s.Candidate != "" {
		e.note("Superseded", "revision %s is superseded by %s", e.s.Candidate, revision)
	}
	e.leave()
	e.s.Abort = Abort{}
	e.s.Candidate = revision
	e.enterStep(0)
	e.note("ReleaseStarted", "revision %s is released over stable %s in %d steps", revision, e.s.Stable, len(e.spec.Steps))
}

func (e *engine) leave() {
	e.s.Candidate, e.s.PassedSteps = "", ""
	e.s.Step, e.s.MostAvailable = 0, 0
	e.s.StepStarted, e.s.ProgressedAt, e.s.CanaryServedAt = zeroTime, zeroTime, zeroTime
}

// abort rejects the candidate. The share that it has is taken away by steer.
func (e *engine) abort(reason, run, message string) {
	revision := e.s.Candidate
	e.warn("RolloutAborted", "the release of revision %s is aborted: %s", revision, message)
	e.s.Abort = Abort{Revision: revision, Reason: reason, Message: message, Run: run, At: e.now}
	e.reject(revision)
	e.leave()
}
