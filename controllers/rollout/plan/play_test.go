package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// play is a fair world without delays: pods are available after a second, endpoints and gateways follow at once.
type play struct {
	t     *testing.T
	spec  Spec
	seen  Observed
	now   time.Time
	log   []string
	ended []Release
	// peak and least are the most pods and the fewest available ones that there were.
	peak, least int32
	// broken are revisions whose pods never become available.
	broken map[string]bool
	// verdict of the runs that are started.
	verdict RunPhase
	// back is by how many seconds the clock went back.
	back int
}

func newPlay(t *testing.T, spec Spec) *play {
	t.Helper()
	n := spec.Replicas
	p := &play{t: t, spec: spec, now: now, least: n, peak: n, verdict: RunSuccessful, broken: map[string]bool{}}
	p.seen = Observed{
		State:       State{Stable: "old"},
		ReplicaSets: []ReplicaSet{{Revision: "old", Number: 1, Desired: n, Pods: n, Available: n, Settled: true, Role: RoleStable}},
		Stable:      Service{Named: true}, Canary: Service{Named: true},
	}
	if spec.Mover == ByRoutes {
		p.seen.Routes = []Route{{Name: "r", AtRest: true, Acknowledged: true, Original: "{}"}}
	}
	p.endpoints()
	return p
}

// until plays until a condition holds, and fails when it does not within a day.
func (p *play) until(what string, done func(Plan) bool) Plan {
	p.t.Helper()
	for range 3000 {
		plan := p.step()
		if done(plan) {
			return plan
		}
		if len(plan.Actions) == 0 {
			p.pass()
		}
	}
	p.t.Fatalf("never %s:\n%s", what, strings.Join(p.log, "\n"))
	return Plan{}
}

func healthy(p Plan) bool  { return p.Summary.Phase == Healthy }
func paused(p Plan) bool   { return p.Summary.Phase == Paused }
func degraded(p Plan) bool { return p.Summary.Phase == Degraded }

// step makes one plan and carries it out.
func (p *play) step() Plan {
	p.t.Helper()
	plan := Next(p.spec, p.seen, p.now)
	p.seen.State = plan.Status
	for _, n := range plan.Notes {
		p.log = append(p.log, fmt.Sprintf("%4s * %s: %s", p.now.Sub(now), n.Reason, n.Message))
	}
	for _, a := range plan.Actions {
		if broken := Violations(p.spec, p.seen, a); len(broken) > 0 {
			p.t.Fatalf("%s breaks %v\n%s", a, broken, strings.Join(p.log, "\n"))
		}
		p.log = append(p.log, fmt.Sprintf("%4s %s", p.now.Sub(now), a))
		p.apply(a)
	}
	p.ended = append(p.ended, plan.Ended...)
	return plan
}

func (p *play) set(revision string) *ReplicaSet {
	for i := range p.seen.ReplicaSets {
		if p.seen.ReplicaSets[i].Revision == revision {
			return &p.seen.ReplicaSets[i]
		}
	}
	return &ReplicaSet{}
}

func (p *play) apply(a Action) {
	switch a := a.(type) {
	case CreateReplicaSet:
		number := int64(len(p.seen.ReplicaSets) + 1)
		p.seen.ReplicaSets = append(p.seen.ReplicaSets, ReplicaSet{Revision: a.Revision, Number: number, Desired: a.Replicas})
	case ScaleReplicaSet:
		rs := p.set(a.Revision)
		rs.Desired, rs.Settled = a.To, false
	case MarkReplicaSet:
		p.set(a.Revision).Role = a.Role
	case PinService:
		p.service(a.Service).Pinned = a.Revision
	case UnpinService:
		p.service(a.Service).Pinned = ""
	case SetWeight:
		p.seen.Routes[0] = Route{Name: "r", Low: a.Percent, High: a.Percent, Acknowledged: true, Original: "{}"}
	case RestoreRoutes:
		p.seen.Routes[0] = Route{Name: "r", AtRest: true, Acknowledged: true, Original: "{}"}
	case StartRun:
		p.seen.Runs = append(p.seen.Runs, Run{Key: a.Key, Phase: p.verdict, Message: "m"})
	case EvictPods:
		rs := p.set(a.Revision)
		rs.Old, rs.OldReady, rs.Pods, rs.Available = rs.Old-a.Count, rs.OldReady-a.Count, rs.Pods-a.Count, rs.Available-a.Count
	case ScaleWorkload:
		p.seen.Workload = Workload{Desired: a.To, Pods: a.To}
	case DeleteReplicaSet, StopRun, PreferOldPods:
	}
	p.endpoints()
}

