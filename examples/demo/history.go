package main

import (
	"maps"
	"slices"
	"sync"
	"time"

	sluicev1alpha1 "github.com/sluicehq/sluice/api/v1alpha1"
)

// moment is the state of the Rollout from a time on.
type moment struct {
	at     time.Time
	status sluicev1alpha1.RolloutStatus
	// commit is the Git commit of the spec, and current whether the status is about that spec.
	commit  string
	current bool
}

// candidate is the revision that is being released, or "".
func (m moment) candidate() string {
	if m.status.Release == nil {
		return ""
	}
	return m.status.Release.Revision
}

// behindCanary is the revision that the canary Service sends to: the candidate, and from the commit of its promotion
// until the stable Service has taken over the new stable one.
func (m moment) behindCanary() string {
	if m.status.Release != nil && m.status.Release.SwitchingFrom != "" {
		return m.status.StableRevision
	}
	return m.candidate()
}

// weights are the canary Service's shares, all 0 where nothing was asked.
func (m moment) weights() sluicev1alpha1.ReleaseWeights {
	if m.status.Release == nil || m.status.Release.Weights == nil {
		return sluicev1alpha1.ReleaseWeights{}
	}
	return *m.status.Release.Weights
}

// promoted says whether the commit is what is stable, with all the traffic.
func (m moment) promoted(commit string) bool {
	return m.current && m.commit == commit && m.status.Phase == sluicev1alpha1.RolloutHealthy &&
		m.status.StableRevision == m.status.CurrentRevision
}

// rejection gives the entry for the revision of the commit, where the commit was rolled back.
func (m moment) rejection(commit string) (sluicev1alpha1.RejectedRevision, bool) {
	for _, rejected := range m.status.Rejected {
		if m.current && m.commit == commit && rejected.Revision == m.status.CurrentRevision {
			return rejected, true
		}
	}
	return sluicev1alpha1.RejectedRevision{}, false
}

// routed is the weight of each backend of the route from a time on.
type routed struct {
	at      time.Time
	weights map[string]int32
}

// judged is an AnalysisRun with the phase that it has from a time on.
type judged struct {
	at    time.Time
	name  string
	phase sluicev1alpha1.AnalysisPhase
}

// history is what was seen in the cluster, with the times at which it was seen.
type history struct {
	mu      sync.Mutex
	moments []moment
	routes  []routed
	runs    []judged
	// pods are the times at which the first pod of each revision appeared.
	pods map[string]time.Time
}

func (h *history) addMoment(m moment) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.moments = append(h.moments, m)
}

func (h *history) addRoute(at time.Time, weights map[string]int32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.routes); n > 0 && maps.Equal(h.routes[n-1].weights, weights) {
		return
	}
	h.routes = append(h.routes, routed{at: at, weights: weights})
}

// addRun says whether the phase is news.
func (h *history) addRun(run judged) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, known := range slices.Backward(h.runs) {
		if known.name == run.name {
			if known.phase == run.phase {
				return false
			}
			break
		}
	}
	h.runs = append(h.runs, run)
	return true
}

func (h *history) addPod(at time.Time, revision string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.pods == nil {
		h.pods = map[string]time.Time{}
	}
	if _, known := h.pods[revision]; !known && revision != "" {
		h.pods[revision] = at
	}
}

// last is the present state.
func (h *history) last() moment {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.moments) == 0 {
		return moment{}
	}
	return h.moments[len(h.moments)-1]
}

// window is a time from, inclusive, to, exclusive.
type window struct{ from, to time.Time }

// settled gives the times in which the revision was asked to have the weight and every older weight was gone.
func (h *history) settled(revision string, weight int32) []window {
	h.mu.Lock()
	defer h.mu.Unlock()
	var windows []window
	var open *window
	for _, m := range h.moments {
		weights := m.weights()
		fits := m.behindCanary() == revision && weights.Asked == weight && weights.Low == weight && weights.High == weight
		switch {
		case fits && open == nil:
			open = &window{from: m.at}
		case !fits && open != nil:
			open.to = m.at
			windows = append(windows, *open)
			open = nil
		}
	}
	return windows
}

// podsAfter gives how long after a time the first pod of the revision appeared.
func (h *history) podsAfter(start time.Time, revision string) (time.Duration, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at, seen := h.pods[revision]
	return at.Sub(start), seen
}

// rollbackAfterVerdict gives how long after the first verdict of failure since a time the route had no weight left on the
// canary Service.
func (h *history) rollbackAfterVerdict(since time.Time, canaryService string) (time.Duration, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	verdict := slices.IndexFunc(h.runs, func(r judged) bool {
		return !r.at.Before(since) && (r.phase == sluicev1alpha1.AnalysisFailed || r.phase == sluicev1alpha1.AnalysisError)
	})
	if verdict < 0 {
		return 0, false
	}
	// The two are watched separately: the route's change may have been seen first.
	for i, route := range h.routes {
		if i > 0 && !route.at.Before(since) && h.routes[i-1].weights[canaryService] > 0 && route.weights[canaryService] == 0 {
			return max(0, route.at.Sub(h.runs[verdict].at)), true
		}
	}
	return 0, false
}
