package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var now = time.Unix(1_700_000_000, 0).UTC()

func ago(d time.Duration) time.Time { return now.Add(-d) }

// steps of the tests: 20 %, a pause, an analysis.
var steps = []Step{
	{Kind: StepSetWeight, Weight: 20, Key: "20"},
	{Kind: StepPause, Indefinite: true, Key: "pause"},
	{Kind: StepAnalysis, Key: "analysis"},
}

func spec() Spec {
	return Spec{
		Revision: "new", Replicas: 5, Steps: steps, Settle: 5 * time.Second, ScaleDownDelay: 30 * time.Second,
		AbortScaleDownDelay: 30 * time.Second, ProgressDeadline: 10 * time.Minute, HistoryLimit: 2,
		Surge: Unbounded, ScaleDownLimit: Unbounded,
	}
}

// releasing is a release of "new" over "old" at a step, with 20 % in place.
func releasing(step int32) Observed {
	return Observed{
		State: State{
			Stable: "old", Candidate: "new", Step: step, StepStarted: ago(time.Minute), PassedSteps: stepsDigest(steps[:step]),
			Traffic:       Traffic{Asked: 20, Low: 20, High: 20, AckedAt: ago(time.Minute)},
			MostAvailable: 1, ProgressedAt: ago(time.Minute),
			StableServedAt: ago(time.Hour), StableClearAt: ago(time.Hour), CanaryServedAt: ago(time.Minute),
			Originals: []Original{{Name: "r", Rules: "{}"}},
		},
		ReplicaSets: []ReplicaSet{
			{Revision: "old", Number: 1, Desired: 5, Pods: 5, Available: 5, Settled: true, Role: RoleStable},
			{Revision: "new", Number: 2, Desired: 1, Pods: 1, Available: 1, Settled: true},
		},
		Stable: Service{Named: true, Pinned: "old", Endpoints: []Endpoints{{"old", 5}}},
		Canary: Service{Named: true, Pinned: "new", Endpoints: []Endpoints{{"new", 1}}},
		Routes: []Route{{Name: "r", Low: 20, High: 20, Acknowledged: true, Waiting: "gateway", Original: "{}"}},
	}
}

