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
	e.actRestart()
	e.actWorkload()
	e.actRest()
	e.actHistory()
}

// actWeights writes the asked share where a route differs. A share that was asked for and has been overwritten by
// something else is written again only while it is safe.
func (e *engine) actWeights() {
	if e.spec.Mover != ByRoutes || !e.engaged() || !e.allRecorded() {
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
	if asked < high && stable == 0 && canary > 0 && e.spec.Replicas > 0 {
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
		e.do(PinService{Service: StableService, Revision: e.target()})
	}
	if c := e.canaryTarget(); e.hasCanaryService() && c != "" && e.seen.Canary.Pinned != c {
		e.do(PinService{Service: CanaryService, Revision: c})
	}
}

// canaryTarget is the revision that the canary Service may be pointed at now; empty where it has to stay.
func (e *engine) canaryTarget() string {
	switch t := e.s.Traffic; {
	case e.spec.Mover == BySelector:
		return e.previewTarget()
	case e.spec.Mover == ByRoutes && t.High > 0:
		return ""
	}
	return e.s.Candidate
}

// mayPinStable says whether the stable Service is to be pointed at another revision now: without traffic on it, or
// without any ready endpoint lost by it, or from one fully ready revision to another.
func (e *engine) mayPinStable() bool {
	s, target := e.seen.Stable, e.target()
	if !e.hasStableService() || s.Pinned == target {
		return false
	}
	rs, _ := e.replicaSet(target)
	if e.switching() {
		return e.full(rs) && e.s.Traffic.Low == 100 && e.seen.Canary.Ready(target) >= e.enough(e.spec.Replicas)
	}
	return s.ReadyOthers(target) == 0 || e.full(rs)
}

// actGrow makes ReplicaSets and makes them larger, the stable one first, as far as there is room.
func (e *engine) actGrow() {
	room := e.room()
	grow := func(revision string, size int32) {
		rs, ok := e.replicaSet(revision)
		more := min(size-rs.Desired, room)
		switch {
		case !ok && revision == e.spec.Revision && e.spec.Problem == nil:
			e.do(CreateReplicaSet{Revision: revision, Replicas: more})
		case !ok: // where the spec has this template it also has a problem, which is shown instead
			e.wait("the ReplicaSet of revision %s is gone, and the spec has another template: put the former template back, or promote with --full",
				revision)
			return
		case more > 0:
			e.do(ScaleReplicaSet{Revision: revision, From: rs.Desired, To: rs.Desired + more})
		}
		room -= max(0, more)
	}
	if e.s.Stable == "" {
		grow(e.spec.Revision, e.spec.Replicas)
		return
	}
	grow(e.s.Stable, e.stableSize()+e.extra(e.s.Stable))
	if c := e.s.Candidate; c != "" && e.keptApart(c) {
		rs, ok := e.replicaSet(c)
		if size := e.candidateSize(rs.Desired); ok || !e.held() {
			grow(c, size+e.extra(c))
		}
	}
}

// keptApart says that the candidate's pods get no traffic by being made, but where numbers of pods carry the traffic.
func (e *engine) keptApart(candidate string) bool {
	pinned := e.seen.Stable.Pinned
	stable := !e.hasStableService() || pinned == e.s.Stable ||
		e.spec.Mover == BySelector && pinned != "" && (pinned != candidate || e.s.Switched == candidate)
	canary := !e.hasCanaryService() || e.seen.Canary.Pinned == candidate || e.spec.Mover == BySelector
	return stable && canary
}

// hasStableService says that there is a Service to pin to the stable revision; only numbers of pods do without.
func (e *engine) hasStableService() bool { return e.seen.Stable.Named || e.spec.Mover != ByReplicas }

// hasCanaryService says that there is a Service to pin to the candidate; only routes need one.
func (e *engine) hasCanaryService() bool { return e.seen.Canary.Named || e.spec.Mover == ByRoutes }

// actRuns starts the analysis of the step and the one in the background, and stops the ones whose verdict is no longer
// asked for.
func (e *engine) actRuns() {
	keep := map[string]bool{}
	if step, ok := e.step(); ok && e.s.Candidate != "" && step.Kind == StepAnalysis && e.s.Mode != ModeFullSkipAnalysis {
		key := RunKey(e.s)
		keep[key] = true
		if _, started := e.run(); !started && e.spec.Problem == nil && e.shareMissing(e.stepShare()) == "" {
			e.do(StartRun{Key: key, Step: e.s.Step})
		}
	}
	if e.backgroundWanted() {
		key := BackgroundKey(e.s)
		keep[key] = true
		rs, _ := e.replicaSet(e.s.Candidate)
		if _, started := e.background(); !started && e.spec.Problem == nil && rs.Available > 0 {
			e.do(StartRun{Key: key, Step: -1})
		}
	}
	for _, r := range e.seen.Runs {
		if !keep[r.Key] && r.Phase == RunRunning {
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
		case rs.Role == RoleStable, rs.Role == RoleFormer:
			mark(rs, RoleFormer)
		default:
			mark(rs, RoleNone)
		}
	}
}

// actShrink makes ReplicaSets smaller, when no request can reach the pods that go, or enough others are there. An
// ordinary change of spec.replicas takes pods from the stable revision as a Deployment does.
func (e *engine) actShrink() {
	e.spareLeft = e.spare()
	for _, rs := range e.seen.ReplicaSets {
		size := e.sizeAfterShrink(rs)
		if size >= rs.Desired {
			continue
		}
		if e.shared(rs) {
			// Pods that are not available go first, and cost nothing.
			broken := rs.Desired - min(rs.Available, rs.Desired)
			cut := min(rs.Desired-size, broken+max(0, e.spareLeft))
			e.spareLeft -= max(0, cut-broken)
			size = rs.Desired - cut
		}
		if size < rs.Desired {
			e.actShrinkTo(rs, size)
		}
	}
}

func (e *engine) actShrinkTo(rs ReplicaSet, size int32) {
	if rs.Old > 0 && e.restartsBySurge() {
		e.do(PreferOldPods{Revision: rs.Revision})
	}
	e.do(ScaleReplicaSet{Revision: rs.Revision, From: rs.Desired, To: size})
}

// shared says that the pods of a revision are part of what all revisions together must keep available. Where only the
// stable revision shrinks, to what spec.replicas says, that allows as much as is asked.
func (e *engine) shared(rs ReplicaSet) bool {
	return e.spec.Mover == ByReplicas || e.bounded() && (rs.Revision == e.s.Stable || e.exposed(rs.Revision))
}

func (e *engine) sizeAfterShrink(rs ReplicaSet) int32 {
	switch rs.Revision {
	case e.s.SwitchingFrom:
		return rs.Desired
	case e.s.Stable:
		return e.stableSize() + e.extra(rs.Revision)
	case e.s.Candidate:
		size := e.candidateSize(rs.Desired) + e.extra(rs.Revision)
		switch {
		case e.spec.Mover == BySelector && e.exposed(rs.Revision):
			return max(size, e.spec.Replicas)
		case e.spec.Mover == ByRoutes && e.s.Traffic.Low < 100 && e.stableReaches(rs.Revision):
			return rs.Desired
		}
		return size
	}
	return e.otherSize(rs)
}

// otherSize is the size of a revision that is neither stable nor released.
func (e *engine) otherSize(rs ReplicaSet) int32 {
	switch {
	case e.s.Stable == "" && rs.Revision == e.spec.Revision:
		return e.spec.Replicas
	case e.s.Stable == "":
		return rs.Desired
	case e.spec.Mover == ByReplicas, e.mayGo(rs.Revision):
		return 0
	case e.bounded() && e.seen.Canary.Pinned == rs.Revision && !(e.s.Traffic.Low < 100 && e.stableReaches(rs.Revision)):
		return min(rs.Desired, e.servedFloor())
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
	served := canary.Pinned == "" && stable.Pinned == "" &&
		(e.spec.Replicas == 0 || e.spec.Mover != ByRoutes || canary.Ready(e.s.Stable) > 0)
	if served && e.s.Traffic.Gone() && !e.routesAtRest() {
		e.do(RestoreRoutes{})
	}
	if served && e.routesAtRest() {
		e.s.Originals = nil
	}
}

// mayRest says whether only the stable revision has pods, and no share of the traffic goes anywhere else.
func (e *engine) mayRest() bool {
	if e.s.Stable == "" || !e.quiet() || e.s.Traffic.Asked != 0 || e.s.Switched != "" {
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
