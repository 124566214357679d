package model

import (
	"strconv"
	"time"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// Indexes of objects.Runs.
const (
	stepRun = iota
	backgroundRun
)

// take lets a move happen. What it costs the adversary has been paid.
func (w *World) take(m *move) {
	switch m.do {
	case catchUp:
		w.catchUp(int(m.n))
	case podsFollow, podReady, podsWork, podUnready, podsCrash:
		w.takePods(m)
	case endpointsFollow:
		w.Live.Services.Ready = w.wantedReady()
		w.changed(informServices)
	case dataEndpoints:
		w.Gateway.Endpoints, w.Gateway.EndpointsAge = w.wantedEndpoints(), 0
	case gatewayMended, acknowledge, dataWeight, rewriteRoute, refuseRoute:
		w.takeTraffic(m)
	case verdict:
		w.Live.Runs[m.n>>8].Phase = plan.RunPhase(m.n & 0xff)
		w.changed(informRuns)
	case decide, carryOut, dropStale, finalize, crash, failWrite:
		w.takeController(m)
	case passTick:
		w.pass(tick)
	case hourPasses:
		w.pass(time.Hour)
	case clockBack:
		w.Now = w.Now.Add(-clockJump)
	case loseStatus:
		w.State, w.Drives, w.Forgotten = &plan.State{}, -1, w.Finalizer
	case deleteRollout:
		w.Deleting = true
	case changeTemplate, changeStrategy, changeReplicas, changePaused, breakSpec, askRestart, ask:
		w.takePerson(m)
	}
	w.forgive()
}

// Informers, as bits of what has changed.
const (
	informRS = iota
	informServices
	informRoute
	informRuns
)

func (w *World) catchUp(informer int) {
	if w.Cache == nil {
		return
	}
	cache := *w.Cache
	switch informer {
	case informRS:
		cache.Sets = w.Live.Sets
	case informServices:
		cache.Services = w.Live.Services
	case informRoute:
		cache.Route = w.Live.Route
	case informRuns:
		cache.Runs = w.Live.Runs
	}
	w.Cache = &cache
}

// changed marks what was planned on an object as stale, when it has changed since: the write finds another
// resourceVersion.
func (w *World) changed(informer int) {
	for i, action := range w.Pending[w.Done:] {
		switch action.(type) {
		case plan.SetWeight, plan.RestoreRoutes:
			if informer == informRoute && !w.Finalizing {
				w.Stale |= 1 << (w.Done + i)
			}
		}
	}
}

func (w *World) changedRS(revision string) {
	for i, action := range w.Pending[w.Done:] {
		about := ""
		switch a := action.(type) {
		case plan.ScaleReplicaSet:
			about = a.Revision
		case plan.MarkReplicaSet:
			about = a.Revision
		case plan.DeleteReplicaSet:
			about = a.Revision
		case plan.EvictPods:
			about = a.Revision
		}
		if about == revision {
			w.Stale |= 1 << (w.Done + i)
		}
	}
}

func (w *World) takePods(m *move) {
	rs := w.Live.Sets.find(m.revision)
	switch m.do {
	case podsFollow:
		rs.follow()
	case podReady:
		if rs.OldAvail < rs.Old {
			rs.OldAvail++
		}
		rs.Avail++
	case podsWork:
		rs.Crashing = false
	case podUnready:
		rs.Failed = true
		rs.Avail--
		rs.OldAvail = min(rs.OldAvail, rs.Avail)
	default:
		rs.Failed, rs.Crashing = true, true
		rs.Avail, rs.OldAvail = 0, 0
	}
	w.changedRS(m.revision)
}

// forgive forgets that a pod failed, that the spec asked for none, or that requests come in by another way, once all is
// well again and everything knows it.
func (w *World) forgive() {
	if !w.Zeroed && !w.Opening && !w.failed() || w.wantedReady() != w.Live.Services.Ready || w.wantedEndpoints() != w.Gateway.Endpoints {
		return
	}
	w.Opening = false
	still := true
	for i := range w.Live.Sets.list() {
		rs := &w.Live.Sets.RS[i]
		rs.Failed = rs.Failed && (rs.Crashing || rs.Avail != rs.Pods || rs.Pods != rs.Desired)
		still = still && rs.Pods == rs.Desired
	}
	idle := w.Done == len(w.Pending)
	w.Zeroed = w.Zeroed && !(still && idle && w.Replicas > 0 && w.Live.Sets.avail(w.State.Stable) > 0)
}

func (w *World) failed() bool {
	for i := range w.Live.Sets.list() {
		if w.Live.Sets.RS[i].Failed {
			return true
		}
	}
	return false
}

// follow lets a ReplicaSet's controller make or delete pods: the ones that are not ready first, and then the new ones,
// unless the old ones are preferred.
func (rs *replicaSet) follow() {
	rs.Settled = true
	gone := rs.Pods - rs.Desired
	rs.Pods = rs.Desired
	if gone <= 0 {
		return
	}
	unready := rs.Pods + gone - rs.Avail
	oldUnready := rs.Old - rs.OldAvail
	takes := func(from, old int32) (all, oldOnes int32) {
		all = min(gone, from)
		if rs.PreferOld {
			oldOnes = min(all, old)
		} else {
			oldOnes = max(0, all-(from-old))
		}
		gone -= all
		return all, oldOnes
	}
	_, oldGone := takes(unready, oldUnready)
	readyGone, oldReadyGone := takes(rs.Avail, rs.OldAvail)
	rs.Avail -= readyGone
	rs.OldAvail -= oldReadyGone
	rs.Old -= oldGone + oldReadyGone
	if rs.Pods == 0 {
		rs.Crashing = false
	}
}

func (w *World) takeTraffic(m *move) {
	r := &w.Live.Route
	switch m.do {
	case gatewayMended:
		r.Refused = false
	case acknowledge:
		r.Acked = true
	case dataWeight:
		w.Gateway.Weight, w.Gateway.WeightAge, w.Gateway.Foreign = r.Weight, 0, r.Foreign
		return
	case rewriteRoute:
		*r = route{Weight: m.n, Foreign: true}
	default:
		r.Refused = true
	}
	w.changed(informRoute)
}

// pass lets time pass. A data plane follows within its lag of the acknowledgement, or of the endpoints.
func (w *World) pass(d time.Duration) {
	w.Now = w.Now.Add(d)
	lag, passed := w.scope.Lag, int(d/tick)
	g := &w.Gateway
	if r := w.Live.Route; g.Weight != r.Weight && r.Acked {
		if g.WeightAge += passed; g.WeightAge >= lag {
			g.Weight, g.WeightAge, g.Foreign = r.Weight, 0, r.Foreign
		}
	}
	if known := w.wantedEndpoints(); known != g.Endpoints {
		if g.EndpointsAge += passed; g.EndpointsAge >= lag {
			g.Endpoints, g.EndpointsAge = known, 0
		}
	}
}

// age makes every pod one from before the restart.
func (s *sets) age() {
	for i := range s.list() {
		rs := &s.RS[i]
		rs.Old, rs.OldAvail = rs.Pods, rs.Avail
	}
}

func (w *World) takePerson(m *move) {
	switch m.do {
	case changeTemplate:
		w.Wanted = m.revision
	case changeStrategy:
		w.Strategy = int(m.n)
	case changeReplicas:
		w.Replicas = m.n
		w.Zeroed = w.Zeroed || m.n == 0
	case changePaused:
		w.Paused = m.n == 1
	case breakSpec:
		w.Broken = m.n == 1
	case askRestart:
		w.RestartAt = w.Now
		w.Live.Sets.age()
		if w.Cache != nil {
			// The pods are counted from spec.restartAt, in whatever the informer has.
			cache := *w.Cache
			cache.Sets.age()
			w.Cache = &cache
		}
	default:
		w.ids++
		w.Request = &plan.Request{
			ID: strconv.Itoa(int(w.ids)), Verb: m.verb, Revision: m.revision, Step: w.State.Step,
			Full: m.full, SkipAnalysis: m.skip, To: m.n, By: "somebody",
		}
	}
}
