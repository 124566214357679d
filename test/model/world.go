package model

import (
	"slices"
	"time"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// Times of the model, in ticks of a second.
const (
	settle         = 2 * time.Second
	scaleDownDelay = 3 * time.Second
	deadline       = 0
)

var epoch = time.Unix(1_700_000_000, 0).UTC()

// Scope is what a run of the explorer varies.
type Scope struct {
	Name      string
	Replicas  int32
	Steps     []plan.Step
	Revisions []string // that the spec may be changed to
	Budget    Budget
	// LagCaches says whether informers lag.
	LagCaches bool
	// Lag is by how much the data plane may be behind; what the engine is told to reckon with by default.
	Lag time.Duration
	// MaxStates ends the exploration; 0 means never.
	MaxStates int
}

// Budget bounds what the adversary may do.
type Budget struct {
	SpecChanges, Requests, Crashes, Failures, Losses int8
}

// objects is the part of the world that informers see.
type objects struct {
	RS     []replicaSet
	Pins   [2]string // stable, canary
	Slices [2][]plan.Endpoints
	Route  route
	Run    run
}

type replicaSet struct {
	Revision             string
	Number               int64
	Desired, Pods, Avail int32
	Role                 plan.Role
	Settled              bool
	Crashing             bool
}

type route struct {
	Weight int32
	Rest   bool
	Acked  bool
}

// run is the analysis of the step whose key it has; empty when there is none.
type run struct {
	Key   string
	Phase plan.RunPhase
}

// gateway is the data plane.
type gateway struct {
	Weight int32
	// Endpoints are the revisions that it knows behind each Service.
	Endpoints [2][]string
	// WeightAge and EndpointsAge are for how many ticks it has been behind.
	WeightAge, EndpointsAge int8
}

// World is one state of everything.
type World struct {
	scope  *Scope
	Wanted string
	State  plan.State
	Live   objects
	Cache  objects
	// Behind says which informers have not seen the latest: ReplicaSets, Services, route, runs.
	Behind  [4]bool
	Gateway gateway
	Request plan.Request
	// Pending is what is left of the plan that the controller is carrying out; Stale says which of it was planned on an
	// object that has changed since.
	Pending []pending
	Now     time.Time
	Left    Budget
	ids     int8
}

type pending struct {
	Action plan.Action
	Stale  bool
}

// Informers, as indexes of Behind.
const (
	informRS = iota
	informServices
	informRoute
	informRuns
)

// Start is a Rollout at rest with revision A.
func Start(scope *Scope) World {
	if scope.Lag == 0 {
		scope.Lag = settle
	}
	w := World{scope: scope, Wanted: "A", Now: epoch, Left: scope.Budget}
	w.State.Stable = "A"
	n := scope.Replicas
	w.Live.RS = []replicaSet{{Revision: "A", Number: 1, Desired: n, Pods: n, Avail: n, Role: plan.RoleStable, Settled: true}}
	w.Live.Route = route{Rest: true, Acked: true}
	w.Live.Slices = w.wantedSlices()
	w.Gateway.Endpoints = w.servedEndpoints()
	w.Cache = w.Live.clone()
	return w
}

// Create is a Rollout that has just been created.
func Create(scope *Scope) World {
	scope.Lag = settle
	w := World{scope: scope, Wanted: "A", Now: epoch, Left: scope.Budget}
	w.Live.Route = route{Rest: true, Acked: true}
	w.Cache = w.Live.clone()
	return w
}

func (o objects) clone() objects {
	o.RS = slices.Clone(o.RS)
	for i := range o.Slices {
		o.Slices[i] = slices.Clone(o.Slices[i])
	}
	return o
}

func (w World) clone() World {
	w.Live, w.Cache = w.Live.clone(), w.Cache.clone()
	for i := range w.Gateway.Endpoints {
		w.Gateway.Endpoints[i] = slices.Clone(w.Gateway.Endpoints[i])
	}
	w.Pending = slices.Clone(w.Pending)
	w.State.Retiring = slices.Clone(w.State.Retiring)
	w.State.Originals = slices.Clone(w.State.Originals)
	w.State.Rejected = slices.Clone(w.State.Rejected)
	return w
}

func (o *objects) rs(revision string) *replicaSet {
	for i := range o.RS {
		if o.RS[i].Revision == revision {
			return &o.RS[i]
		}
	}
	return nil
}

// wantedSlices are the endpoints that the Services' selectors give.
func (w World) wantedSlices() [2][]plan.Endpoints {
	var out [2][]plan.Endpoints
	for i, pin := range w.Live.Pins {
		for _, rs := range w.Live.RS {
			if rs.Avail > 0 && (pin == "" || pin == rs.Revision) {
				out[i] = append(out[i], plan.Endpoints{Revision: rs.Revision, Ready: rs.Avail})
			}
		}
	}
	return out
}

// spec is what the engine is told.
func (w World) spec() plan.Spec {
	return plan.Spec{
		Revision: w.Wanted, Replicas: w.scope.Replicas, Steps: w.scope.Steps,
		Settle: settle, ScaleDownDelay: scaleDownDelay, AbortScaleDownDelay: 0, ProgressDeadline: deadline, HistoryLimit: 10,
	}
}

// observe is what the engine sees of some objects.
func (w World) observe(o objects) plan.Observed {
	seen := plan.Observed{
		State:   w.State,
		Stable:  plan.Service{Pinned: o.Pins[0], Endpoints: o.Slices[0]},
		Canary:  plan.Service{Pinned: o.Pins[1], Endpoints: o.Slices[1]},
		Request: w.Request,
		Routes: []plan.Route{{
			Name: "r", Low: o.Route.Weight, High: o.Route.Weight, AtRest: o.Route.Rest,
			Acknowledged: o.Route.Acked, Waiting: "the gateway has not looked at it", Original: "{}",
		}},
	}
	for _, rs := range o.RS {
		p := plan.ReplicaSet{
			Revision: rs.Revision, Number: rs.Number, Desired: rs.Desired, Pods: rs.Pods, Available: rs.Avail,
			Settled: rs.Settled, Role: rs.Role,
		}
		if rs.Crashing {
			p.Unhealthy = plan.Unhealthy{Reason: "CrashLoopBackOff", Message: "pod x"}
		}
		seen.ReplicaSets = append(seen.ReplicaSets, p)
	}
	if o.Run.Key != "" {
		seen.Runs = []plan.Run{{Key: o.Run.Key, Phase: o.Run.Phase, Message: "m"}}
	}
	return seen
}
