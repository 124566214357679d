package plan

// commit makes the candidate the stable revision, once it has all the traffic and nothing else may be served. It is
// only a write to status: from there no abort is possible, and with routes no Service has been touched yet.
func (e *engine) commit() {
	rs, _ := e.replicaSet(e.s.Candidate)
	switch {
	case e.spec.Replicas == 0:
		e.commitWithoutTraffic()
	case !e.full(rs):
		e.wait("waiting for the pods of revision %s: %d of %d available", e.s.Candidate, rs.Available, e.spec.Replicas)
	case e.spec.Mover == ByReplicas:
		e.promote("it has all the pods that it is to have")
	case e.s.Traffic.Low != 100:
		e.missing = "waiting until nothing but revision " + e.s.Candidate + " is served"
	case e.spec.Mover == BySelector:
		e.retireAt(e.s.Stable, e.spec.ScaleDownDelay)
		e.promote("the stable Service is switched to it")
	default:
		e.commitRoutes()
	}
}

// commitRoutes commits while the canary Service has all the traffic; the stable Service has to take it over.
func (e *engine) commitRoutes() {
	need := e.enough(e.spec.Replicas)
	if ready := e.seen.Canary.Ready(e.s.Candidate); ready < need {
		e.wait("waiting for the pods of revision %s: %d of %d ready behind the canary Service", e.s.Candidate, ready, need)
		return
	}
	from := e.s.Stable
	e.note("PromotionCommitted", "revision %s has all the traffic and takes over from %s", e.s.Candidate, from)
	e.settle()
	e.s.SwitchingFrom = from
}

// promote ends a release that has nothing to hand over.
func (e *engine) promote(why string) {
	e.note("Promoted", "revision %s is promoted: %s", e.s.Candidate, why)
	e.settle()
	e.s.Traffic, e.s.Switched = Traffic{AckedAt: e.s.Traffic.AckedAt}, ""
}

// settle makes the candidate the stable revision.
func (e *engine) settle() {
	e.end(e.s.Candidate, e.promoted(), "", "it is the stable revision")
	if e.target() != e.s.Candidate {
		e.retarget()
	}
	e.s.Stable = e.s.Candidate
	e.leave()
	e.plan.commits = true
}

// commitWithoutTraffic promotes a revision of a Rollout that is scaled to nothing: there is no pod to serve anything.
func (e *engine) commitWithoutTraffic() {
	if e.s.Traffic.Asked != 0 || !e.s.Traffic.Gone() {
		e.wait("waiting until the canary has no traffic: the Rollout is scaled to 0")
		return
	}
	for _, rs := range e.seen.ReplicaSets {
		if rs.Pods > 0 {
			e.wait("waiting for the last pods to go: the Rollout is scaled to 0")
			return
		}
	}
	if _, ok := e.replicaSet(e.s.Candidate); !ok {
		return
	}
	e.promote("the Rollout is scaled to 0")
}

// handOver moves the traffic from the canary Service to the stable one, after the commit: the stable Service is pointed
// at the new revision (act), its endpoints follow and settle, the weight goes back to 0 (steer), and when that is gone
// the promotion is over.
func (e *engine) handOver() {
	if !e.switching() {
		return
	}
	t := e.s.Traffic
	if t.Asked == 0 && t.Gone() {
		e.note("Promoted", "revision %s is promoted", e.s.Stable)
		e.retireAt(e.s.SwitchingFrom, e.spec.ScaleDownDelay)
		e.s.SwitchingFrom = ""
		return
	}
	if t.Asked != 100 {
		e.wait("handing over to the stable Service: waiting for weight 0 to settle")
		return
	}
	if !e.stableServesNew() {
		e.wait("handing over: waiting for the stable Service's endpoints")
		return
	}
	e.wait("handing over: the stable Service's endpoints settle")
}

// handOverShare is 100 until the stable Service serves the new revision in every gateway, and 0 from then on.
func (e *engine) handOverShare() int32 {
	if e.s.Traffic.Asked != 100 || e.spec.Replicas == 0 || e.stableServesNew() && e.passed(e.s.StableServedAt, e.spec.Settle) {
		return 0
	}
	return 100
}

// stableServesNew says that the stable Service has the new revision's pods, as many as the canary Service, and no
// others.
func (e *engine) stableServesNew() bool {
	s := e.seen.Stable
	need := min(e.enough(e.spec.Replicas), max(1, e.seen.Canary.Ready(e.s.Stable)))
	return s.Pinned == e.s.Stable && s.Ready(e.s.Stable) >= need && s.ReadyOthers(e.s.Stable) == 0
}