func (p *play) service(role ServiceRole) *Service {
	if role == StableService {
		return &p.seen.Stable
	}
	return &p.seen.Canary
}

// pass lets a second go by.
func (p *play) pass() {
	p.now = p.now.Add(time.Second)
	var pods, available int32
	for i := range p.seen.ReplicaSets {
		rs := &p.seen.ReplicaSets[i]
		if gone := rs.Pods - rs.Desired; gone > 0 {
			rs.Old = max(0, rs.Old-gone) // the old ones are preferred
			rs.OldReady = min(rs.OldReady, rs.Old)
		}
		rs.Settled, rs.Pods, rs.Available = true, rs.Desired, rs.Desired
		if p.broken[rs.Revision] {
			rs.Available = 0
		}
		pods, available = pods+rs.Pods, available+rs.Available
	}
	p.peak, p.least = max(p.peak, pods), min(p.least, available)
	p.endpoints()
}

func (p *play) endpoints() {
	for _, s := range []*Service{&p.seen.Stable, &p.seen.Canary} {
		s.Endpoints = nil
		for _, rs := range p.seen.ReplicaSets {
			if rs.Available > 0 && (s.Pinned == "" || s.Pinned == rs.Revision) {
				s.Endpoints = append(s.Endpoints, Endpoints{rs.Revision, rs.Available})
			}
		}
	}
}

func (p *play) ask(r Request) Answer {
	r.ID, r.Revision = fmt.Sprint(len(p.log), r.Verb), "new"
	p.seen.Request = r
	return p.step().Status.Answer
}

func (p *play) outcome() Release {
	if len(p.ended) == 0 {
		return Release{}
	}
	return p.ended[len(p.ended)-1]
}

// atRest fails when anything of a release is left.
func (p *play) atRest(stable string) {
	p.t.Helper()
	p.until("at rest", func(plan Plan) bool { return !plan.Engaged && len(plan.Actions) == 0 })
	for range 60 {
		p.pass()
		if plan := p.step(); len(plan.Actions) > 0 || plan.Engaged {
			p.t.Fatalf("not at rest: %v\n%s", plan.Actions, strings.Join(p.log, "\n"))
		}
	}
	for _, rs := range p.seen.ReplicaSets {
		if want := map[bool]int32{true: p.spec.Replicas}[rs.Revision == stable]; rs.Desired != want {
			p.t.Errorf("revision %s has %d pods, not %d\n%s", rs.Revision, rs.Desired, want, strings.Join(p.log, "\n"))
		}
	}
	if p.seen.State.Stable != stable || p.seen.Stable.Pinned != "" || p.seen.Canary.Pinned != "" {
		p.t.Errorf("stable %s, pinned %q and %q", p.seen.State.Stable, p.seen.Stable.Pinned, p.seen.Canary.Pinned)
	}
}

func byReplicas() Spec {
	s := spec()
	s.Mover, s.Surge, s.Unavailable = ByReplicas, 1, 0
	s.Steps = []Step{
		{Kind: StepSetWeight, Weight: 20, Key: "20"},
		{Kind: StepPause, Duration: 2 * time.Second, Key: "p"},
		{Kind: StepSetWeight, Weight: 60, Key: "60"},
		{Kind: StepPause, Duration: 2 * time.Second, Key: "p"},
	}
	return s
}

func blueGreen() Spec {
	s := spec()
	s.Mover, s.BlueGreen = BySelector, true
	s.Steps = []Step{
		{Kind: StepScale, Pods: 2, Key: "preview 2"},
		{Kind: StepAnalysis, Key: "pre"},
		{Kind: StepPause, Indefinite: true, Key: "pause"},
		{Kind: StepSetWeight, Weight: 100, Key: "switch"},
		{Kind: StepAnalysis, Key: "post"},
	}
	return s
}

func byRoutes(surge, unavailable int32) Spec {
	s := spec()
	s.Surge, s.Unavailable = surge, unavailable
	s.Steps = []Step{{Kind: StepSetWeight, Weight: 50, Key: "50"}, {Kind: StepPause, Indefinite: true, Key: "p"}}
	return s
}