func TestNext(t *testing.T) {
	for name, c := range map[string]struct {
		reason string // why it must be so
		change func(*Spec, *Observed)
		step   int32
		want   func(Plan) bool
	}{
		"an unchanged world plans nothing": {
			reason: "a hot loop starts where a plan follows from nothing",
			step:   1,
			want:   func(p Plan) bool { return len(p.Actions) == 0 && len(p.Notes) == 0 && p.Status.Step == 1 },
		},
		"a promote for another step is refused": {
			reason: "a person who saw step 1 must not pass step 2",
			step:   1,
			change: func(_ *Spec, o *Observed) {
				o.Request = Request{ID: "1", Verb: VerbPromote, Revision: "new", Step: 0}
			},
			want: func(p Plan) bool {
				return p.Status.Step == 1 && p.Status.Answered == "1" && !p.Status.Answer.Accepted
			},
		},
		"a promote for another revision is refused": {
			reason: "the release that it was meant for is gone",
			step:   1,
			change: func(_ *Spec, o *Observed) {
				o.Request = Request{ID: "1", Verb: VerbPromote, Revision: "other", Step: 1}
			},
			want: func(p Plan) bool { return p.Status.Step == 1 && !p.Status.Answer.Accepted },
		},
		"a promote passes a pause": {
			reason: "that is what it is for",
			step:   1,
			change: func(_ *Spec, o *Observed) {
				o.Request = Request{ID: "1", Verb: VerbPromote, Revision: "new", Step: 1}
			},
			want: func(p Plan) bool { return p.Status.Step == 2 && p.Status.Answer.Accepted },
		},
		"a promote does not pass a running analysis": {
			reason: "the verdict decides",
			step:   2,
			change: func(_ *Spec, o *Observed) {
				o.Request = Request{ID: "1", Verb: VerbPromote, Revision: "new", Step: 2}
			},
			want: func(p Plan) bool { return p.Status.Step == 2 && !p.Status.Answer.Accepted },
		},
		"a request is answered once": {
			reason: "it is never cleared",
			step:   1,
			change: func(_ *Spec, o *Observed) {
				o.Request = Request{ID: "1", Verb: VerbAbort, Revision: "new"}
				o.State.Answered = "1"
			},
			want: func(p Plan) bool { return p.Status.Candidate == "new" && len(p.Notes) == 0 },
		},
		"an abort may come before the release has begun": {
			reason: "a person who saw the commit may be faster than the controller",
			step:   0,
			change: func(_ *Spec, o *Observed) {
				o.State.Candidate, o.State.PassedSteps, o.State.Traffic = "", "", Traffic{}
				o.Routes[0].Low, o.Routes[0].High = 0, 0
				o.Request = Request{ID: "1", Verb: VerbAbort, Revision: "new"}
			},
			want: func(p Plan) bool {
				return p.Status.Answer.Accepted && p.Status.Candidate == "" && slices.Contains(p.Status.Rejected, "new")
			},
		},
		"an abort takes the weight away first": {
			reason: "nothing may come before that",
			step:   1,
			change: func(_ *Spec, o *Observed) {
				o.Request = Request{ID: "1", Verb: VerbAbort, Revision: "new", By: "ann"}
			},
			want: func(p Plan) bool {
				return p.Actions[0] == SetWeight{0} && p.Status.Abort.Reason == "Requested" &&
					slices.Contains(p.Status.Rejected, "new") && p.Summary.Phase == Degraded
			},
		},
		"an abort goes back as far as stable pods are ready": {
			reason: "two of five pods do not carry all of the traffic",
			step:   1,
			change: func(_ *Spec, o *Observed) {
				o.State.Traffic = Traffic{Asked: 100, Low: 100, High: 100, AckedAt: ago(time.Minute)}
				o.Routes[0].Low, o.Routes[0].High = 100, 100
				o.Stable.Endpoints[0].Ready = 2
				o.Request = Request{ID: "1", Verb: VerbAbort, Revision: "new"}
			},
			want: func(p Plan) bool { return p.Status.Traffic.Asked == 60 },
		},
		"an abort after the commit is refused": {
			reason: "the stable Service may have been moved already",
			step:   0,
			change: func(_ *Spec, o *Observed) {
				o.State.Stable, o.State.Candidate, o.State.SwitchingFrom = "new", "", "old"
				o.Request = Request{ID: "1", Verb: VerbAbort, Revision: "new"}
			},
			want: func(p Plan) bool {
				return p.Status.Stable == "new" && !p.Status.Answer.Accepted && strings.Contains(p.Status.Answer.Message, "promoted already")
			},
		},
		"a failed analysis aborts": {
			reason: "a breach beats every gate",
			step:   2,
			change: func(_ *Spec, o *Observed) {
				o.Runs = []Run{{Key: RunKey(o.State), Phase: RunFailed, Message: "success-rate 0.7"}}
			},
			want: func(p Plan) bool {
				return p.Status.Abort.Reason == "AnalysisFailed" && p.Actions[0] == SetWeight{0} && strings.Contains(p.Summary.Message, "success-rate 0.7")
			},
		},
		"an older run of the step does not count": {
			reason: "a step that is entered again is measured again",
			step:   2,
			change: func(_ *Spec, o *Observed) {
				old := o.State
				old.StepStarted = ago(time.Hour)
				o.Runs = []Run{{Key: RunKey(old), Phase: RunRunning}}
			},
			want: func(p Plan) bool {
				return len(p.Actions) == 2 && p.Actions[0] == StartRun{Key: RunKey(p.Status), Step: 2}
			},
		},
		"crashing pods abort at once": {
			reason: "no metric is needed to see that",
			step:   1,
			change: func(_ *Spec, o *Observed) {
				o.ReplicaSets[1].Unhealthy = Unhealthy{Reason: "CrashLoopBackOff", Message: "pod p"}
			},
			want: func(p Plan) bool { return p.Status.Abort.Reason == "PodsUnhealthy" },
		},
		"crashing pods of both revisions do not abort": {
			reason: "the stable revision has the same trouble, so it is not the release",
			step:   1,
			change: func(_ *Spec, o *Observed) {
				o.ReplicaSets[0].Unhealthy = Unhealthy{Reason: "CrashLoopBackOff"}
				o.ReplicaSets[1].Unhealthy = Unhealthy{Reason: "CrashLoopBackOff"}
			},
			want: func(p Plan) bool { return p.Status.Candidate == "new" },
		},
		"a trouble that may pass is given time": {
			reason: "a registry may be away for a moment",
			step:   1,
			change: func(_ *Spec, o *Observed) {
				o.ReplicaSets[1].Unhealthy = Unhealthy{Reason: "ImagePullBackOff", Since: ago(10 * time.Second)}
			},
			want: func(p Plan) bool {
				return p.Status.Candidate == "new" && p.WakeAt.Equal(now.Add(20*time.Second))
			},
		},
		"a release that is stuck is reported": {
			reason: "progressDeadlineAbort is off",
			step:   0,
			change: func(_ *Spec, o *Observed) {
				o.State.StepStarted, o.State.ProgressedAt, o.State.MostAvailable = ago(time.Hour), time.Time{}, 0
				o.ReplicaSets[1].Available = 0
				o.Canary.Endpoints = nil
				o.State.Traffic = Traffic{}
				o.Routes[0].Low, o.Routes[0].High = 0, 0
			},
			want: func(p Plan) bool {
				return p.Status.Candidate == "new" && p.Summary.Phase == Degraded && p.Summary.Reason == "ProgressDeadlineExceeded"
			},
		},
		"a silent gateway meets the deadline": {
			reason: "it must not hold a release for ever",
			step:   0,
			change: func(s *Spec, o *Observed) {
				s.ProgressDeadlineAbort = true
				o.State.StepStarted, o.State.ProgressedAt = ago(time.Hour), ago(time.Hour)
				o.State.Traffic.AckedAt = time.Time{}
				o.Routes[0].Acknowledged = false
			},
			want: func(p Plan) bool { return p.Status.Abort.Reason == "ProgressDeadlineExceeded" },
		},
		"a pod that comes and goes is no progress": {
			reason: "a crash loop that flaps must meet the deadline",
			step:   0,
			change: func(s *Spec, o *Observed) {
				s.Replicas, s.ProgressDeadlineAbort = 10, true
				o.State.StepStarted, o.State.ProgressedAt, o.State.MostAvailable = ago(time.Hour), ago(time.Hour), 1
			},
			want: func(p Plan) bool { return p.Status.Abort.Reason == "ProgressDeadlineExceeded" },
		},
		"steps that are still to come may change": {
			reason: "a steps-only change keeps the position",
			step:   1,
			change: func(s *Spec, _ *Observed) {
				s.Steps = append(slices.Clone(s.Steps[:2]), Step{Kind: StepSetWeight, Weight: 70, Key: "70"})
			},
			want: func(p Plan) bool { return p.Status.Step == 1 && len(p.Actions) == 0 },
		},
		"steps that were passed go back to the first": {
			reason: "what was passed is no longer what is asked for",
			step:   1,
			change: func(s *Spec, _ *Observed) {
				s.Steps = append([]Step{{Kind: StepSetWeight, Weight: 10, Key: "10"}}, s.Steps[1:]...)
			},
			want: func(p Plan) bool { return p.Status.Step == 0 && p.Status.Traffic.Asked == 10 },
		},
		"a problem stops forward moves": {
			reason: "nothing moves before it is mended",
			step:   0,
			change: func(s *Spec, _ *Observed) { s.Problem = &Problem{Reason: "InvalidRoute", Message: "gone"} },
			want: func(p Plan) bool {
				return p.Status.Step == 0 && len(p.Actions) == 0 && p.Summary.Reason == "InvalidRoute"
			},
		},
		"a problem does not stop an abort": {
			reason: "an abort is never blocked",
			step:   1,
			change: func(s *Spec, o *Observed) {
				s.Problem = &Problem{Reason: "InvalidRoute", Message: "gone"}
				o.Request = Request{ID: "1", Verb: VerbAbort, Revision: "new"}
			},
			want: func(p Plan) bool { return p.Actions[0] == SetWeight{0} },
		},
		"a rejected revision is held": {
			reason: "self-heal must not release it again",
			step:   0,
			change: func(_ *Spec, o *Observed) {
				o.State.Candidate, o.State.Rejected = "", []string{"new"}
			},
			want: func(p Plan) bool { return p.Status.Candidate == "" && p.Summary.Reason == "RolloutAborted" },
		},
		"a clock that goes back passes nothing": {
			reason: "the pause has not lasted",
			step:   1,
			change: func(s *Spec, o *Observed) {
				s.Steps = slices.Clone(s.Steps)
				s.Steps[1] = Step{Kind: StepPause, Duration: time.Second, Key: "pause"}
				o.State.StepStarted = now.Add(time.Hour)
			},
			want: func(p Plan) bool { return p.Status.Step == 1 },
		},
		"a canary without endpoints loses its weight first": {
			reason: "a weight on nothing loses requests",
			step:   1,
			change: func(_ *Spec, o *Observed) { o.Canary.Endpoints = nil; o.ReplicaSets[1].Available = 0 },
			want:   func(p Plan) bool { return p.Actions[0] == SetWeight{0} && p.Status.Candidate == "new" },
		},
		"a weight that something else overwrote is written again": {
			reason: "the engine drives it during a release",
			step:   1,
			change: func(_ *Spec, o *Observed) { o.Routes[0].Low, o.Routes[0].High = 0, 0 },
			want: func(p Plan) bool {
				return p.Actions[0] == SetWeight{20} && p.Status.Traffic.Low == 0 && p.Status.Traffic.AckedAt.IsZero()
			},
		},
		"a route without any weight is written again": {
			reason: "all or nothing may reach the canary, and no share of it is lost for long",
			step:   1,
			change: func(s *Spec, o *Observed) {
				s.Steps = slices.Clone(s.Steps)
				s.Steps[0].Weight = 100
				o.State.PassedSteps = stepsDigest(s.Steps[:1])
				o.State.Traffic = Traffic{Asked: 100, Low: 100, High: 100, AckedAt: ago(time.Minute)}
				o.ReplicaSets[1].Desired, o.ReplicaSets[1].Pods, o.ReplicaSets[1].Available = 5, 5, 5
				o.Canary.Endpoints[0].Ready = 5
				o.Routes[0].Low, o.Routes[0].High = 0, 100
			},
			want: func(p Plan) bool {
				return slices.Equal(p.Actions, []Action{SetWeight{100}}) && p.Status.Step == 1 &&
					p.Status.Traffic.Asked == 100 && p.Status.Traffic.Low == 0
			},
		},
		"history is bounded": {
			reason: "old ReplicaSets must not pile up",
			step:   1,
			change: func(_ *Spec, o *Observed) {
				for i := range 4 {
					o.ReplicaSets = slices.Insert(o.ReplicaSets, i, ReplicaSet{Revision: fmt.Sprint("h", i), Settled: true})
				}
			},
			want: func(p Plan) bool {
				return slices.Equal(p.Actions, []Action{DeleteReplicaSet{"h0"}, DeleteReplicaSet{"h1"}})
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, seen := spec(), releasing(c.step)
			if c.step == 2 && name == "an unchanged world plans nothing" {
				t.Fatal("a run would be started")
			}
			if c.change != nil {
				c.change(&s, &seen)
			}
			if p := Next(s, seen, now); !c.want(p) {
				t.Errorf("%s\nactions %v\nnotes %v\nsummary %+v\nstatus %+v", c.reason, p.Actions, p.Notes, p.Summary, p.Status)
			}
		})
	}
}

