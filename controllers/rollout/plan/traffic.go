package plan

import (
	"slices"
	"time"
)

// target is the revision that the stable Service is for.
func (e *engine) target() string {
	if e.s.Switched != "" {
		return e.s.Switched
	}
	return e.s.Stable
}

// seenShare is the lowest and the highest share of the new revision, as far as it can be seen: over all routes, or by
// the selector of the stable Service.
func (e *engine) seenShare() (low, high int32) {
	if e.spec.Mover == BySelector {
		if p := e.seen.Stable.Pinned; p != "" && p != e.s.Stable {
			return 100, 100
		}
		return 0, 0
	}
	for i, r := range e.seen.Routes {
		if i == 0 {
			low, high = r.Low, r.High
		}
		low, high = min(low, r.Low), max(high, r.High)
	}
	return low, high
}

// followTraffic learns what may be served. What is seen in a route or a selector widens the bounds at once; only an
// acknowledgement that has settled narrows them.
func (e *engine) followTraffic() {
	t := &e.s.Traffic
	low, high := e.seenShare()
	switch {
	case e.spec.Mover == ByReplicas:
		*t = Traffic{Asked: t.Asked, Low: t.Asked, High: t.Asked}
		return
	case !e.engaged():
		*t = Traffic{Low: 0, High: high}
		return
	case e.spec.Mover == ByRoutes && len(e.seen.Routes) == 0:
		t.AckedAt = zeroTime
		return
	}
	t.Low, t.High = min(t.Low, low), max(t.High, high)
	if low != t.Asked || high != t.Asked || !e.acknowledged() {
		t.AckedAt = zeroTime
		return
	}
	if t.AckedAt.IsZero() {
		t.AckedAt = e.now
	}
	if !t.Gone() && e.passed(t.AckedAt, e.spec.Settle) {
		t.Low, t.High = t.Asked, t.Asked
	}
}

// acknowledged says that what is asked has been taken up: by every gateway, or by the endpoints of the stable Service.
func (e *engine) acknowledged() bool {
	if e.spec.Mover == BySelector {
		s, target := e.seen.Stable, e.target()
		if rs, _ := e.replicaSet(target); s.ReadyOthers(target) > 0 || s.Ready(target) == 0 && rs.Available > 0 {
			e.wait("the endpoints of the stable Service are not those of revision %s yet", target)
			return false
		}
		return true
	}
	for _, r := range e.seen.Routes {
		if !r.Acknowledged {
			e.wait("weight %d is not acknowledged yet: %s", e.s.Traffic.Asked, r.Waiting)
			return false
		}
	}
	return true
}

// steer moves the asked share towards the wanted one, as far as ready pods allow.
func (e *engine) steer() {
	if !e.engaged() || e.spec.Mover == ByRoutes && len(e.seen.Routes) == 0 {
		e.s.StableServedAt, e.s.StableClearAt, e.s.CanaryServedAt = zeroTime, zeroTime, zeroTime
		if e.spec.Mover == ByReplicas {
			e.s.Traffic = Traffic{}
		}
		return
	}
	e.followEndpoints()
	want, asked := e.wantedShare(), e.s.Traffic.Asked
	switch {
	case e.spec.Mover == ByReplicas:
		e.aim(want)
	case e.spec.Mover == BySelector:
		e.steerSelector(want)
	case want > asked:
		e.raise(want)
	case want < asked:
		e.lower(want)
	}
}

// wantedShare is the share that the new revision should have.
func (e *engine) wantedShare() int32 {
	asked := e.s.Traffic.Asked
	switch {
	case e.switching():
		return e.handOverShare()
	case e.s.Candidate == "", e.spec.Replicas == 0:
		return 0
	case e.spec.Mover == ByRoutes && (e.seen.Canary.Pinned != e.s.Candidate || e.seen.Canary.Ready(e.s.Candidate) == 0):
		return 0
	case e.held():
		return min(asked, e.stepShare())
	}
	return e.stepShare()
}

