package forecast

import (
	"slices"
	"time"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// pods are pods of one revision that were made at one time, and are alike.
type pods struct {
	count int32
	made  time.Time
	// ready and available are when they become so; the zero time means never.
	ready, available time.Time
}

func since(at, now time.Time) bool { return !at.IsZero() && !now.Before(at) }

// set is a ReplicaSet.
type set struct {
	revision  string
	number    int64
	desired   int32
	role      plan.Role
	pods      []pods
	unhealthy plan.Unhealthy
	// preferOld says that pods made before the restart go first.
	preferOld bool
}

func (s *set) count(is func(pods) bool) int32 {
	var n int32
	for _, p := range s.pods {
		if is(p) {
			n += p.count
		}
	}
	return n
}

func (s *set) total() int32 { return s.count(func(pods) bool { return true }) }

func (s *set) ready(now time.Time) int32 {
	return s.count(func(p pods) bool { return since(p.ready, now) })
}

func (s *set) available(now time.Time) int32 {
	return s.count(func(p pods) bool { return since(p.available, now) })
}

// run is an AnalysisRun.
type run struct {
	key     string
	step    int32
	phase   plan.RunPhase
	message string
	// ends is when it succeeds by itself; zero means never.
	ends time.Time
}

// background is the step of the run beside the steps.
const background = -1

// trouble is what is wrong in the world.
type trouble struct {
	// crash is the revision whose pods crash. stuck: new pods never become ready. silent: gateways acknowledge nothing.
	crash         string
	stuck, silent bool
	// verdict of the next analysis, where one was asked for before there was a run.
	verdict *verdict
}

type verdict struct {
	phase   plan.RunPhase
	message string
}

// world is the cluster that is played, at one time.
type world struct {
	scenario *Scenario
	spec     plan.Spec
	now      time.Time
	state    plan.State
	sets     []*set
	pins     map[plan.ServiceRole]string
	// weight of the canary Service in the routes, which are as the user wrote them at rest.
	weight int32
	atRest bool
	runs   []*run
	// workload is the referenced workload, whose pods are always available.
	workload int32
	request  plan.Request
	trouble  trouble
}

func (w *world) set(revision string) *set {
	for _, s := range w.sets {
		if s.revision == revision {
			return s
		}
	}
	return nil
}

// observe is what the engine is told.
func (w *world) observe() plan.Observed {
	seen := plan.Observed{
		State:   w.state,
		Stable:  w.service(plan.StableService, w.scenario.StableService),
		Canary:  w.service(plan.CanaryService, w.scenario.CanaryService),
		Request: w.request,
	}
	for _, s := range w.sets {
		seen.ReplicaSets = append(seen.ReplicaSets, w.observeSet(s))
	}
	if w.scenario.HasWorkload {
		seen.Workload = plan.Workload{Desired: w.workload, Pods: w.workload}
	}
	for _, name := range w.scenario.Routes {
		r := plan.Route{
			Name: name, Low: w.weight, High: w.weight, AtRest: w.atRest, Acknowledged: !w.trouble.silent, Original: "{}",
		}
		if w.trouble.silent {
			r.Waiting = "the gateway is silent"
		}
		seen.Routes = append(seen.Routes, r)
	}
	for _, r := range w.runs {
		seen.Runs = append(seen.Runs, plan.Run{Key: r.key, Phase: r.phase, Message: r.message})
	}
	return seen
}

func (w *world) observeSet(s *set) plan.ReplicaSet {
	old := func(p pods) bool { return p.made.Before(w.spec.RestartAt) }
	return plan.ReplicaSet{
		Revision: s.revision, Number: s.number, Desired: s.desired, Pods: s.total(), Available: s.available(w.now),
		Settled: true, Role: s.role, Unhealthy: s.unhealthy,
		Old:      s.count(old),
		OldReady: s.count(func(p pods) bool { return old(p) && since(p.ready, w.now) }),
	}
}

func (w *world) service(role plan.ServiceRole, named bool) plan.Service {
	if !named {
		return plan.Service{}
	}
	s := plan.Service{Named: true, Pinned: w.pins[role]}
	for _, set := range w.sets {
		ready := set.ready(w.now)
		if ready > 0 && (s.Pinned == "" || s.Pinned == set.revision) {
			s.Endpoints = append(s.Endpoints, plan.Endpoints{Revision: set.revision, Ready: ready})
		}
	}
	return s
}

// grow makes pods.
func (w *world) grow(s *set, count int32) {
	if count <= 0 {
		return
	}
	p := pods{count: count, made: w.now}
	switch {
	case w.trouble.crash == s.revision:
		s.unhealthy = crashing
	case !w.trouble.stuck:
		p.ready = w.now.Add(w.scenario.Assume.PodReady)
		p.available = p.ready.Add(w.scenario.MinReady)
	}
	s.pods = append(s.pods, p)
}

// join puts pods together that are available and alike from now on, so that there are never many kinds of them.
func (w *world) join(s *set) {
	old := func(p pods) bool { return p.made.Before(w.spec.RestartAt) }
	var joined []pods
	for _, p := range s.pods {
		i := slices.IndexFunc(joined, func(q pods) bool {
			return since(p.available, w.now) && since(q.available, w.now) && old(p) == old(q)
		})
		if i < 0 {
			joined = append(joined, p)
			continue
		}
		joined[i].count += p.count
		if p.made.After(joined[i].made) {
			joined[i].made = p.made
		}
	}
	s.pods = joined
}

// shrink deletes pods in the order of a ReplicaSet: those that are not ready, then the ones from before a restart where that
// was asked for, then the youngest.
func (w *world) shrink(s *set, count int32) {
	order := func(p pods) int {
		switch {
		case !since(p.ready, w.now):
			return 0
		case s.preferOld && p.made.Before(w.spec.RestartAt):
			return 1
		}
		return 2
	}
	w.remove(s, count, order)
}

// evict deletes pods from before the restart, those that are not ready first; the ReplicaSet makes others.
func (w *world) evict(s *set, count int32) {
	count = min(count, s.count(func(p pods) bool { return p.made.Before(w.spec.RestartAt) }))
	w.remove(s, count, func(p pods) int {
		switch {
		case !p.made.Before(w.spec.RestartAt):
			return 2
		case !since(p.ready, w.now):
			return 0
		}
		return 1
	})
	w.grow(s, s.desired-s.total())
}

func (w *world) remove(s *set, count int32, order func(pods) int) {
	slices.SortStableFunc(s.pods, func(a, b pods) int {
		if byOrder := order(a) - order(b); byOrder != 0 {
			return byOrder
		}
		return b.made.Compare(a.made)
	})
	for i := range s.pods {
		gone := min(count, s.pods[i].count)
		s.pods[i].count -= gone
		count -= gone
	}
	s.pods = slices.DeleteFunc(s.pods, func(p pods) bool { return p.count == 0 })
}

// newest is the revision that is being released, or is wanted.
func (w *world) newest() string {
	if c := w.state.Candidate; c != "" {
		return c
	}
	return w.spec.Revision
}

// shares are the revisions that have pods, or have had some, and what is sent to each. The workload, where there is one,
// is the first of them.
func (w *world) shares() []Revision {
	out := make([]Revision, 0, len(w.sets)+1)
	ready := make([]int32, 0, len(w.sets)+1)
	if w.scenario.HasWorkload {
		out = append(out, Revision{Name: WorkloadName, Pods: w.workload, Available: w.workload, Desired: w.workload})
		ready = append(ready, w.workload)
	}
	for _, s := range w.sets {
		out = append(out, Revision{Name: s.revision, Pods: s.total(), Available: s.available(w.now), Desired: s.desired})
		ready = append(ready, s.ready(w.now))
	}
	w.give(out, ready, w.pins[plan.CanaryService], w.weight)
	w.give(out, ready, w.pins[plan.StableService], fullShare-w.weight)
	return out
}

// give shares a percentage out among the ready pods that a Service selects: those of one revision, or all.
func (*world) give(out []Revision, ready []int32, pin string, percent int32) {
	var total int32
	for i, r := range out {
		if pin == "" || pin == r.Name {
			total += ready[i]
		}
	}
	for i, r := range out {
		if total > 0 && (pin == "" || pin == r.Name) {
			out[i].Share += int32((2*int64(percent)*int64(ready[i]) + int64(total)) / (2 * int64(total)))
		}
	}
}

func (w *world) totalPods() int32 {
	n := w.workload
	for _, s := range w.sets {
		n += s.total()
	}
	return n
}

func (w *world) totalAvailable() int32 {
	n := w.workload
	for _, s := range w.sets {
		n += s.available(w.now)
	}
	return n
}