func TestCanaryWithoutRouter(t *testing.T) {
	p := newPlay(t, byReplicas())
	p.until("healthy on new", func(plan Plan) bool { return healthy(plan) && plan.Status.Stable == "new" })
	if p.peak != 6 || p.least != 5 {
		t.Errorf("between %d and %d pods, not 5 and 6\n%s", p.least, p.peak, strings.Join(p.log, "\n"))
	}
	p.atRest("new")
	if o := p.outcome(); o.Outcome != Promoted || o.Revision != "new" || o.Paused < 4*time.Second || o.Started.IsZero() {
		t.Errorf("outcome %+v", o)
	}
}

func TestCanaryWithoutRouterIsAborted(t *testing.T) {
	for _, c := range []struct{ surge, unavailable int32 }{{1, 0}, {0, 1}, {2, 1}, {5, 0}} {
		s := byReplicas()
		s.Surge, s.Unavailable = c.surge, c.unavailable
		s.Steps[3] = Step{Kind: StepPause, Indefinite: true, Key: "p"}
		p := newPlay(t, s)
		p.until("paused at 60", func(plan Plan) bool { return paused(plan) && plan.Status.Step == 3 })
		if a := p.ask(Request{Verb: VerbAbort}); !a.Accepted {
			t.Fatalf("%+v", a)
		}
		p.atRest("old")
		if p.least < 5-c.unavailable || p.peak > 5+c.surge {
			t.Errorf("%+v: between %d and %d pods\n%s", c, p.least, p.peak, strings.Join(p.log, "\n"))
		}
	}
}

// A broken stable revision must not block the fix.
func TestBrokenStableIsReplaced(t *testing.T) {
	for name, s := range map[string]Spec{"replicas": byReplicas(), "selector": blueGreen(), "routes": byRoutes(Unbounded, 0), "bounded": byRoutes(1, 0)} {
		t.Run(name, func(t *testing.T) {
			s.Steps = slices.DeleteFunc(s.Steps, func(s Step) bool { return s.Indefinite })
			p := newPlay(t, s)
			p.broken["old"] = true
			p.pass()
			p.until("healthy on new", func(plan Plan) bool { return healthy(plan) && plan.Status.Stable == "new" })
			p.atRest("new")
		})
	}
}

func TestBlueGreen(t *testing.T) {
	p := newPlay(t, blueGreen())
	p.until("paused", paused)
	if rs := p.set("new"); rs.Desired != 2 || p.seen.Stable.Pinned != "old" || p.seen.Canary.Pinned != "new" {
		t.Errorf("before the switch: %+v, active %s, preview %s", rs, p.seen.Stable.Pinned, p.seen.Canary.Pinned)
	}
	if a := p.ask(Request{Verb: VerbPromote, Step: 2}); !a.Accepted {
		t.Fatalf("%+v", a)
	}
	p.until("healthy", healthy)
	if p.set("old").Desired != 5 {
		t.Errorf("the old pods are gone before their delay")
	}
	p.atRest("new")
	if p.least < 5 {
		t.Errorf("down to %d pods", p.least)
	}
}

func TestBlueGreenRollsBackAfterTheSwitch(t *testing.T) {
	s := blueGreen()
	s.Steps[1] = Step{Kind: StepSetWeight, Weight: 0, Key: "nothing"}
	p := newPlay(t, s)
	p.verdict = RunFailed
	p.until("paused", paused)
	p.ask(Request{Verb: VerbPromote, Step: 2})
	p.until("switched", func(plan Plan) bool { return plan.Status.Switched == "new" })
	p.until("aborted", degraded)
	p.atRest("old")
	if o := p.outcome(); o.Outcome != Aborted || o.Reason != "AnalysisFailed" {
		t.Errorf("outcome %+v", o)
	}
}

func TestBlueGreenSupersededAfterTheSwitch(t *testing.T) {
	s := blueGreen()
	s.Steps = append(s.Steps[:4:4], Step{Kind: StepPause, Indefinite: true, Key: "look"})
	p := newPlay(t, s)
	p.until("paused", paused)
	p.ask(Request{Verb: VerbPromote, Step: 2})
	p.until("switched and settled", func(plan Plan) bool { return plan.Status.Traffic.Low == 100 })
	p.spec.Revision = "newer"
	p.until("back on old", func(Plan) bool { return p.seen.Stable.Pinned == "old" })
	p.until("paused", func(plan Plan) bool { return paused(plan) && plan.Status.Candidate == "newer" })
	if p.set("new").Desired == 0 && p.seen.Stable.Pinned == "new" {
		t.Error("the superseded revision is gone while it serves")
	}
	if o := p.outcome(); o.Outcome != Superseded || o.Revision != "new" {
		t.Errorf("outcome %+v", o)
	}
}

