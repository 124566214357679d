package plan

// steerSelector switches the stable Service to the candidate or back. From one revision to another it goes only when the
// other has all its pods, unless there is nothing left to lose.
func (e *engine) steerSelector(want int32) {
	keeps := e.s.Switched == e.s.Candidate && e.stepShare() == 100 && e.spec.Replicas > 0
	switch {
	case e.s.Switched != "" && !keeps:
		e.switchBack()
	case e.s.Switched == "" && want == 100:
		e.switchOver()
	}
}

func (e *engine) switchOver() {
	rs, _ := e.replicaSet(e.s.Candidate)
	if e.seen.Stable.Pinned != e.s.Stable || !e.full(rs) {
		e.wait("waiting for the pods of revision %s: %d of %d available", e.s.Candidate, rs.Available, e.enough(e.spec.Replicas))
		return
	}
	e.note("Switched", "all traffic goes to revision %s: %d of %d pods are available", e.s.Candidate, rs.Available, e.spec.Replicas)
	e.s.Switched = e.s.Candidate
	e.retarget()
	e.ask(100)
}

func (e *engine) switchBack() {
	stable, _ := e.replicaSet(e.s.Stable)
	switched, _ := e.replicaSet(e.s.Switched)
	lost := switched.Available == 0 && stable.Available > 0
	if !e.full(stable) && !lost {
		e.wait("traffic stays with revision %s: the stable revision %s has %d of %d pods available",
			e.s.Switched, e.s.Stable, stable.Available, e.spec.Replicas)
		return
	}
	e.note("SwitchedBack", "all traffic goes back to the stable revision %s", e.s.Stable)
	e.s.Switched = ""
	e.retarget()
	e.ask(0)
}

// retarget forgets what is known of the stable Service's endpoints, since it is for another revision from now on.
func (e *engine) retarget() { e.s.StableServedAt, e.s.StableClearAt = zeroTime, zeroTime }

// previewTarget is the revision that the preview Service is for: the candidate once its pods are there, and the stable
// one until then.
func (e *engine) previewTarget() string {
	rs, _ := e.replicaSet(e.s.Candidate)
	there := rs.Settled && rs.Desired > 0 && rs.Available >= e.enough(rs.Desired)
	if e.s.Candidate != "" && (there || e.seen.Canary.Pinned == e.s.Candidate) {
		return e.s.Candidate
	}
	return e.s.Stable
}
