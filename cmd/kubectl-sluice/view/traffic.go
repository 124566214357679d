package view

import (
	"slices"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

// movedBy returns what moves the traffic of a Rollout: the word of status.release.drives.by, or what the spec comes to.
func movedBy(ro *v1alpha1.Rollout) string {
	if r := ro.Status.Release; r != nil && r.Drives != nil && r.Drives.By != "" {
		return r.Drives.By
	}
	return wanted.Drives(ro.Spec.Strategy).By
}

// withdrawing says whether the strategy has changed since the release began: what it drives comes to rest first.
func withdrawing(ro *v1alpha1.Rollout) bool {
	r := ro.Status.Release
	if r == nil || r.Drives == nil {
		return false
	}
	begun, now := *r.Drives, wanted.Drives(ro.Spec.Strategy)
	return begun.By != now.By || begun.StableService != now.StableService || begun.CanaryService != now.CanaryService ||
		!slices.Equal(begun.Routes, now.Routes) || !slices.Equal(begun.RouteSelectors, now.RouteSelectors) ||
		begun.OwnCanaryService != now.OwnCanaryService
}

func weights(o Objects) *Weights {
	r := o.Rollout.Status.Release
	if r == nil || r.Weights == nil {
		return nil
	}
	w := &Weights{By: movedBy(o.Rollout), Asked: r.Weights.Asked, Low: r.Weights.Low, High: r.Weights.High}
	if r.Weights.AcknowledgedAt != nil {
		w.AcknowledgedAt = r.Weights.AcknowledgedAt.Time
	}
	w.Serving, w.Available = serving(o, fresh(o.Rollout))
	return w
}

// fresh returns the revision that the weights are about: the new one, also on its way back and once it is promoted.
func fresh(ro *v1alpha1.Rollout) string {
	s := &ro.Status
	switch r := s.Release; {
	case r == nil:
		return ""
	case r.SwitchingFrom != "":
		return s.StableRevision
	case r.Revision == "" && s.Abort != nil:
		return s.Abort.Revision
	default:
		return r.Revision
	}
}

// serving counts the available pods of a revision, and of all.
func serving(o Objects, hash string) (of, all int32) {
	for _, rs := range o.ReplicaSets {
		if !ownedBy(rs, o.Rollout) {
			continue
		}
		all += rs.Status.AvailableReplicas
		if revisionOf(rs) == hash {
			of += rs.Status.AvailableReplicas
		}
	}
	return of, all
}

// share returns the range of the traffic that a revision may be getting; nil for none.
func share(hash string, o Objects) *Share {
	s := &o.Rollout.Status
	if movedBy(o.Rollout) == wanted.ByReplicas {
		if of, all := serving(o, hash); all > 0 {
			return part(of, all)
		}
	}
	if s.Release == nil || s.Release.Weights == nil {
		if hash == s.StableRevision {
			return &Share{Low: 100, High: 100}
		}
		return nil
	}
	w, old := s.Release.Weights, s.StableRevision
	if s.Release.SwitchingFrom != "" {
		old = s.Release.SwitchingFrom
		if s.Release.StableServedAt != nil { // Both Services are the new revision's by now.
			if hash == s.StableRevision {
				return &Share{Low: 100, High: 100}
			}
			return nil
		}
	}
	switch {
	case hash == fresh(o.Rollout) && w.High > 0:
		return &Share{Low: w.Low, High: w.High}
	case hash == old && w.Low < 100:
		return &Share{Low: 100 - w.High, High: 100 - w.Low}
	}
	return nil
}

// part is what some of all pods get, to the nearest percent; nil for none.
func part(of, all int32) *Share {
	if of == 0 {
		return nil
	}
	percent := int32((int64(of)*200 + int64(all)) / (2 * int64(all)))
	return &Share{Low: percent, High: percent}
}