// Where the number of pods is bounded, weights between those of the steps let the revisions trade pods.
func TestBoundedSurgeWithRoutes(t *testing.T) {
	for replicas := int32(1); replicas <= 12; replicas++ {
		for _, c := range []struct{ surge, unavailable int32 }{{1, 0}, {0, 1}, {1, 1}, {2, 0}, {3, 1}} {
			for _, weight := range []int32{1, 33, 50, 67, 99} {
				s := byRoutes(c.surge, min(c.unavailable, replicas))
				s.Replicas, s.Steps[0].Weight = replicas, weight
				most := max(replicas+c.surge, 2)
				p := newPlay(t, s)
				p.until("paused", paused)
				if w := p.seen.Routes[0].High; w != weight {
					t.Fatalf("weight %d, not %d", w, weight)
				}
				p.ask(Request{Verb: VerbAbort})
				p.atRest("old")
				p.ask(Request{Verb: VerbRetry})
				p.until("paused", paused)
				p.ask(Request{Verb: VerbPromote, Step: 1})
				p.until("healthy", healthy)
				p.atRest("new")
				if p.peak > most || p.least < replicas-c.unavailable {
					t.Fatalf("%d replicas, %+v, weight %d: between %d and %d pods\n%s", replicas, c, weight, p.least, p.peak, strings.Join(p.log, "\n"))
				}
			}
		}
	}
}

func TestDynamicStableScale(t *testing.T) {
	s := byRoutes(Unbounded, 0)
	s.DynamicStable, s.Replicas, s.MinPods = true, 4, 1
	p := newPlay(t, s)
	p.until("paused with the stable one small", func(plan Plan) bool { return paused(plan) && p.set("old").Desired == 2 })
	p.ask(Request{Verb: VerbAbort})
	if w := p.seen.Routes[0].High; w != 50 || p.set("old").Desired != 4 {
		t.Errorf("weight %d and %d stable pods right after the abort", w, p.set("old").Desired)
	}
	p.atRest("old")
	if p.least < 4 {
		t.Errorf("down to %d pods", p.least)
	}
}

func TestSetCanaryScale(t *testing.T) {
	s := byRoutes(Unbounded, 0)
	s.Steps = []Step{
		{Kind: StepScale, Pods: 3, Key: "3"},
		{Kind: StepSetWeight, Weight: 20, Key: "20"},
		{Kind: StepPause, Indefinite: true, Key: "a"},
		{Kind: StepScale, Pods: Unbounded, Weight: 80, Key: "80"},
		{Kind: StepPause, Indefinite: true, Key: "b"},
		{Kind: StepScale, Match: true, Key: "match"},
		{Kind: StepPause, Indefinite: true, Key: "c"},
	}
	p := newPlay(t, s)
	for _, c := range []struct{ step, pods int32 }{{2, 3}, {4, 4}, {6, 1}} {
		p.until("paused", func(plan Plan) bool { return paused(plan) && plan.Status.Step == c.step })
		if got := p.set("new").Desired; got != c.pods {
			t.Errorf("step %d: %d pods, not %d\n%s", c.step, got, c.pods, strings.Join(p.log, "\n"))
		}
		p.ask(Request{Verb: VerbPromote, Step: c.step})
	}
	p.atRest("new")
}

func TestRestart(t *testing.T) {
	for name, c := range map[string]struct {
		spec        Spec
		unavailable int32
	}{
		"surge": {byReplicas(), 0}, "evictions": {byReplicas(), 2}, "routes": {byRoutes(Unbounded, 0), 0},
		"routes, evictions": {byRoutes(Unbounded, 1), 1}, "blue-green": {blueGreen(), 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.spec
			s.Revision, s.Unavailable, s.RestartAt = "old", c.unavailable, now.Add(3*time.Second)
			p := newPlay(t, s)
			rs := p.set("old")
			rs.Old, rs.OldReady = 5, 5
			p.until("restarted", func(plan Plan) bool { return plan.Status.RestartedAt.Equal(s.RestartAt) })
			p.atRest("old")
			if p.set("old").Old != 0 || p.least < 5-c.unavailable || p.peak > 6 {
				t.Errorf("%d old pods, between %d and %d\n%s", p.set("old").Old, p.least, p.peak, strings.Join(p.log, "\n"))
			}
			if c.unavailable == 0 && p.peak != 6 {
				t.Error("no pod more")
			}
		})
	}
}

