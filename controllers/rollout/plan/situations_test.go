package plan

import (
	"slices"
	"testing"
	"time"
)

// album keeps situations out of releases as they are played: what a plan is made from, by name.
type album map[string]input

// keep plays until a plan is as wanted, and keeps what it was made from.
func (a album) keep(name string, p *play, wanted func(Plan) bool) {
	p.t.Helper()
	var before input
	for range 3000 {
		before = input{p.spec, p.seen, p.now}.clone()
		plan := p.step()
		if wanted(plan) {
			a[name] = before
			return
		}
		if len(plan.Actions) == 0 {
			p.pass()
		}
	}
	p.t.Fatalf("%s: never came to be\n%v", name, p.log)
}

// with keeps a situation that is another one but for a change.
func (a album) with(name, other string, change func(*input)) {
	in := a[other].clone()
	change(&in)
	a[name] = in
}

// does is a plan with an action.
func does(text string) func(Plan) bool {
	return func(p Plan) bool {
		return slices.ContainsFunc(p.Actions, func(a Action) bool { return a.String() == text })
	}
}

// acts is a plan that does anything.
func acts(p Plan) bool { return len(p.Actions) > 0 }

// notes is a plan with a note.
func notes(reason string) func(Plan) bool {
	return func(p Plan) bool {
		return slices.ContainsFunc(p.Notes, func(n Note) bool { return n.Reason == reason })
	}
}

// waits is a plan without an action in a phase.
func waits(phase Phase) func(Plan) bool {
	return func(p Plan) bool { return p.Summary.Phase == phase && len(p.Actions) == 0 && len(p.Notes) == 0 }
}

func situations(t *testing.T) album {
	t.Helper()
	a := album{}
	a.routes(t)
	a.bounded(t)
	a.replicas(t)
	a.selector(t)
	a.others(t)
	return a
}

func (a album) routes(t *testing.T) {
	t.Helper()
	s := byRoutes(Unbounded, 0)
	s.Steps = []Step{
		{Kind: StepSetWeight, Weight: 20, Key: "20"},
		{Kind: StepPause, Indefinite: true, Key: "pause"},
		{Kind: StepAnalysis, Key: "analysis"},
		{Kind: StepPause, Duration: 10 * time.Second, Key: "10s"},
	}
	p := newPlay(t, s)
	p.verdict = RunRunning
	p.until("paused", paused)
	p.ask(Request{Verb: VerbPromote, Step: 1})
	a.keep("routes-analysis", p, waits(Progressing))
	p.seen.Runs[0].Phase = RunSuccessful
	p.until("committed", notes("PromotionCommitted"))
	a.keep("routes-hand-over", p, waits(Progressing))
	a.with("routes-pin", "routes-hand-over", func(in *input) {
		in.Seen.Stable = Service{Named: true, Pinned: "old", Endpoints: []Endpoints{{"old", 5}}}
	})
	a.with("routes-overwritten", "routes-hand-over", func(in *input) {
		in.Seen.Routes[0].Low, in.Seen.Routes[0].High = 40, 60
	})
	a.keep("routes-restore", p, does("restore routes"))
	a.keep("routes-healthy", p, func(plan Plan) bool { return healthy(plan) && !plan.Engaged })

	p = newPlay(t, s)
	p.until("paused", paused)
	p.ask(Request{Verb: VerbAbort})
	a.keep("routes-retry", p, does("scale ReplicaSet new 1 -> 0"))
	a.with("routes-retry", "routes-retry", func(in *input) {
		in.Seen.Request = Request{ID: "1", Verb: VerbRetry, Revision: "new"}
	})
}

func (a album) bounded(t *testing.T) {
	t.Helper()
	p := newPlay(t, byRoutes(1, 0))
	a.keep("bounded-second-pod", p, does("scale ReplicaSet new 1 -> 2"))
	p.until("paused", paused)
	p.ask(Request{Verb: VerbAbort})
	a.keep("bounded-back", p, acts)

	s := byRoutes(Unbounded, 0)
	s.DynamicStable, s.Replicas, s.MinPods = true, 10, 3
	s.Steps[0].Weight = 20
	p = newPlay(t, s)
	a.keep("dynamic-shrink", p, does("scale ReplicaSet old 10 -> 8"))

	p = newPlay(t, byRoutes(1, 1))
	a.keep("bounded-unavailable", p, does("scale ReplicaSet old 5 -> 4"))
}

