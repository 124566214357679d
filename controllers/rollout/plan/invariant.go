package plan

import (
	"fmt"
	"slices"
)

// Violations says which invariants an action would break, carried out in the world as seen, with seen.State as it was
// written before the action. It is written apart from the decisions, so that one checks the other: the model and the
// simulation hold it against the true world, and the controller against its live reads just before each action.
func Violations(spec Spec, seen Observed, action Action) []string {
	w := world{spec: spec, seen: seen}
	switch a := action.(type) {
	case SetWeight:
		return w.setWeight(a)
	case PinService:
		return w.pin(a)
	case UnpinService:
		return w.unpin(a)
	case ScaleReplicaSet:
		return w.scale(a)
	case CreateReplicaSet:
		return w.create(a)
	case DeleteReplicaSet:
		return w.remove(a)
	case RestoreRoutes:
		return w.restore()
	case EvictPods:
		return w.evict(a)
	case ScaleWorkload:
		return w.workload(a)
	case MarkReplicaSet, StartRun, StopRun, PreferOldPods:
		return nil
	}
	return []string{fmt.Sprintf("unknown action %T", action)}
}

type world struct {
	spec Spec
	seen Observed
}

func (w world) find(revision string) (ReplicaSet, bool) {
	for _, rs := range w.seen.ReplicaSets {
		if rs.Revision == revision {
			return rs, true
		}
	}
	return ReplicaSet{}, false
}

// setWeight: none may raise the weight of a Service without ready endpoints, unless the other has none either and the
// Rollout has nothing to lose; and a canary is given no more than its pods carry, unless the stable revision has none.
func (w world) setWeight(a SetWeight) (broken []string) {
	canary, stable := w.seen.Canary.readyTotal(), w.seen.Stable.readyTotal()
	for _, r := range w.seen.Routes {
		if a.Percent > r.Low && canary == 0 {
			broken = append(broken, fmt.Sprintf("weight %d -> %d with no ready endpoint behind the canary Service", r.Low, a.Percent))
		}
		if a.Percent < r.High && stable == 0 && canary > 0 && w.spec.Replicas > 0 {
			broken = append(broken, fmt.Sprintf("weight %d -> %d with no ready endpoint behind the stable Service", r.High, a.Percent))
		}
	}
	if a.Percent != w.seen.State.Traffic.Asked {
		broken = append(broken, fmt.Sprintf("weight %d was not written ahead", a.Percent))
	}
	return broken
}

// pin: a Service moves only without traffic, or without losing a ready endpoint, or to a fully ready revision; after
// the commit the stable Service moves only when nothing may be served through it. A canary Service that no route names
// has no traffic that a release could lose.
func (w world) pin(a PinService) (broken []string) {
	t := w.seen.State.Traffic
	if a.Service == CanaryService {
		if w.spec.Mover == ByRoutes && t.High > 0 && w.seen.Canary.ReadyOthers(a.Revision) > 0 {
			broken = append(broken, fmt.Sprintf("canary Service moves to %s while up to %d%% may be served through it", a.Revision, t.High))
		}
		return broken
	}
	if w.seen.State.SwitchingFrom != "" && t.Low < 100 {
		broken = append(broken, fmt.Sprintf("stable Service moves to %s while up to %d%% may be served through it", a.Revision, 100-t.Low))
	}
	rs, _ := w.find(a.Revision)
	if full := w.spec.Threshold.of(w.spec.Replicas); w.seen.Stable.ReadyOthers(a.Revision) > 0 && rs.Available < full {
		broken = append(broken, fmt.Sprintf("stable Service moves to %s, which has %d of %d pods available", a.Revision, rs.Available, full))
	}
	if a.Revision != w.seen.State.Stable && a.Revision != w.seen.State.Switched {
		broken = append(broken, fmt.Sprintf("stable Service moves to %s, which was not written ahead", a.Revision))
	}
	return broken
}

