package plan

import "slices"

// podsFor is the number of pods that carry a share of the traffic: ceil(share * replicas / 100).
func (e *engine) podsFor(share int32) int32 { return podsFor(share, e.spec.Replicas) }

func podsFor(share, replicas int32) int32 {
	return int32((int64(share)*int64(replicas) + 99) / 100)
}

// shareFor is the share that a number of ready pods carries, in percent, rounded down; all of it when they are at full
// size.
func (e *engine) shareFor(ready int32) int32 { return shareFor(ready, e.spec.Replicas) }

func shareFor(ready, replicas int32) int32 {
	if ready >= replicas {
		return 100
	}
	return int32(int64(ready) * 100 / int64(replicas))
}

// leastPodsFor is the least number of pods of which the share, rounded up to a whole percent, is at least this one. It
// is podsFor without the pod that rounding to whole percents costs, so that both sides of a share add up to no more
// than replicas and one.
func leastPodsFor(share, replicas int32) int32 {
	if share <= 0 || replicas == 0 {
		return 0
	}
	if replicas > 100 {
		return podsFor(share, replicas)
	}
	return int32(int64(share-1)*int64(replicas)/100) + 1
}

// enough is how many of the pods that are needed are enough to go on.
func (e *engine) enough(need int32) int32 { return e.spec.Threshold.of(need) }

func (t Threshold) of(need int32) int32 {
	switch {
	case t.Percent > 0:
		return min(need, podsFor(t.Percent, need))
	case t.Pods > 0:
		return min(need, t.Pods)
	}
	return need
}

// full says that a revision has the pods that all of the traffic needs.
func (e *engine) full(rs ReplicaSet) bool {
	return rs.Settled && rs.Available >= e.enough(e.spec.Replicas)
}

// bounded says that the number of pods of a release with routes is bounded, so that its revisions share the room.
func (e *engine) bounded() bool { return e.spec.Mover == ByRoutes && e.spec.Surge != Unbounded }

// limit is how many pods there may be in all; false where there is no bound. Between two revisions that both have
// traffic there are always two pods.
func limit(spec Spec) (int32, bool) {
	switch {
	case spec.Surge == Unbounded || spec.Mover == BySelector:
		return 0, false
	case spec.Mover == ByRoutes:
		return max(spec.Replicas+spec.Surge, min(2, 2*spec.Replicas)), true
	}
	return spec.Replicas + spec.Surge, true
}

// total counts the pods that are there or are to be there.
func (e *engine) total() int32 {
	var n int32
	for _, rs := range e.seen.ReplicaSets {
		n += max(rs.Desired, rs.Pods)
	}
	return n
}

// room is how many pods may be made now.
func (e *engine) room() int32 {
	most, is := limit(e.spec)
	if !is || e.s.Stable == "" {
		return 1 << 30
	}
	return max(0, most-e.total())
}

// spare is how many available pods may go now without leaving fewer than replicas and what may be missing.
func (e *engine) spare() int32 {
	return e.available() - (e.spec.Replicas - e.spec.Unavailable)
}

// available counts the available pods that are to stay.
func (e *engine) available() int32 {
	var n int32
	for _, rs := range e.seen.ReplicaSets {
		n += min(rs.Available, rs.Desired)
	}
	return n
}

// split is how many pods of each revision come closest to a share: of replicas pods, or of one more where there may be
// more. Of two that are as close, the one with more new pods. With two pods or more, neither side of a share between 0
// and 100 is left without.
func split(share, replicas, surge int32) (canary, stable int32) {
	if share <= 0 {
		return 0, replicas
	}
	if share >= 100 {
		return replicas, 0
	}
	best := int64(-1)
	for _, total := range []int32{replicas, replicas + min(1, surge)} {
		if total < 2 && surge > 0 {
			continue
		}
		floor := int32(int64(share) * int64(total) / 100)
		for _, c := range []int32{floor, floor + 1} {
			if total >= 2 {
				c = max(1, min(c, total-1))
			}
			// How far c/total is from share/100, times 100 and both totals, to stay in whole numbers.
			off := int64(c)*100 - int64(share)*int64(total)
			distance := max(off, -off) * int64(2*replicas+1-total)
			if best < 0 || distance < best || distance == best && c > canary {
				best, canary, stable = distance, c, total-c
			}
		}
	}
	return canary, stable
}

