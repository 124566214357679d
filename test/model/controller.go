package model

import (
	"reflect"
	"slices"
	"time"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// controllerMoves are what the controller does next: it makes a plan and writes its status, or carries out the next
// action of the one that it has made, or gives everything back before the Rollout goes.
func (w *World) controllerMoves(out []move) []move {
	if w.Gone {
		return out
	}
	if w.Done < len(w.Pending) {
		if w.Stale>>w.Done&1 == 1 {
			return append(out, move{do: dropStale, fair: true})
		}
		return append(out, move{do: carryOut, fair: true, action: w.Pending[w.Done]})
	}
	if w.Deleting {
		if w.Live.Sets.shrinks() || w.endpointsLag() {
			return out
		}
		return append(out, move{do: finalize, fair: true})
	}
	p := w.decision()
	if !w.changes(&p) {
		return out
	}
	return append(out, move{do: decide, fair: true, plan: &p})
}

// changes says whether a plan does anything.
func (w *World) changes(p *plan.Plan) bool {
	return len(p.Actions) > 0 || w.drives(p) != w.Drives || !reflect.DeepEqual(&p.Status, w.State)
}

// drives is what is recorded as driven with a plan.
func (w *World) drives(p *plan.Plan) int {
	switch {
	case !p.Engaged:
		return -1
	case w.Drives >= 0:
		return w.Drives
	}
	return w.Strategy
}

// decision is what the controller decides: from its caches, or from live reads where that is asked for.
func (w *World) decision() plan.Plan {
	p := w.scope.Next(w.spec(), w.observe(w.cached()), w.Now)
	if p.NeedsLive() && w.behind() != [4]bool{} {
		p = w.scope.Next(w.spec(), w.observe(&w.Live), w.Now)
	}
	return p
}

func (w *World) takeController(m *move) {
	switch m.do {
	case decide:
		w.begin(m.plan)
	case carryOut:
		w.Done++
		w.apply(m.action)
		if w.Done == len(w.Pending) {
			w.finish(w.Finalizing && len(w.giveBack()) == 0)
		}
	case dropStale, failWrite:
		w.finish(false)
	case crash:
		w.finish(false)
		if w.Cache != nil {
			w.sync()
		}
	default:
		w.Pending, w.Done, w.Stale, w.Finalizing = w.giveBack(), 0, 0, true
		if len(w.Pending) == 0 {
			w.finish(true)
		}
	}
}

// begin writes the status of a plan. The next one is made at a later time, if only a little.
func (w *World) begin(p *plan.Plan) {
	w.Drives, w.Finalizer = w.drives(p), p.Engaged
	w.Forgotten = w.Forgotten && w.Finalizer && w.Drives < 0
	state := p.Status
	w.State = &state
	entrance := w.driven().Mover
	w.Opening = w.Opening || w.Entrance == plan.ByReplicas && entrance != plan.ByReplicas
	w.Entrance = entrance
	w.Pending, w.Done, w.Stale = p.Actions, 0, 0
	w.PlannedBy, w.PlannedFor = w.Strategy, w.Replicas
	w.Now = w.Now.Add(time.Microsecond)
}

func (w *World) finish(gone bool) {
	w.Pending, w.Done, w.Stale, w.Finalizing = nil, 0, 0, false
	w.Gone = w.Gone || gone
}

// shrinks says that pods are still on their way out.
func (s *sets) shrinks() bool {
	for i := range s.list() {
		if s.RS[i].Pods > s.RS[i].Desired {
			return true
		}
	}
	return false
}

// giveBack is what is done before a Rollout goes that drives something: both Services select all pods, so that any weight
// is served, and then the routes are restored.
func (w *World) giveBack() (actions []plan.Action) {
	if !w.Finalizer {
		return nil
	}
	if w.Live.Services.Pins[1] != "" {
		actions = append(actions, plan.UnpinService{Service: plan.CanaryService})
	}
	if w.Live.Services.Pins[0] != "" {
		actions = append(actions, plan.UnpinService{Service: plan.StableService})
	}
	if len(actions) == 0 && w.restores() {
		actions = append(actions, plan.RestoreRoutes{})
	}
	return actions
}

func (w *World) restores() bool { return w.driven().Mover == plan.ByRoutes && !w.Live.Route.Rest }

// endpointsLag says that the route waits to be restored: the controller gives the data plane the time to settle after the
// endpoints are what the Services select, by which it knows them.
func (w *World) endpointsLag() bool {
	return w.Finalizer && w.Live.Services.Pins == [2]string{} && w.restores() &&
		(w.wantedReady() != w.Live.Services.Ready || w.wantedEndpoints() != w.Gateway.Endpoints)
}

// apply writes; the controller awaits its own writes, so the informer has seen them before the next plan.
func (w *World) apply(action plan.Action) {
	switch a := action.(type) {
	case plan.PinService:
		w.Live.Services.Pins[serviceIndex(a.Service)] = a.Revision
		w.catchUp(informServices)
	case plan.UnpinService:
		w.Live.Services.Pins[serviceIndex(a.Service)] = ""
		w.catchUp(informServices)
	case plan.SetWeight:
		w.Live.Route = route{Weight: a.Percent}
		w.catchUp(informRoute)
	case plan.RestoreRoutes:
		w.Live.Route = route{Rest: true}
		w.catchUp(informRoute)
	case plan.StartRun:
		w.startRun(a)
		w.catchUp(informRuns)
	case plan.StopRun:
		for i := range w.Live.Runs {
			if w.Live.Runs[i].Key == a.Key {
				w.Live.Runs[i] = run{}
			}
		}
		w.catchUp(informRuns)
	case plan.ScaleWorkload:
		w.Live.Sets.Workload = workload{Desired: a.To, Pods: a.To}
		w.catchUp(informRS)
	default:
		w.applyRS(action)
		w.catchUp(informRS)
	}
}

func (w *World) startRun(a plan.StartRun) {
	i := stepRun
	if a.Step < 0 {
		i = backgroundRun
	}
	if w.Live.Runs[i].Key != a.Key {
		w.Live.Runs[i] = run{Key: a.Key}
	}
}

func (w *World) applyRS(action plan.Action) {
	s := &w.Live.Sets
	switch a := action.(type) {
	case plan.CreateReplicaSet:
		if s.find(a.Revision) == nil {
			number := int64(1)
			for _, rs := range s.list() {
				number = max(number, rs.Number+1)
			}
			s.RS[s.N] = replicaSet{Revision: a.Revision, Number: number, Desired: a.Replicas, Floor: w.PlannedFor}
			s.N++
		}
	case plan.ScaleReplicaSet:
		rs := s.find(a.Revision)
		if a.To < rs.Desired {
			rs.Floor, rs.Shared = w.PlannedFor, w.Entrance == plan.ByReplicas
		}
		rs.Desired, rs.Settled = a.To, false
	case plan.DeleteReplicaSet:
		i := slices.IndexFunc(s.list(), func(rs replicaSet) bool { return rs.Revision == a.Revision })
		copy(s.RS[i:], s.RS[i+1:s.N])
		s.N--
		s.RS[s.N] = replicaSet{}
	case plan.MarkReplicaSet:
		s.find(a.Revision).Role = a.Role
	case plan.EvictPods:
		s.find(a.Revision).evict(a.Count)
	case plan.PreferOldPods:
		s.find(a.Revision).PreferOld = true
	}
}

// evict takes old pods, the ones that are not ready first.
func (rs *replicaSet) evict(count int32) {
	gone := min(count, rs.Old)
	ready := max(0, gone-(rs.Old-rs.OldAvail))
	rs.Old -= gone
	rs.OldAvail -= ready
	rs.Avail -= ready
	rs.Pods -= gone
}

func serviceIndex(s plan.ServiceRole) int {
	if s == plan.StableService {
		return 0
	}
	return 1
}