// unpin: only when one revision has pods.
func (w world) unpin(a UnpinService) (broken []string) {
	for _, rs := range w.seen.ReplicaSets {
		if rs.Revision != w.seen.State.Stable && (rs.Pods > 0 || rs.Desired > 0) {
			broken = append(broken, fmt.Sprintf("%s Service is unpinned while revision %s has pods", a.Service, rs.Revision))
		}
	}
	return broken
}

// scale: nothing that takes endpoints away happens while a weight on them is not gone, every revision keeps the pods that
// its share needs, and no more pods are made than there may be.
func (w world) scale(a ScaleReplicaSet) (broken []string) {
	s := w.seen.State
	switch {
	case a.To > a.From:
		return w.grow(a)
	case s.Stable == "":
		if rs, _ := w.find(a.Revision); rs.Available > 0 && a.Revision != w.spec.Revision {
			broken = append(broken, fmt.Sprintf("revision %s shrinks while it serves and none is stable", a.Revision))
		}
	case w.spec.Mover == ByReplicas:
		broken = w.shrinkShared(a)
	case a.Revision == s.Stable:
		if least := w.stableNeeds(); a.To < least {
			broken = append(broken, fmt.Sprintf("stable revision %s shrinks to %d of %d", a.Revision, a.To, least))
		}
	case a.Revision == s.SwitchingFrom:
		broken = append(broken, fmt.Sprintf("revision %s shrinks before it has been handed over", a.Revision))
	default:
		broken = w.shrink(a)
	}
	return broken
}

// grow: a rejected revision gets no pods, and where the number of pods is bounded the bound holds, but for the pod more
// that replaces an old one.
func (w world) grow(a ScaleReplicaSet) (broken []string) {
	s := w.seen.State
	if w.rejected(a.Revision) && s.Stable != "" && a.Revision != s.Stable {
		broken = append(broken, fmt.Sprintf("rejected revision %s grows", a.Revision))
	}
	return append(broken, w.tooMany(a.To-a.From)...)
}

func (w world) tooMany(more int32) []string {
	most, bounded := limit(w.spec)
	if !bounded || more <= 0 || w.seen.State.Stable == "" {
		return nil
	}
	total := more
	for _, rs := range w.seen.ReplicaSets {
		total += max(rs.Desired, rs.Pods)
	}
	if total <= most {
		return nil
	}
	return []string{fmt.Sprintf("%d pods where there may be %d", total, most)}
}

// shrinkShared: where all pods carry the traffic together, as many stay available as have to, whatever revision they are
// of. Pods that are not available go first.
func (w world) shrinkShared(a ScaleReplicaSet) []string {
	var available, lost int32
	for _, rs := range w.seen.ReplicaSets {
		now := min(rs.Available, rs.Desired)
		if rs.Revision == a.Revision {
			lost = now - min(now, a.To)
		}
		available += now
	}
	if least := w.spec.Replicas - w.spec.Unavailable; lost > 0 && available-lost < least {
		return []string{fmt.Sprintf("revision %s shrinks to %d, and %d of %d pods stay available", a.Revision, a.To, available-lost, least)}
	}
	return nil
}

// stableNeeds is the least size of the stable revision: its full one, unless its size follows its share.
func (w world) stableNeeds() int32 {
	n, t := w.spec.Replicas, w.seen.State.Traffic
	least := n
	if w.spec.DynamicStable && w.seen.State.Candidate != "" {
		least = podsFor(100-t.Low, n)
	}
	if _, bounded := limit(w.spec); bounded && w.seen.State.Candidate != "" {
		least = min(least, leastPodsFor(100-t.Low, n)-w.spec.Unavailable)
		if t.Low < 100 {
			least = max(least, min(1, n))
		}
	}
	return least
}