// followEndpoints remembers since when each Service has endpoints of its revision and no others. Endpoints of pods that
// are about to go, or are gone already, do not count: others may be there by the next look.
func (e *engine) followEndpoints() {
	follow := func(since *time.Time, s Service, revision string) {
		rs, _ := e.replicaSet(revision)
		staying := rs.Settled && rs.Desired > 0 && rs.Available >= s.Ready(revision)
		switch {
		case !s.selects(revision) || rs.Available == 0 || s.Ready(revision) == 0 || s.ReadyOthers(revision) > 0:
			*since = zeroTime
		case since.IsZero() && staying:
			*since = e.now
		}
	}
	follow(&e.s.StableServedAt, e.seen.Stable, e.target())
	follow(&e.s.CanaryServedAt, e.seen.Canary, e.s.Candidate)
	switch target := e.target(); {
	case !e.seen.Stable.selects(target), e.seen.Stable.ReadyOthers(target) > 0:
		e.s.StableClearAt = zeroTime
	case e.s.StableClearAt.IsZero():
		e.s.StableClearAt = e.now
	}
}

// selects says that a Service's selector is for a revision, so that its endpoints will not be another's soon.
func (s Service) selects(revision string) bool { return s.Pinned == "" || s.Pinned == revision }

// aim sets the share that the numbers of pods are to carry.
func (e *engine) aim(share int32) {
	if asked := e.s.Traffic.Asked; share != asked {
		e.note("WeightAimed", "share of the new revision's pods %d -> %d percent", asked, share)
	}
	e.s.Traffic = Traffic{Asked: share, Low: share, High: share}
}

// raise gives the canary more traffic once enough of its pods are ready behind its Service. Where the number of pods is
// bounded, it gets as much on the way as the pods that there are carry.
func (e *engine) raise(share int32) {
	rs, _ := e.replicaSet(e.s.Candidate)
	ready, asked := e.seen.Canary.Ready(e.s.Candidate), e.s.Traffic.Asked
	need := e.enough(e.podsFor(share))
	if have := min(rs.Available, ready); e.bounded() && have < need {
		carried := e.shareOnTheWay(have)
		share, need = min(share, carried), have
		if carried <= asked {
			need++
		}
	}
	if e.seen.Stable.Pinned != e.s.Stable || !rs.Settled || rs.Available < need || ready < need {
		e.wait("waiting for the pods of revision %s: %d of %d available, %d ready behind the canary Service",
			e.s.Candidate, rs.Available, need, ready)
		return
	}
	// A gateway may learn of the weight before it learns of the first endpoints, as of those that it loses.
	if asked == 0 && !e.passed(e.s.CanaryServedAt, e.spec.Settle) {
		e.wait("the endpoints of revision %s settle in the gateways", e.s.Candidate)
		return
	}
	e.note("WeightRaised", "%d of %d pods of revision %s are ready: weight %d -> %d",
		ready, need, e.s.Candidate, asked, share)
	e.ask(share)
}

// shareOnTheWay is the share that the candidate gets before it has the pods for its step: what those that there are
// carry, and where nobody can make room for another one, as much as may be carried with pods missing.
func (e *engine) shareOnTheWay(have int32) int32 {
	if share := e.shareFor(have); share > e.s.Traffic.Asked || !e.noRoomLeft() {
		return share
	}
	return e.shareCarried(have)
}