// Whatever is seen, the plan is the same each time, and no action breaks an invariant in the world as seen.
func TestNextKeepsTheInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, seen := drawSpec(t), drawObserved(t)
		p := Next(s, seen, now)
		if again := Next(s, seen, now); fmt.Sprint(p) != fmt.Sprint(again) {
			t.Fatalf("two plans of one world:\n%v\n%v", p, again)
		}
		seen.State = p.Status
		for _, a := range p.Actions {
			if broken := Violations(s, seen, a); len(broken) > 0 {
				t.Fatalf("%s: %v\nseen %+v\nnotes %v", a, broken, seen, p.Notes)
			}
		}
	})
}

func drawSpec(t *rapid.T) Spec {
	s := spec()
	s.Revision = drawRevision(t, "wanted")
	s.Replicas = rapid.Int32Range(0, 3).Draw(t, "replicas")
	s.Mover = rapid.SampledFrom([]Mover{ByRoutes, ByReplicas, BySelector}).Draw(t, "mover")
	s.Surge = rapid.Int32Range(-1, 2).Draw(t, "surge")
	s.Unavailable = rapid.Int32Range(0, 2).Draw(t, "unavailable")
	if s.Surge <= 0 && s.Unavailable == 0 && s.Mover == ByReplicas || s.Surge == 0 && s.Unavailable == 0 {
		s.Surge = 1
	}
	s.DynamicStable = rapid.Bool().Draw(t, "dynamic")
	s.Paused, s.Withdraw = rapid.Bool().Draw(t, "paused"), rapid.Bool().Draw(t, "withdraw")
	s.RestartAt = drawTime(t, "restart")
	s.RollbackWindow = rapid.Int64Range(0, 2).Draw(t, "window")
	s.Threshold.Percent = rapid.SampledFrom([]int32{0, 50}).Draw(t, "threshold")
	s.Workload = rapid.SampledFrom([]WorkloadPolicy{WorkloadStays, WorkloadGoesOnSuccess, WorkloadGoesProgressively}).Draw(t, "workload")
	if s.Mover == ByReplicas {
		s.Surge = max(0, s.Surge)
	}
	if rapid.Bool().Draw(t, "problem") {
		s.Problem = &Problem{Reason: "InvalidRoute", Message: "m"}
	}
	return s
}