// shrink: what is left of a revision carries every share that a gateway may still be serving.
func (w world) shrink(a ScaleReplicaSet) (broken []string) {
	t := w.seen.State.Traffic
	if w.spec.Mover == BySelector {
		if reach(w.seen.Stable, a.Revision) && a.To < w.spec.Replicas {
			broken = append(broken, fmt.Sprintf("revision %s shrinks while the stable Service reaches it", a.Revision))
		}
		return broken
	}
	need := podsFor(t.High, w.spec.Replicas)
	if _, bounded := limit(w.spec); bounded && t.High > 0 {
		need = max(min(1, w.spec.Replicas), leastPodsFor(t.High, w.spec.Replicas)-w.spec.Unavailable)
	}
	if reach(w.seen.Canary, a.Revision) && a.To < need {
		broken = append(broken, fmt.Sprintf("revision %s shrinks to %d while up to %d%% may be served by it", a.Revision, a.To, t.High))
	}
	if reach(w.seen.Stable, a.Revision) && t.Low < 100 {
		broken = append(broken, fmt.Sprintf("revision %s shrinks while the stable Service reaches it", a.Revision))
	}
	return broken
}

// evict: no more pods are evicted than may be missing, and not the last one of a canary.
func (w world) evict(a EvictPods) (broken []string) {
	rs, _ := w.find(a.Revision)
	ready := a.Count - (rs.Old - rs.OldReady)
	if ready > 0 && ready > w.spec.Unavailable {
		broken = append(broken, fmt.Sprintf("%d ready pods of %s are evicted where %d may be missing", ready, a.Revision, w.spec.Unavailable))
	}
	if ready > 0 && ready >= rs.Available && w.spec.Mover == ByRoutes && a.Revision == w.seen.State.Candidate {
		broken = append(broken, fmt.Sprintf("the last pod of the canary %s is evicted", a.Revision))
	}
	return broken
}

// workload: the workload's pods go when the stable revision can carry everything.
func (w world) workload(a ScaleWorkload) []string {
	var available int32
	for _, rs := range w.seen.ReplicaSets {
		available += min(rs.Available, rs.Desired)
	}
	if have, need := available+a.To, w.spec.Threshold.of(w.spec.Replicas); have < need && have < available+a.From {
		return []string{fmt.Sprintf("the workload shrinks to %d, which leaves %d of %d pods", a.To, have, need)}
	}
	return nil
}

func reach(s Service, revision string) bool {
	return s.Pinned == "" || s.Pinned == revision || s.Ready(revision) > 0
}

// create: a new revision's pods get no traffic by being made, but where all pods carry it, and a rejected revision is
// never a candidate.
func (w world) create(a CreateReplicaSet) (broken []string) {
	s := w.seen.State
	if s.Stable == "" || a.Revision == s.Stable {
		return nil
	}
	if w.rejected(a.Revision) {
		broken = append(broken, fmt.Sprintf("rejected revision %s is created", a.Revision))
	}
	if stable := w.seen.Stable; (stable.Named || w.spec.Mover != ByReplicas) && (stable.Pinned == "" || stable.Pinned == a.Revision && s.Switched != a.Revision) {
		broken = append(broken, fmt.Sprintf("revision %s is created while the stable Service would select it", a.Revision))
	}
	if w.spec.Mover == ByRoutes && w.seen.Canary.Pinned != a.Revision {
		broken = append(broken, fmt.Sprintf("revision %s is created while the canary Service is another's", a.Revision))
	}
	return append(broken, w.tooMany(a.Replicas)...)
}

func (w world) remove(a DeleteReplicaSet) (broken []string) {
	if rs, ok := w.find(a.Revision); ok && (rs.Desired > 0 || rs.Pods > 0) {
		broken = append(broken, fmt.Sprintf("ReplicaSet %s is deleted with %d pods", a.Revision, rs.Pods))
	}
	return broken
}

// restore: the user's weights are back only when every Service serves the stable revision.
func (w world) restore() (broken []string) {
	if t := w.seen.State.Traffic; t.Asked != 0 || t.High != 0 {
		broken = append(broken, fmt.Sprintf("routes are restored while up to %d%% may be served by the canary Service", t.High))
	}
	if w.seen.Stable.Pinned != "" || w.seen.Canary.Pinned != "" {
		broken = append(broken, "routes are restored while a Service is pinned")
	}
	return broken
}

func (w world) rejected(revision string) bool {
	return slices.Contains(w.seen.State.Rejected, revision)
}
