package model

import (
	"time"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

var epoch = time.Unix(1_700_000_000, 0).UTC()

// revisions bounds how many revisions there may be: A, B and C.
const revisions = 3

func index(revision string) int { return int(revision[0] - 'A') }

func name(index int) string { return "ABC"[index : index+1] }

// World is one state of everything. It is copied by value: what it points at is never changed.
type World struct {
	scope *Scope
	// The spec.
	Wanted    string
	Strategy  int
	Replicas  int32
	Paused    bool
	Broken    bool
	RestartAt time.Time
	// State is the status; Drives is the strategy whose Services and routes are driven, as recorded in it; -1 if none.
	// Finalizer says that the Rollout may not go before it has given back what it drives.
	State  *plan.State
	Drives int
	// Forgotten says that status was lost while something was driven: what that was is not recorded anywhere else.
	Finalizer, Forgotten bool
	// Live are the objects, Cache what the informers have of them where that may be something else.
	Live    objects
	Cache   *objects
	Gateway gateway
	// Entrance is by what means requests come in. Opening says that it has changed to the Services and that the data plane
	// has not caught up with them yet: nobody sends requests there before.
	Entrance plan.Mover
	Opening  bool
	Request  *plan.Request
	// Pending[Done:] is what is left of the plan that the controller is carrying out; a bit of Stale says that an action
	// was planned on an object that has changed since.
	Pending []plan.Action
	Done    int
	Stale   uint32
	// Deleting says that the Rollout is to be deleted, Finalizing that Pending gives back what it drives, and Gone that it
	// is deleted.
	Deleting, Finalizing, Gone bool
	// Zeroed says that the spec has asked for no pods: requests are lost by what it asks for.
	Zeroed bool
	// PlannedBy is the strategy that the last plan was made with, PlannedFor the number of replicas.
	PlannedBy  int
	PlannedFor int32
	Now        time.Time
	// Left is how many things the adversary may still do.
	Left int8
	ids  int32
}

// objects is the part of the world that informers see, an informer for each field.
type objects struct {
	Sets     sets
	Services services
	Route    route
	Runs     [2]run // of the step, and in the background
}

type sets struct {
	RS       [revisions]replicaSet
	N        int
	Workload workload
}

type replicaSet struct {
	Revision             string
	Number               int64
	Desired, Pods, Avail int32
	// Old are the pods from before the restart, OldAvail the available ones of them.
	Old, OldAvail int32
	Role          plan.Role
	Settled       bool
	Crashing      bool
	// Failed says that a pod has failed by itself since all were available last.
	Failed bool
	// PreferOld says that old pods are deleted first.
	PreferOld bool
	// Floor is how many replicas the spec asked for when pods were last taken away, Shared that all revisions served then.
	Floor  int32
	Shared bool
}

type workload struct{ Desired, Pods int32 }

type services struct {
	Pins [2]string // stable, canary
	// Ready are the ready endpoints of each revision.
	Ready [2][revisions]int32
}

type route struct {
	Weight int32
	Rest   bool
	Acked  bool
	// Refused says that the gateway will not have it; Foreign that something else wrote the weight.
	Refused, Foreign bool
}

// run is an analysis; there is none where the key is empty.
type run struct {
	Key   string
	Phase plan.RunPhase
}

// gateway is the data plane.
type gateway struct {
	Weight  int32
	Foreign bool
	// Endpoints are the revisions that it knows behind each Service, a bit each.
	Endpoints [2]uint8
	// WeightAge and EndpointsAge are for how many ticks it has been behind.
	WeightAge, EndpointsAge int
}

// Start is the first state of a scope: a Rollout at rest with revision A, whose spec wants Scope.Wanted; or one that has
// just been created.
func Start(scope *Scope) World {
	scope.prepare()
	w := World{
		scope: scope, State: &plan.State{}, Request: &plan.Request{}, Wanted: scope.Wanted, Replicas: scope.Replicas, PlannedFor: scope.Replicas, Drives: -1, Now: epoch,
		Left: scope.Moves,
	}
	w.Zeroed = scope.Replicas == 0
	w.Entrance = w.strategy().Mover
	w.Live.Route = route{Rest: true, Acked: true}
	n := scope.Replicas
	if scope.Workload != plan.WorkloadStays {
		w.Live.Sets.Workload = workload{Desired: n, Pods: n}
	}
	if !scope.Created {
		w.State = &plan.State{Stable: "A"}
		w.Live.Sets.N = 1
		w.Live.Sets.RS[0] = replicaSet{
			Revision: "A", Number: 1, Desired: n, Pods: n, Avail: n, Role: plan.RoleStable, Settled: true, Floor: n,
		}
		w.Live.Services.Ready = w.wantedReady()
		w.Gateway.Endpoints = w.wantedEndpoints()
	}
	if scope.LagCaches {
		w.sync()
	}
	return w
}

// sync lets every informer see the latest.
func (w *World) sync() {
	cache := w.Live
	w.Cache = &cache
}

// cached is what the informers have.
func (w *World) cached() *objects {
	if w.Cache == nil {
		return &w.Live
	}
	return w.Cache
}

// Time is how long the world has gone on for.
func (w *World) Time() time.Duration { return At(w.Now) }

func (s *sets) list() []replicaSet { return s.RS[:s.N] }

func (s *sets) find(revision string) *replicaSet {
	for i := range s.RS[:s.N] {
		if s.RS[i].Revision == revision {
			return &s.RS[i]
		}
	}
	return nil
}

// avail counts the available pods of a revision.
func (s *sets) avail(revision string) int32 {
	if rs := s.find(revision); rs != nil {
		return rs.Avail
	}
	return 0
}

// strategy is what the spec says; driven what is driven, or would be.
func (w *World) strategy() *Strategy { return &w.scope.Strategies[w.Strategy] }

func (w *World) driven() *Strategy {
	if w.Drives >= 0 {
		return &w.scope.Strategies[w.Drives]
	}
	return w.strategy()
}

// wantedReady are the endpoints that the Services' selectors give.
func (w *World) wantedReady() (ready [2][revisions]int32) {
	for i, pin := range w.Live.Services.Pins {
		for _, rs := range w.Live.Sets.list() {
			if pin == "" || pin == rs.Revision {
				ready[i][index(rs.Revision)] = rs.Avail
			}
		}
	}
	return ready
}

// wantedEndpoints are the revisions that the data plane is to know behind each Service.
func (w *World) wantedEndpoints() (known [2]uint8) {
	for i, ready := range w.Live.Services.Ready {
		for revision, n := range ready {
			if n > 0 {
				known[i] |= 1 << revision
			}
		}
	}
	return known
}

// broken is why the spec cannot be used while it is broken.
var broken = plan.Problem{Reason: "InvalidSpec", Message: "an AnalysisTemplate is missing: create it"}

// spec is what the engine is told. A strategy that has changed in mid-release is made to withdraw first what is driven.
func (w *World) spec() plan.Spec {
	s, scope := w.strategy(), w.scope
	out := plan.Spec{
		Revision: w.Wanted, Replicas: w.Replicas, Mover: s.Mover, BlueGreen: s.BlueGreen, Steps: s.Steps,
		Background: s.Background, Surge: s.Surge, Unavailable: s.Unavailable, DynamicStable: s.DynamicStable,
		MinPods: s.MinPods, Threshold: s.Threshold,
		Settle: ticks(scope.Settle), ScaleDownDelay: ticks(scope.ScaleDownDelay), ScaleDownLimit: plan.Unbounded,
		AbortScaleDownDelay: ticks(scope.AbortDelay), ProgressDeadline: ticks(scope.Deadline),
		ProgressDeadlineAbort: scope.DeadlineAbort, RollbackWindow: scope.RollbackWindow,
		HistoryLimit: scope.HistoryLimit, Paused: w.Paused, RestartAt: w.RestartAt, Workload: scope.Workload,
	}
	if w.Broken {
		out.Problem = &broken
	}
	if scope.NoSettle {
		out.Settle = 0
	}
	if d := w.driven(); !d.sameDrives(s) {
		out.Mover, out.Withdraw = d.Mover, true
	}
	return out
}

var verdictTexts = [...]string{
	plan.RunRunning: "", plan.RunSuccessful: "", plan.RunFailed: "the error rate is too high",
	plan.RunInconclusive: "too few requests to tell",
}

// observe is what the engine sees of some objects.
func (w *World) observe(o *objects) plan.Observed {
	driven := w.driven()
	named := driven.named()
	seen := plan.Observed{
		State: *w.State, Request: *w.Request,
		Stable: o.Services.observe(0, named[0]), Canary: o.Services.observe(1, named[1]),
		Workload: plan.Workload{Desired: o.Sets.Workload.Desired, Pods: o.Sets.Workload.Pods},
	}
	if driven.Mover == plan.ByRoutes {
		seen.Routes = []plan.Route{{
			Name: "r", Low: o.Route.Weight, High: o.Route.Weight, AtRest: o.Route.Rest,
			Acknowledged: o.Route.Acked, Waiting: "the gateway has not looked at it", Original: "{}",
		}}
	}
	seen.ReplicaSets = make([]plan.ReplicaSet, 0, revisions)
	for _, rs := range o.Sets.list() {
		p := plan.ReplicaSet{
			Revision: rs.Revision, Number: rs.Number, Desired: rs.Desired, Pods: rs.Pods, Available: rs.Avail,
			Settled: rs.Settled, Role: rs.Role, Old: rs.Old, OldReady: rs.OldAvail,
		}
		if rs.Crashing {
			p.Unhealthy = plan.Unhealthy{Reason: "CrashLoopBackOff", Message: "the app exits with 1"}
		}
		seen.ReplicaSets = append(seen.ReplicaSets, p)
	}
	for _, r := range o.Runs {
		if r.Key != "" {
			seen.Runs = append(seen.Runs, plan.Run{Key: r.Key, Phase: r.Phase, Message: verdictTexts[r.Phase]})
		}
	}
	return seen
}

func (s *services) observe(i int, named bool) plan.Service {
	out := plan.Service{Named: named}
	if !named {
		return out
	}
	out.Pinned = s.Pins[i]
	for revision, n := range s.Ready[i] {
		if n > 0 {
			out.Endpoints = append(out.Endpoints, plan.Endpoints{Revision: name(revision), Ready: n})
		}
	}
	return out
}

// At is a time of the world as Time gives it.
func At(t time.Time) time.Duration { return t.Sub(epoch).Truncate(tick) }