// candidateSize is the number of pods that the candidate is to have: enough for the share that its step asks for, for
// any share that a gateway may still be serving, and for what a step sets.
func (e *engine) candidateSize(now int32) int32 {
	switch e.spec.Mover {
	case ByReplicas:
		canary, _ := split(e.s.Traffic.Asked, e.spec.Replicas, e.spec.Surge)
		return canary
	case BySelector:
		if e.s.Switched == e.s.Candidate {
			return e.spec.Replicas
		}
	case ByRoutes:
		if e.seen.Canary.Pinned != e.s.Candidate {
			return now
		}
	}
	var served int32
	if e.spec.Mover == ByRoutes {
		served = e.podsFor(max(min(e.s.Traffic.Asked, e.stepShare()), e.s.Traffic.High))
	}
	size := max(served, e.podsFor(e.stepShare()), e.stepScale())
	if e.held() {
		size = min(size, max(served, now))
	}
	if size > 0 {
		size = max(size, min(e.spec.MinPods, e.spec.Replicas))
	}
	return e.fitting(size)
}

// fitting is a size as far as the number of pods is bounded: the stable revision keeps the pods for its share, and the
// candidate those for any share that a gateway may be serving, but for as many as may be missing.
func (e *engine) fitting(size int32) int32 {
	most, is := limit(e.spec)
	if !is {
		return size
	}
	return max(min(size, e.servedFloor()), min(size, most-e.stableFloor(min(e.s.Traffic.Low, e.stepShare()))))
}

// servedFloor is the least number of pods of the revision behind the canary Service, where the number of pods is bounded
// and as many may be missing as may be.
func (e *engine) servedFloor() int32 {
	least := leastPodsFor(e.s.Traffic.High, e.spec.Replicas)
	return max(min(1, least), least-e.spec.Unavailable)
}

// needed is how many pods of the candidate have to be available for its step.
func (e *engine) needed() int32 {
	if e.spec.Mover == ByReplicas {
		canary, _ := split(e.stepShare(), e.spec.Replicas, e.spec.Surge)
		return e.enough(canary)
	}
	need := e.enough(max(e.podsFor(e.stepShare()), e.fitting(e.stepScale())))
	if e.noRoomLeft() {
		need = max(min(1, need), need-e.spec.Unavailable)
	}
	return need
}

// noRoomLeft says that the number of pods is bounded, and that nobody can make room for another one of the candidate: it
// has to do with as many missing as may be.
func (e *engine) noRoomLeft() bool {
	if !e.s.Traffic.Gone() || e.room() > 0 {
		return false
	}
	return !slices.ContainsFunc(e.seen.ReplicaSets, func(rs ReplicaSet) bool {
		return rs.Revision != e.s.Candidate && (!rs.Settled || rs.Desired > e.sizeAfterShrink(rs))
	})
}

// stepScale is the size that the last step of its kind sets; 0 where the size follows the share.
func (e *engine) stepScale() int32 {
	var size int32
	for _, s := range e.spec.Steps[:min(int(e.s.Step)+1, len(e.spec.Steps))] {
		switch {
		case s.Kind != StepScale:
		case s.Match || e.spec.Replicas == 0:
			size = 0
		case s.Pods != Unbounded:
			size = s.Pods
		default:
			size = e.podsFor(s.Weight)
		}
	}
	return size
}

// stableSize is the number of pods that the stable revision is to have.
func (e *engine) stableSize() int32 {
	n := e.spec.Replicas
	if e.spec.Mover == ByReplicas {
		_, stable := split(e.s.Traffic.Asked, n, e.spec.Surge)
		return stable
	}
	if e.spec.Mover != ByRoutes || e.s.Candidate == "" {
		return n
	}
	size := n
	if e.spec.DynamicStable {
		size = max(e.podsFor(100-min(e.s.Traffic.Low, e.wantedShare())), min(e.spec.MinPods, n))
	}
	if most, is := limit(e.spec); is {
		size = min(size, max(e.stableFloor(e.s.Traffic.Low), most-e.othersSize()))
	}
	return size
}

// stableFloor is the least number of pods of the stable revision while it may be serving all but a share.
func (e *engine) stableFloor(share int32) int32 {
	if share >= 100 {
		return 0
	}
	n := e.spec.Replicas
	return max(min(1, n), leastPodsFor(100-share, n)-e.spec.Unavailable)
}

// othersSize is how many pods the candidate is to have, and any other revision has.
func (e *engine) othersSize() int32 {
	rs, _ := e.replicaSet(e.s.Candidate)
	n := max(rs.Pods, e.candidateSize(rs.Desired))
	for _, rs := range e.seen.ReplicaSets {
		if rs.Revision != e.s.Stable && rs.Revision != e.s.Candidate {
			n += max(rs.Desired, rs.Pods)
		}
	}
	return n
}