func TestPromoteFull(t *testing.T) {
	steps := []Step{
		{Kind: StepSetWeight, Weight: 10, Key: "10"},
		{Kind: StepPause, Indefinite: true, Key: "p"},
		{Kind: StepSetWeight, Weight: 20, Key: "20"},
		{Kind: StepPause, Indefinite: true, Key: "p"},
		{Kind: StepSetWeight, Weight: 40, Key: "40"},
		{Kind: StepAnalysis, Key: "a"},
		{Kind: StepSetWeight, Weight: 60, Key: "60"},
		{Kind: StepPause, Indefinite: true, Key: "p"},
	}
	for name, c := range map[string]struct {
		skip    bool
		verdict RunPhase
		want    Outcome
		weights string
	}{
		"analysis still decides":       {false, RunSuccessful, FastPromoted, "10 40 100 0"},
		"a failing analysis aborts":    {false, RunFailed, Aborted, "10 40 0"},
		"analysis is skipped if asked": {true, RunFailed, FastPromoted, "10 100 0"},
	} {
		t.Run(name, func(t *testing.T) {
			s := byRoutes(Unbounded, 0)
			s.Steps = steps
			p := newPlay(t, s)
			p.verdict = c.verdict
			p.until("paused", paused)
			if a := p.ask(Request{Verb: VerbPromote, Full: true, SkipAnalysis: c.skip}); !a.Accepted {
				t.Fatalf("%+v", a)
			}
			p.until("ended", func(Plan) bool { return len(p.ended) > 0 })
			p.atRest(map[bool]string{true: "old", false: "new"}[c.want == Aborted])
			var weights []string
			for _, line := range p.log {
				if _, w, ok := strings.Cut(line, "set weight "); ok {
					weights = append(weights, w)
				}
			}
			if got := strings.Join(weights, " "); p.outcome().Outcome != c.want || got != c.weights {
				t.Errorf("outcome %+v, weights %s, not %s\n%s", p.outcome(), got, c.weights, strings.Join(p.log, "\n"))
			}
		})
	}
}

func TestPauseAndResume(t *testing.T) {
	for name, s := range map[string]Spec{"routes": byRoutes(Unbounded, 0), "replicas": byReplicas()} {
		t.Run(name, func(t *testing.T) {
			s.Steps = []Step{{Kind: StepSetWeight, Weight: 20, Key: "20"}, {Kind: StepSetWeight, Weight: 60, Key: "60"}}
			p := newPlay(t, s)
			p.until("on its way", func(plan Plan) bool { return plan.Status.Traffic.Asked == 20 })
			if a := p.ask(Request{Verb: VerbPause}); !a.Accepted {
				t.Fatalf("%+v", a)
			}
			for range 100 {
				p.pass()
				if plan := p.step(); plan.Status.Traffic.Asked != 20 || plan.Status.Step > 0 || !paused(plan) {
					t.Fatalf("it moves while it is paused: %+v", plan.Status)
				}
			}
			if a := p.ask(Request{Verb: VerbPause}); a.Accepted {
				t.Error("a second pause is accepted")
			}
			if a := p.ask(Request{Verb: VerbResume}); !a.Accepted {
				t.Fatalf("%+v", a)
			}
			p.atRest("new")
			if o := p.outcome(); o.Paused < 100*time.Second {
				t.Errorf("outcome %+v", o)
			}
			p.spec.Revision, p.spec.Paused = "newer", true
			if plan := p.until("held back", paused); plan.Status.Candidate != "" {
				t.Error("a release begins although spec.paused is set")
			}
		})
	}
}