func drawRevision(t *rapid.T, label string) string {
	return rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, label)
}

func drawTime(t *rapid.T, label string) time.Time {
	return rapid.SampledFrom([]time.Time{{}, ago(time.Hour), ago(5 * time.Second), now, now.Add(time.Minute)}).Draw(t, label)
}

func drawService(t *rapid.T, label string) Service {
	s := Service{Named: rapid.Bool().Draw(t, label+" named"), Pinned: rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, label)}
	for _, r := range []string{"a", "b", "c"} {
		if n := rapid.Int32Range(0, 3).Draw(t, label+r); n > 0 {
			s.Endpoints = append(s.Endpoints, Endpoints{r, n})
		}
	}
	return s
}

func drawObserved(t *rapid.T) Observed {
	share := rapid.SampledFrom([]int32{0, 20, 100})
	asked := share.Draw(t, "asked")
	o := Observed{
		Stable: drawService(t, "stable"), Canary: drawService(t, "canary"),
		State: State{
			Stable:         rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "state.stable"),
			Candidate:      rapid.SampledFrom([]string{"", "c"}).Draw(t, "candidate"),
			SwitchingFrom:  rapid.SampledFrom([]string{"", "c"}).Draw(t, "switching"),
			Step:           rapid.Int32Range(-1, 4).Draw(t, "step"),
			Switched:       rapid.SampledFrom([]string{"", "c"}).Draw(t, "switched"),
			Mode:           rapid.SampledFrom([]Mode{ModeSteps, ModeFull, ModeFullSkipAnalysis, ModeRollbackWindow}).Draw(t, "mode"),
			Paused:         rapid.Bool().Draw(t, "asked to pause"),
			StepStarted:    drawTime(t, "started"),
			StableClearAt:  drawTime(t, "stableClear"),
			StableServedAt: drawTime(t, "stableServed"), CanaryServedAt: drawTime(t, "canaryServed"),
			Traffic: Traffic{
				Asked: asked, Low: min(asked, share.Draw(t, "low")), High: max(asked, share.Draw(t, "high")),
				AckedAt: drawTime(t, "acked"),
			},
		},
	}
	if rapid.Bool().Draw(t, "rejected") {
		o.State.Rejected = []string{"c"}
	}
	if rapid.Bool().Draw(t, "recorded") {
		o.State.Originals = []Original{{Name: "r", Rules: "{}"}}
	}
	for i, r := range []string{"a", "b", "c"} {
		if rapid.Bool().Draw(t, "has "+r) {
			n := rapid.Int32Range(0, 3)
			o.ReplicaSets = append(o.ReplicaSets, ReplicaSet{
				Revision: r, Number: int64(i), Desired: n.Draw(t, "desired"), Pods: n.Draw(t, "pods"),
				Available: n.Draw(t, "available"), Settled: rapid.Bool().Draw(t, "settled"),
				Role: rapid.SampledFrom([]Role{RoleNone, RoleStable, RoleRejected, RoleFormer}).Draw(t, "role"),
				Old:  n.Draw(t, "old"),
			})
		}
	}
	weight := share.Draw(t, "route")
	o.Routes = []Route{{
		Name: "r", Low: weight, High: weight, AtRest: weight == 0 && rapid.Bool().Draw(t, "rest"),
		Acknowledged: rapid.Bool().Draw(t, "acknowledged"), Original: "{}",
	}}
	return o
}