// lower gives traffic back to the stable Service, no more than its ready pods carry, unless the canary has none.
func (e *engine) lower(share int32) {
	asked := e.s.Traffic.Asked
	stable, canary := e.stableReady(), e.seen.Canary.readyTotal()
	if e.spec.Replicas == 0 {
		e.note("WeightLowered", "weight %d -> %d: the Rollout is scaled to 0", asked, share)
		e.ask(share)
		return
	}
	if canary > 0 && !e.switching() { // in a hand-over both Services have the same pods
		share = max(share, 100-e.shareCarried(stable))
	}
	if share >= asked || (stable == 0 && canary > 0) {
		e.wait("weight stays at %d: the stable revision %s has %d of %d pods ready", asked, e.s.Stable, stable, e.spec.Replicas)
		return
	}
	if stable == 0 {
		e.wait("neither revision has a ready pod")
		return
	}
	if canary > 0 && !e.passed(e.s.StableServedAt, e.spec.Settle) {
		e.wait("weight stays at %d: the stable Service's endpoints settle in the gateways", asked)
		return
	}
	e.note("WeightLowered", "weight %d -> %d: %d of %d pods of the stable revision %s are ready",
		asked, share, stable, e.spec.Replicas, e.s.Stable)
	e.ask(share)
}

// stableReady counts the ready endpoints of the stable revision. Where it may have been made smaller they count only once
// its ReplicaSet has followed: until then some of them are about to go.
func (e *engine) stableReady() int32 {
	rs, _ := e.replicaSet(e.s.Stable)
	if (e.spec.DynamicStable || e.bounded()) && !rs.Settled {
		return 0
	}
	return e.seen.Stable.Ready(e.s.Stable)
}

// shareCarried is the share that ready pods carry. Where the number of pods is bounded, as many may be missing as
// Spec.Unavailable says, and the share is rounded up, as leastPodsFor counts; else a revision could not get its pods back.
func (e *engine) shareCarried(ready int32) int32 {
	if !e.bounded() || ready == 0 {
		return e.shareFor(ready)
	}
	n := int64(e.spec.Replicas)
	return int32(min(100, (int64(ready+e.spec.Unavailable)*100+n-1)/n))
}

func (s Service) readyTotal() int32 {
	var n int32
	for _, e := range s.Endpoints {
		n += e.Ready
	}
	return n
}

// ask changes the asked share. From now on a gateway may serve the old one, the new one, or anything that was asked
// before and is not gone.
func (e *engine) ask(share int32) {
	t := &e.s.Traffic
	t.Asked, t.AckedAt = share, zeroTime
	t.Low, t.High = min(t.Low, share), max(t.High, share)
}

// exposed says whether a request may still reach a revision: through a Service that selects it, or did until its
// endpoints follow, with a share that a gateway may still be serving.
func (e *engine) exposed(revision string) bool {
	if e.spec.Mover == BySelector {
		return revision == e.s.Switched || e.stableReaches(revision)
	}
	return e.s.Traffic.High > 0 && e.seen.Canary.reaches(revision) || e.s.Traffic.Low < 100 && e.stableReaches(revision)
}

// stableReaches says whether the stable Service sends requests to a revision, or did until a gateway has learnt of the
// endpoints that it lost.
func (e *engine) stableReaches(revision string) bool {
	return e.seen.Stable.reaches(revision) || !e.passed(e.s.StableClearAt, e.spec.Settle)
}

// reaches says whether a Service's selector or endpoints have a revision.
func (s Service) reaches(revision string) bool {
	return s.Pinned == "" || s.Pinned == revision || s.Ready(revision) > 0
}

// recordOriginals writes the routes down as they are before the first change.
func (e *engine) recordOriginals() {
	if !e.engaged() {
		e.s.Originals = nil
		return
	}
	for _, r := range e.seen.Routes {
		if r.Original == "" || e.recorded(r.Name) {
			continue
		}
		e.s.Originals = append(e.s.Originals, Original{Name: r.Name, Rules: r.Original})
	}
}

func (e *engine) recorded(route string) bool {
	return slices.ContainsFunc(e.s.Originals, func(o Original) bool { return o.Name == route })
}

// allRecorded says that every route may be changed: what it was is in the state.
func (e *engine) allRecorded() bool {
	missing := slices.ContainsFunc(e.seen.Routes, func(r Route) bool { return !e.recorded(r.Name) })
	return len(e.seen.Routes) > 0 && !missing
}