func TestJump(t *testing.T) {
	s := byRoutes(Unbounded, 0)
	s.Steps = []Step{
		{Kind: StepSetWeight, Weight: 20, Key: "20"},
		{Kind: StepPause, Indefinite: true, Key: "a"},
		{Kind: StepSetWeight, Weight: 60, Key: "60"},
		{Kind: StepPause, Indefinite: true, Key: "b"},
	}
	p := newPlay(t, s)
	p.until("paused", paused)
	for _, r := range []Request{{Step: 0, To: 3}, {Step: 1, To: 5}, {Step: 1, To: -1}, {Step: 1, To: 1}} {
		r.Verb = VerbJump
		if a := p.ask(r); a.Accepted {
			t.Errorf("%+v is accepted", r)
		}
	}
	p.ask(Request{Verb: VerbJump, Step: 1, To: 2})
	p.until("at 60", func(plan Plan) bool { return paused(plan) && p.seen.Routes[0].High == 60 })
	p.ask(Request{Verb: VerbJump, Step: 3, To: 0})
	p.until("back at 20", func(plan Plan) bool { return paused(plan) && p.seen.Routes[0].High == 20 && p.set("new").Desired == 1 })
	p.ask(Request{Verb: VerbJump, Step: 1, To: 4})
	p.until("healthy", healthy)
	p.atRest("new")
}

func TestRollbackWindow(t *testing.T) {
	for name, s := range map[string]Spec{"routes": byRoutes(Unbounded, 0), "replicas": byReplicas(), "selector": blueGreen()} {
		t.Run(name, func(t *testing.T) {
			s.Steps = slices.Concat(s.Steps, []Step{{Kind: StepPause, Indefinite: true, Key: "last"}})
			s.RollbackWindow = 1
			p := newPlay(t, s)
			pass := func(plan Plan) bool {
				if paused(plan) {
					p.ask(Request{Verb: VerbPromote, Step: plan.Status.Step})
				}
				return plan.Status.Stable == "new"
			}
			p.until("promoted", pass)
			p.atRest("new")
			p.spec.Revision = "old"
			p.until("back on old without a pause", func(plan Plan) bool {
				if paused(plan) {
					t.Fatal("a rollback inside of the window pauses")
				}
				return plan.Status.Stable == "old"
			})
			p.atRest("old")
			if o := p.outcome(); o.Outcome != RolledBack {
				t.Errorf("outcome %+v", o)
			}
		})
	}
}

func TestWorkload(t *testing.T) {
	s := byReplicas()
	s.Workload = WorkloadGoesProgressively
	p := newPlay(t, s)
	p.spec.Revision = "old"
	p.seen.State, p.seen.ReplicaSets = State{}, nil
	p.seen.Workload = Workload{Desired: 5, Pods: 5}
	p.until("healthy", healthy)
	if p.seen.Workload.Desired != 0 {
		t.Errorf("workload %+v\n%s", p.seen.Workload, strings.Join(p.log, "\n"))
	}
	p.atRest("old")
	// Somebody makes it larger again: it is left alone until the next release.
	p.seen.Workload = Workload{Desired: 3, Pods: 3}
	p.atRest("old")
	if p.seen.Workload.Desired != 3 {
		t.Error("the workload is fought over")
	}
	p.spec.Workload, p.spec.Revision = WorkloadGoesOnSuccess, "new"
	p.until("healthy", func(plan Plan) bool { return healthy(plan) && plan.Status.Stable == "new" })
	p.atRest("new")
	if p.seen.Workload.Desired != 0 {
		t.Error("the next release leaves it")
	}
}

// A jump to before the step at which the analysis in the background begins does not end it, nor hide its verdict.
func TestBackgroundAnalysisAfterAJumpBack(t *testing.T) {
	for name, phase := range map[string]RunPhase{"failed": RunFailed, "inconclusive": RunInconclusive, "running": RunRunning} {
		t.Run(name, func(t *testing.T) {
			s := byReplicas()
			s.Steps[3] = Step{Kind: StepPause, Indefinite: true, Key: "p"}
			s.Background = Background{Key: "bg", Start: 2}
			p := newPlay(t, s)
			p.verdict = RunRunning
			p.until("paused at the last step", func(plan Plan) bool { return paused(plan) && plan.Status.Step == 3 })
			p.seen.Runs[0].Phase = phase
			p.seen.Request = Request{ID: "jump", Verb: VerbJump, Revision: "new", To: 0}
			plan := p.step()
			switch aborted := plan.Status.Abort.Reason; {
			case phase == RunFailed && aborted != "AnalysisFailed":
				t.Errorf("the release goes on: %+v", plan.Summary)
			case phase == RunInconclusive && plan.Summary.Reason != "InconclusiveAnalysisRun":
				t.Errorf("the release goes on: %+v", plan.Summary)
			case phase == RunRunning && slices.ContainsFunc(plan.Actions, func(a Action) bool { _, is := a.(StopRun); return is }):
				t.Error("the analysis is stopped")
			}
		})
	}
}

