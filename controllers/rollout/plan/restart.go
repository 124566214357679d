package plan

import "slices"

// restart replaces the pods that were made before Spec.RestartAt: by evictions where pods may be missing, and by one pod
// more, for which an old one then goes, where none may.
func (e *engine) restart() {
	if e.s.Stable == "" || !e.s.RestartedAt.Before(e.spec.RestartAt) || !e.passed(e.spec.RestartAt, 0) {
		return
	}
	rs, found := e.nextToRestart()
	if !found && e.anyOld() {
		e.wait("restarting: old pods of other revisions are going")
		return
	}
	if !found {
		e.plan.commits = true // that nothing is left is not to be read from a cache
		e.note("Restarted", "every pod that was made before %s is replaced", e.spec.RestartAt.Format("2006-01-02 15:04:05Z07:00"))
		e.s.RestartedAt = e.spec.RestartAt
		return
	}
	e.wait("restarting: %d pods of revision %s are older than spec.restartAt", rs.Old, rs.Revision)
	if !e.restartsBySurge() {
		return
	}
	// A pod more is made when all are there, and goes when it is available.
	size := e.sizeWithoutRestart(rs)
	surged := rs.Desired > size && !(rs.Settled && rs.Available > size)
	if surged || rs.Settled && rs.Desired <= size && rs.Pods == rs.Desired && rs.Available >= size {
		e.restartSurge = rs.Revision
	}
}

// nextToRestart is the stable revision or the candidate, where it has old pods.
func (e *engine) nextToRestart() (ReplicaSet, bool) {
	for _, revision := range []string{e.s.Stable, e.s.Candidate} {
		if rs, _ := e.replicaSet(revision); rs.Old > 0 {
			return rs, true
		}
	}
	return ReplicaSet{}, false
}

// anyOld says that any revision has old pods; it may be the stable one again soon.
func (e *engine) anyOld() bool {
	return slices.ContainsFunc(e.seen.ReplicaSets, func(rs ReplicaSet) bool { return rs.Old > 0 })
}

func (e *engine) restarting() bool {
	return e.s.Stable != "" && e.s.RestartedAt.Before(e.spec.RestartAt) && !e.now.Before(e.spec.RestartAt)
}

// restartsBySurge says that pods are being replaced and that none may be missing meanwhile.
func (e *engine) restartsBySurge() bool { return e.restarting() && e.spec.Unavailable == 0 }

// extra is the pod more that a revision has while its pods are being replaced.
func (e *engine) extra(revision string) int32 {
	if e.restartSurge == revision {
		return 1
	}
	return 0
}

func (e *engine) sizeWithoutRestart(rs ReplicaSet) int32 {
	if rs.Revision == e.s.Candidate {
		return e.candidateSize(rs.Desired)
	}
	return e.stableSize()
}

// actRestart evicts old pods: those that are not ready cost nothing, and as many others as may be missing.
func (e *engine) actRestart() {
	if !e.restarting() || e.spec.Unavailable == 0 || e.workloadSize < e.seen.Workload.Desired {
		return
	}
	rs, _ := e.nextToRestart()
	if !rs.Settled || rs.Pods != rs.Desired || rs.Desired != e.sizeWithoutRestart(rs) {
		return
	}
	mayMiss := max(0, min(rs.Available-rs.Desired+e.spec.Unavailable, rs.Available-e.servingFloor(rs), e.spareLeft, rs.OldReady))
	if count := min(rs.Old, rs.Old-rs.OldReady+mayMiss); count > 0 {
		e.do(EvictPods{Revision: rs.Revision, Count: count})
	}
}

// servingFloor is the least number of pods of a revision while a release divides the traffic by routes. One pod stays: else
// its endpoints could go and come back unseen, and gateways would be sent to what they do not know. A bounded release has
// used what may be missing for its own trade of pods. What waits for that is replaced when the release has moved on.
func (e *engine) servingFloor(rs ReplicaSet) int32 {
	switch {
	case e.s.Candidate == "" || e.spec.Mover != ByRoutes:
		return 0
	case !e.bounded():
		return 1
	case rs.Revision == e.s.Stable:
		return max(1, e.stableFloor(e.s.Traffic.Low))
	}
	return max(1, min(rs.Desired, leastPodsFor(e.s.Traffic.High, e.spec.Replicas)))
}