func (a album) replicas(t *testing.T) {
	t.Helper()
	p := newPlay(t, byReplicas())
	a.keep("replicas-shrink", p, does("scale ReplicaSet old 5 -> 4"))
	s := byReplicas()
	s.Steps[3] = Step{Kind: StepPause, Indefinite: true, Key: "p"}
	p = newPlay(t, s)
	p.until("paused at 60", func(plan Plan) bool { return paused(plan) && plan.Status.Step == 3 })
	p.ask(Request{Verb: VerbAbort})
	a.keep("replicas-aborted", p, acts)
}

func (a album) selector(t *testing.T) {
	t.Helper()
	p := newPlay(t, blueGreen())
	a.keep("selector-preview", p, does("create ReplicaSet new with 2"))
	p.until("paused", paused)
	p.ask(Request{Verb: VerbPromote, Step: 2})
	a.keep("selector-switch", p, does("pin stable Service to new"))
	a.keep("selector-switched", p, waits(Progressing))
	a.with("selector-back", "selector-switched", func(in *input) {
		in.Seen.Request = Request{ID: "1", Verb: VerbAbort, Revision: "new"}
		in.Seen.ReplicaSets[0].Available, in.Seen.ReplicaSets[1].Available = 1, 1
	})
}

func (a album) others(t *testing.T) {
	t.Helper()
	s := byReplicas()
	s.Revision = "old"
	p := newPlay(t, s)
	p.seen.State, p.seen.ReplicaSets = State{}, nil
	p.endpoints()
	a.keep("first-create", p, does("create ReplicaSet old with 5"))
	a.keep("first-stable", p, notes("FirstRevision"))

	s = byReplicas()
	s.Revision, s.Unavailable, s.RestartAt = "old", 0, now.Add(3*time.Second)
	p = newPlay(t, s)
	p.set("old").Old, p.set("old").OldReady = 5, 5
	p.until("restarting", acts)
	a.keep("restart", p, acts)

	s = byReplicas()
	s.Revision, s.Workload = "old", WorkloadGoesOnSuccess
	p = newPlay(t, s)
	p.seen.State, p.seen.ReplicaSets = State{}, nil
	p.seen.Workload = Workload{Desired: 5, Pods: 5}
	p.endpoints()
	a.keep("workload", p, does("scale workload 5 -> 0"))

	s = byRoutes(Unbounded, 0)
	s.Background = Background{Key: "bg", Start: 1}
	p = newPlay(t, s)
	p.verdict = RunInconclusive
	a.keep("background-doubt", p, waits(Paused))

	s = byRoutes(Unbounded, 0)
	s.ProgressDeadline = 20 * time.Second
	p = newPlay(t, s)
	p.broken["new"] = true
	a.keep("unhealthy", p, waits(Degraded))
	a.with("unhealthy", "unhealthy", func(in *input) {
		in.Seen.ReplicaSets[1].Unhealthy = Unhealthy{Reason: "ImagePullBackOff", Message: "no such image", Since: in.Now.Add(-time.Minute)}
	})

	s = byRoutes(Unbounded, 0)
	s.RollbackWindow = 1
	p = newPlay(t, s)
	p.seen.ReplicaSets = append([]ReplicaSet{{Revision: "new", Number: 0, Settled: true, Role: RoleFormer}}, p.seen.ReplicaSets...)
	a.keep("rollback-window", p, notes("ReleaseStarted"))

	s.Revision, s.HistoryLimit = "old", 1
	p = newPlay(t, s)
	p.seen.ReplicaSets = append([]ReplicaSet{
		{Revision: "third", Number: -1, Settled: true, Role: RoleFormer}, {Revision: "new", Number: 0, Settled: true, Role: RoleRejected},
	}, p.seen.ReplicaSets...)
	a.keep("history", p, acts)
}
