package model

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// Transition is one thing that happens.
type Transition struct {
	Name string
	// Fair says that it happens sooner or later by itself; the others are the adversary's.
	Fair bool
	Next World
	// Plan is what the controller decided, where it did.
	Plan *plan.Plan
}

type transitions struct {
	from World
	out  []Transition
}

func (t *transitions) add(name string, fair bool, change func(w *World)) {
	next := t.from.clone()
	change(&next)
	t.out = append(t.out, Transition{Name: name, Fair: fair, Next: next})
}

// Transitions are all that may happen next. The fair ones are in the order in which a fair world takes them.
func (w World) Transitions() []Transition {
	t := &transitions{from: w}
	t.informers()
	t.pods()
	t.endpoints()
	t.gateway()
	t.analysis()
	t.controller()
	t.tick()
	t.adversary()
	return t.out
}

var informerNames = [4]string{"ReplicaSets", "Services", "route", "runs"}

func (t *transitions) informers() {
	for i, behind := range t.from.Behind {
		if behind {
			t.add("informer of "+informerNames[i]+" catches up", true, func(w *World) { w.catchUp(i) })
		}
	}
}

func (w *World) catchUp(informer int) {
	w.Behind[informer] = false
	live := w.Live.clone()
	switch informer {
	case informRS:
		w.Cache.RS = live.RS
	case informServices:
		w.Cache.Pins, w.Cache.Slices = live.Pins, live.Slices
	case informRoute:
		w.Cache.Route = live.Route
	case informRuns:
		w.Cache.Run = live.Run
	}
}

// changed marks an informer as behind, and what was planned on the object as stale.
func (w *World) changed(informer int, stale func(plan.Action) bool) {
	w.Behind[informer] = true
	if !w.scope.LagCaches {
		w.catchUp(informer)
	}
	for i := range w.Pending {
		if stale != nil && stale(w.Pending[i].Action) {
			w.Pending[i].Stale = true
		}
	}
}

func (w *World) changedRS(revision string) {
	w.changed(informRS, func(a plan.Action) bool {
		switch a := a.(type) {
		case plan.ScaleReplicaSet:
			return a.Revision == revision
		case plan.MarkReplicaSet:
			return a.Revision == revision
		case plan.DeleteReplicaSet:
			return a.Revision == revision
		}
		return false
	})
}

func (t *transitions) pods() {
	for i, rs := range t.from.Live.RS {
		if rs.Pods != rs.Desired || !rs.Settled {
			t.add("pods of "+rs.Revision+" follow", true, func(w *World) {
				r := &w.Live.RS[i]
				r.Pods, r.Settled = r.Desired, true
				r.Avail = min(r.Avail, r.Pods)
				w.changedRS(r.Revision)
			})
		}
		if rs.Avail < rs.Pods && !rs.Crashing {
			t.add("a pod of "+rs.Revision+" is ready", true, func(w *World) {
				w.Live.RS[i].Avail++
				w.changedRS(rs.Revision)
			})
		}
	}
}

func (t *transitions) endpoints() {
	if wanted := t.from.wantedSlices(); !reflect.DeepEqual(wanted, t.from.Live.Slices) {
		t.add("endpoints follow", true, func(w *World) {
			w.Live.Slices = wanted
			w.changed(informServices, nil)
		})
	}
	if wanted := t.from.servedEndpoints(); !reflect.DeepEqual(wanted, t.from.Gateway.Endpoints) {
		t.add("data plane sees endpoints", true, func(w *World) {
			w.Gateway.Endpoints, w.Gateway.EndpointsAge = wanted, 0
		})
	}
}

func (w World) servedEndpoints() [2][]string {
	var out [2][]string
	for i, slice := range w.Live.Slices {
		for _, e := range slice {
			out[i] = append(out[i], e.Revision)
		}
	}
	return out
}

func (t *transitions) gateway() {
	if !t.from.Live.Route.Acked {
		t.add("gateway acknowledges", true, func(w *World) {
			w.Live.Route.Acked = true
			w.changed(informRoute, func(a plan.Action) bool {
				switch a.(type) {
				case plan.SetWeight, plan.RestoreRoutes:
					return true
				}
				return false
			})
		})
	}
	if t.from.Gateway.Weight != t.from.Live.Route.Weight {
		t.add("data plane follows", true, func(w *World) { w.Gateway.Weight, w.Gateway.WeightAge = w.Live.Route.Weight, 0 })
	}
}

func (t *transitions) analysis() {
	if t.from.Live.Run.Key == "" || t.from.Live.Run.Phase != plan.RunRunning {
		return
	}
	for _, phase := range []plan.RunPhase{plan.RunSuccessful, plan.RunFailed, plan.RunInconclusive} {
		t.add(fmt.Sprintf("analysis ends %d", phase), phase == plan.RunSuccessful, func(w *World) {
			w.Live.Run.Phase = phase
			w.changed(informRuns, nil)
		})
	}
}

// controller makes a plan and writes its status, or carries out the next action of the one that it has made.
func (t *transitions) controller() {
	w := t.from
	if len(w.Pending) > 0 {
		name := "controller: " + w.Pending[0].Action.String()
		if w.Pending[0].Stale {
			name = "controller drops a stale plan"
		}
		t.add(name, true, (*World).carryOut)
		return
	}
	p := w.plan()
	if reflect.DeepEqual(p.Status, w.State) && len(p.Actions) == 0 {
		return
	}
	t.add("controller plans", true, func(w *World) {
		w.State = p.Status
		w.Pending = nil
		for _, a := range p.Actions {
			w.Pending = append(w.Pending, pending{Action: a})
		}
	})
	t.out[len(t.out)-1].Plan = &p
}

