package plan

// act lists what has to be done for the state to come true, the order being: take weight away or give it, Services,
// more pods, analysis, marks, fewer pods, and the way back to rest.
func (e *engine) act() {
	e.actWeights()
	e.actPins()
	e.actGrow()
	e.actRuns()
	e.actMarks()
	e.actShrink()
	e.actRest()
	e.actHistory()
}

// actWeights writes the asked share where a route differs. A share that was asked for and has been overwritten by
// something else is written again only while it is safe.
func (e *engine) actWeights() {
	if !e.engaged() || !e.allRecorded() {
		return
	}
	low, high := e.seenShare()
	asked := e.s.Traffic.Asked
	if low == asked && high == asked {
		return
	}
	canary, stable := e.seen.Canary.readyTotal(), e.seen.Stable.readyTotal()
	if asked > low && canary == 0 {
		return
	}
	if asked < high && stable == 0 && canary > 0 {
		return
	}
	e.do(SetWeight{Percent: asked})
}

// actPins points the Services at one revision each while more than one has pods, or is about to.
func (e *engine) actPins() {
	if !e.engaged() || e.quiet() {
		return
	}
	if e.mayPinStable() {
		e.do(PinService{Service: StableService, Revision: e.s.Stable})
	}
	if c := e.s.Candidate; c != "" && e.seen.Canary.Pinned != c && e.s.Traffic.High == 0 && e.s.Traffic.Asked == 0 {
		e.do(PinService{Service: CanaryService, Revision: c})
	}
}

// mayPinStable says whether the stable Service is to be pointed at the stable revision now: without traffic on it, or
// without any ready endpoint lost by it, or from one fully ready revision to another.
func (e *engine) mayPinStable() bool {
	s := e.seen.Stable
	if s.Pinned == e.s.Stable {
		return false
	}
	rs, _ := e.replicaSet(e.s.Stable)
	full := rs.Settled && rs.Available >= e.spec.Replicas
	if e.switching() {
		return full && e.s.Traffic.Low == 100 && e.seen.Canary.Ready(e.s.Stable) >= e.spec.Replicas
	}
	return s.ReadyOthers(e.s.Stable) == 0 || full
}

// actGrow makes ReplicaSets and makes them larger.
func (e *engine) actGrow() {
	grow := func(revision string, size int32) {
		rs, ok := e.replicaSet(revision)
		switch {
		case !ok && revision == e.spec.Revision && e.spec.Problem == nil:
			e.do(CreateReplicaSet{Revision: revision, Replicas: size})
		case !ok && revision != e.spec.Revision:
			e.wait("the ReplicaSet of revision %s is gone, and the spec has another template", revision)
		case !ok:
		case rs.Desired < size:
			e.do(ScaleReplicaSet{Revision: revision, From: rs.Desired, To: size})
		}
	}
	if e.s.Stable == "" {
		grow(e.spec.Revision, e.spec.Replicas)
		return
	}
	grow(e.s.Stable, e.spec.Replicas)
	if c := e.s.Candidate; c != "" && e.seen.Canary.Pinned == c && e.seen.Stable.Pinned == e.s.Stable {
		rs, _ := e.replicaSet(c)
		grow(c, e.candidateSize(rs.Desired))
	}
}

// actRuns starts the analysis of the step, and stops the ones whose verdict is no longer asked for.
func (e *engine) actRuns() {
	key := ""
	if step, ok := e.step(); ok && e.s.Candidate != "" && step.Kind == StepAnalysis {
		key = RunKey(e.s)
		if _, started := e.run(); !started && e.spec.Problem == nil && e.weightMissing(e.stepShare()) == "" {
			e.do(StartRun{Key: key, Step: e.s.Step})
		}
	}
	for _, r := range e.seen.Runs {
		if r.Key != key && r.Phase == RunRunning {
			e.do(StopRun{Key: r.Key})
		}
	}
}

// actMarks writes the roles that survive a loss of status: the new stable mark before the old one is taken away.
func (e *engine) actMarks() {
	if e.s.Stable == "" {
		return
	}
	mark := func(rs ReplicaSet, role Role) {
		if rs.Role != role {
			e.do(MarkReplicaSet{Revision: rs.Revision, Role: role})
		}
	}
	if rs, ok := e.replicaSet(e.s.Stable); ok {
		mark(rs, RoleStable)
	}
	for _, rs := range e.seen.ReplicaSets {
		switch {
		case rs.Revision == e.s.Stable:
		case e.rejected(rs.Revision):
			mark(rs, RoleRejected)
		default:
			mark(rs, RoleNone)
		}
	}
}

// actShrink makes ReplicaSets smaller, when no request can reach the pods that go. An ordinary change of spec.replicas
// takes pods from the stable revision as a Deployment does.
func (e *engine) actShrink() {
	for _, rs := range e.seen.ReplicaSets {
		if size := e.sizeAfterShrink(rs); size < rs.Desired {
			e.do(ScaleReplicaSet{Revision: rs.Revision, From: rs.Desired, To: size})
		}
	}
}

func (e *engine) sizeAfterShrink(rs ReplicaSet) int32 {
	switch rs.Revision {
	case e.s.SwitchingFrom:
		return rs.Desired
	case e.s.Stable:
		return e.spec.Replicas
	case e.s.Candidate:
		if e.s.Traffic.Low < 100 && e.stableReaches(rs.Revision) {
			return rs.Desired
		}
		return e.candidateSize(rs.Desired)
	}
	if e.s.Stable == "" {
		if rs.Revision == e.spec.Revision {
			return e.spec.Replicas
		}
		return rs.Desired
	}
	if e.mayGo(rs.Revision) {
		return 0
	}
	return rs.Desired
}

// actRest brings Services and routes back to what the user wrote, when only the stable revision has pods.
func (e *engine) actRest() {
	if !e.mayRest() {
		return
	}
	stable, canary := e.seen.Stable, e.seen.Canary
	if canary.Pinned != "" {
		e.do(UnpinService{Service: CanaryService})
	}
	if stable.Pinned != "" {
		e.do(UnpinService{Service: StableService})
	}
	// The canary Service may have had a share in what the user wrote, so it must serve before the routes are restored.
	served := canary.Pinned == "" && stable.Pinned == "" && (e.spec.Replicas == 0 || canary.Ready(e.s.Stable) > 0)
	if served && e.s.Traffic.Gone() && !e.routesAtRest() {
		e.do(RestoreRoutes{})
	}
	if served && e.routesAtRest() {
		e.s.Originals = nil
	}
}

// mayRest says whether only the stable revision has pods, and no share of the traffic goes anywhere else.
func (e *engine) mayRest() bool {
	if e.s.Stable == "" || !e.quiet() || e.s.Traffic.Asked != 0 {
		return false
	}
	canary := e.seen.Canary
	elsewhere := canary.Pinned != e.s.Stable && canary.Ready(canary.Pinned) > 0
	return e.s.Traffic.High == 0 || !elsewhere
}

// actHistory removes the oldest ReplicaSets without pods past the limit.
func (e *engine) actHistory() {
	if e.s.Stable == "" {
		return
	}
	var idle []ReplicaSet
	for _, rs := range e.seen.ReplicaSets {
		if !e.serves(rs.Revision) && rs.Revision != e.spec.Revision && rs.Settled && rs.Desired == 0 && rs.Pods == 0 {
			idle = append(idle, rs)
		}
	}
	for _, rs := range idle[:max(0, len(idle)-e.spec.HistoryLimit)] {
		e.do(DeleteReplicaSet{Revision: rs.Revision})
	}
}