func TestBackgroundAnalysis(t *testing.T) {
	for _, c := range []struct {
		verdict RunPhase
		want    Outcome
	}{{RunRunning, Promoted}, {RunFailed, Aborted}, {RunInconclusive, Promoted}} {
		s := byRoutes(Unbounded, 0)
		s.Steps[1] = Step{Kind: StepPause, Duration: 2 * time.Second, Key: "2s"}
		s.Background = Background{Key: "bg", Start: 1}
		p := newPlay(t, s)
		p.verdict = c.verdict
		p.until("ended", func(plan Plan) bool {
			if plan.Summary.Reason == "InconclusiveAnalysisRun" {
				if a := p.ask(Request{Verb: VerbPromote, Step: plan.Status.Step}); !a.Accepted {
					t.Fatalf("%+v", a)
				}
			}
			return len(p.ended) > 0
		})
		if o := p.outcome(); o.Outcome != c.want {
			t.Errorf("%v: outcome %+v\n%s", c.verdict, o, strings.Join(p.log, "\n"))
		}
	}
}

func TestStrategyChange(t *testing.T) {
	for name, s := range map[string]Spec{"routes": byRoutes(Unbounded, 0), "replicas": byReplicas(), "selector": blueGreen()} {
		t.Run(name, func(t *testing.T) {
			p := newPlay(t, s)
			p.until("paused", paused)
			p.spec.Withdraw = true
			p.until("at rest", func(plan Plan) bool { return !plan.Engaged })
			if p.set("new").Desired != 0 || p.set("old").Desired != 5 || len(p.ended) != 0 {
				t.Errorf("%+v, ended %+v", p.seen.ReplicaSets, p.ended)
			}
		})
	}
}

func TestFirstRevisionIsStuck(t *testing.T) {
	s := byReplicas()
	s.Revision = "old"
	p := newPlay(t, s)
	p.seen.State, p.seen.ReplicaSets = State{}, nil
	p.broken["old"] = true
	p.endpoints()
	if plan := p.until("stuck", degraded); plan.Summary.Reason != stuckReason {
		t.Errorf("%+v", plan.Summary)
	}
	delete(p.broken, "old")
	p.until("healthy", healthy)
}

func TestThreshold(t *testing.T) {
	for _, c := range []struct {
		threshold Threshold
		need      int32
		want      int32
	}{{Threshold{}, 5, 5}, {Threshold{Percent: 50}, 5, 3}, {Threshold{Percent: 1}, 5, 1}, {Threshold{Pods: 3}, 5, 3}, {Threshold{Pods: 3}, 2, 2}, {Threshold{Percent: 50}, 0, 0}} {
		if got := c.threshold.of(c.need); got != c.want {
			t.Errorf("%+v of %d: %d, not %d", c.threshold, c.need, got, c.want)
		}
	}
}

func TestSplit(t *testing.T) {
	for _, c := range []struct{ share, replicas, surge, canary, stable int32 }{
		{10, 10, 1, 1, 9},
		{20, 5, 1, 1, 4},
		{60, 5, 1, 3, 2},
		{5, 1, 1, 1, 1},
		{95, 1, 1, 1, 1},
		{50, 1, 0, 1, 0},
		{10, 1, 0, 0, 1},
		{1, 2, 0, 1, 1},
		{99, 10, 0, 9, 1},
		{0, 5, 1, 0, 5},
		{100, 5, 1, 5, 0},
		{50, 5, 0, 3, 2},
		{50, 5, 1, 3, 3},
		{30, 0, 1, 0, 0},
		{33, 3, 1, 1, 2},
		{25, 3, 1, 1, 3},
	} {
		if canary, stable := split(c.share, c.replicas, c.surge); canary != c.canary || stable != c.stable {
			t.Errorf("%d%% of %d with surge %d: %d and %d, not %d and %d", c.share, c.replicas, c.surge, canary, stable, c.canary, c.stable)
		}
	}
}