// plan is what the controller decides: from its caches, or from live reads where that is asked for.
func (w World) plan() plan.Plan {
	p := plan.Next(w.spec(), w.observe(w.Cache), w.Now)
	if p.NeedsLive() {
		p = plan.Next(w.spec(), w.observe(w.Live), w.Now)
	}
	return p
}

func (w *World) carryOut() {
	next := w.Pending[0]
	w.Pending = w.Pending[1:]
	if next.Stale {
		w.Pending = nil
		return
	}
	w.apply(next.Action)
}

// apply writes; the controller awaits its own writes, so the informer has seen them before the next plan.
func (w *World) apply(action plan.Action) {
	switch a := action.(type) {
	case plan.CreateReplicaSet:
		if w.Live.rs(a.Revision) == nil {
			number := int64(1)
			for _, rs := range w.Live.RS {
				number = max(number, rs.Number+1)
			}
			w.Live.RS = append(w.Live.RS, replicaSet{Revision: a.Revision, Number: number, Desired: a.Replicas})
		}
		w.catchUp(informRS)
	case plan.ScaleReplicaSet:
		rs := w.Live.rs(a.Revision)
		rs.Desired, rs.Settled = a.To, false
		w.catchUp(informRS)
	case plan.DeleteReplicaSet:
		w.Live.RS = slices.DeleteFunc(w.Live.RS, func(rs replicaSet) bool { return rs.Revision == a.Revision })
		w.catchUp(informRS)
	case plan.MarkReplicaSet:
		w.Live.rs(a.Revision).Role = a.Role
		w.catchUp(informRS)
	case plan.PinService:
		w.Live.Pins[serviceIndex(a.Service)] = a.Revision
		w.catchUp(informServices)
	case plan.UnpinService:
		w.Live.Pins[serviceIndex(a.Service)] = ""
		w.catchUp(informServices)
	case plan.SetWeight:
		w.Live.Route = route{Weight: a.Percent}
		w.catchUp(informRoute)
	case plan.RestoreRoutes:
		w.Live.Route = route{Rest: true}
		w.catchUp(informRoute)
	case plan.StartRun:
		if w.Live.Run.Key != a.Key {
			w.Live.Run = run{Key: a.Key}
		}
		w.catchUp(informRuns)
	case plan.StopRun:
		if w.Live.Run.Key == a.Key {
			w.Live.Run = run{}
		}
		w.catchUp(informRuns)
	}
}

func serviceIndex(s plan.ServiceRole) int {
	if s == plan.StableService {
		return 0
	}
	return 1
}

// tick lets a second pass. A data plane follows within the time to settle.
func (t *transitions) tick() {
	t.add("tick", true, func(w *World) {
		w.Now = w.Now.Add(time.Second)
		g := &w.Gateway
		if g.Weight != w.Live.Route.Weight && w.Live.Route.Acked {
			if g.WeightAge++; time.Duration(g.WeightAge)*time.Second >= w.scope.Lag {
				g.Weight, g.WeightAge = w.Live.Route.Weight, 0
			}
		}
		if served := w.servedEndpoints(); !reflect.DeepEqual(served, g.Endpoints) {
			if g.EndpointsAge++; time.Duration(g.EndpointsAge)*time.Second >= w.scope.Lag {
				g.Endpoints, g.EndpointsAge = served, 0
			}
		}
	})
}

func (t *transitions) adversary() {
	w := t.from
	if w.Left.Crashes > 0 && len(w.Pending) > 0 {
		t.add("controller crashes", false, func(w *World) {
			w.Left.Crashes--
			w.Pending = nil
			w.Cache, w.Behind = w.Live.clone(), [4]bool{}
		})
	}
	if w.Left.Losses > 0 && len(w.Pending) == 0 {
		t.add("status is lost", false, func(w *World) { w.Left.Losses--; w.State = plan.State{} })
	}
	if w.Left.Failures > 0 {
		t.failures()
	}
	if w.Left.SpecChanges > 0 {
		for _, revision := range w.scope.Revisions {
			if revision != w.Wanted {
				t.add("spec wants "+revision, false, func(w *World) {
					w.Left.SpecChanges--
					w.Wanted = revision
				})
			}
		}
	}
	if w.Left.Requests > 0 {
		t.requests()
	}
}

func (t *transitions) failures() {
	for i, rs := range t.from.Live.RS {
		if rs.Avail > 0 {
			t.add("a pod of "+rs.Revision+" is no longer ready", false, func(w *World) {
				w.Left.Failures--
				w.Live.RS[i].Avail--
				w.changedRS(rs.Revision)
			})
		}
		if rs.Pods > 0 && !rs.Crashing && rs.Revision != "A" {
			t.add("pods of "+rs.Revision+" crash", false, func(w *World) {
				w.Left.Failures--
				w.Live.RS[i].Avail, w.Live.RS[i].Crashing = 0, true
				w.changedRS(rs.Revision)
			})
		}
	}
}

func (t *transitions) requests() {
	s := t.from.State
	ask := func(verb plan.Verb, revision string, step int32) {
		t.add("somebody asks to "+string(verb), false, func(w *World) {
			w.Left.Requests--
			w.ids++
			w.Request = plan.Request{ID: string('0' + rune(w.ids)), Verb: verb, Revision: revision, Step: step}
		})
	}
	if s.Candidate != "" {
		ask(plan.VerbAbort, s.Candidate, -1)
		ask(plan.VerbPromote, s.Candidate, s.Step)
	}
	if s.Abort.Revision != "" {
		ask(plan.VerbRetry, s.Abort.Revision, -1)
	}
}
