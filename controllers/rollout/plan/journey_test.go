package plan

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever happens on the way, no action breaks an invariant, and a fair world comes to rest as it should be.
func TestJourneys(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := drawStrategy(r)
		p := newPlay(t, s)
		for range rapid.IntRange(1, 6).Draw(r, "events") {
			drawEvent(r, p)
			for range rapid.IntRange(0, 12).Draw(r, "plans") {
				if !p.plays(r) {
					p.pass()
				}
			}
		}
		clear(p.broken)
		p.spec.Paused, p.spec.Withdraw = false, false
		p.settle(r)
	})
}

// plays makes a plan, carries it out, and says whether it did anything.
func (p *play) plays(r *rapid.T) bool {
	plan := Next(p.spec, p.seen, p.now)
	changed := len(plan.Actions) > 0 || !reflect.DeepEqual(plan.Status, p.seen.State)
	p.seen.State = plan.Status
	for _, a := range plan.Actions {
		if broken := Violations(p.spec, p.seen, a); len(broken) > 0 {
			r.Fatalf("%s breaks %v\n%s", a, broken, strings.Join(p.log, "\n"))
		}
		p.log = append(p.log, fmt.Sprintf("%4s %s", p.now.Sub(now), a))
		p.apply(a)
	}
	p.log = append(p.log, fmt.Sprintf("%4s = %s: %s", p.now.Sub(now), plan.Summary.Phase, plan.Summary.Message))
	p.ended = append(p.ended, plan.Ended...)
	return changed
}

// settle plays until nothing happens any more, passing every pause, and fails when it is not at rest then.
func (p *play) settle(r *rapid.T) {
	quiet := 0
	for i := range 5000 {
		if p.plays(r) {
			quiet = 0
			continue
		}
		plan := Next(p.spec, p.seen, p.now)
		if plan.Summary.Phase == Paused {
			p.seen.Request = Request{ID: fmt.Sprint("settle", i), Verb: VerbPromote, Revision: plan.Status.Candidate, Step: plan.Status.Step}
			if p.seen.State.Paused {
				p.seen.Request.Verb = VerbResume
			}
			continue
		}
		if quiet++; quiet > 70+p.back {
			break
		}
		p.pass()
	}
	plan := Next(p.spec, p.seen, p.now)
	stable := plan.Status.Stable
	ok := quiet > 70+p.back && !plan.Engaged && (stable == p.spec.Revision && plan.Summary.Phase == Healthy ||
		slices.Contains(plan.Status.Rejected, p.spec.Revision) && plan.Summary.Phase == Degraded)
	for _, rs := range p.seen.ReplicaSets {
		ok = ok && rs.Desired == map[bool]int32{true: p.spec.Replicas}[rs.Revision == stable]
	}
	if !ok {
		r.Fatalf("not at rest: %+v, %+v\n%s", plan.Summary, p.seen, strings.Join(p.log[max(0, len(p.log)-120):], "\n"))
	}
}

func drawStrategy(r *rapid.T) Spec {
	s := map[string]Spec{
		"replicas": byReplicas(), "selector": blueGreen(), "routes": byRoutes(Unbounded, 0), "bounded": byRoutes(1, 0),
	}[rapid.SampledFrom([]string{"replicas", "selector", "routes", "bounded"}).Draw(r, "strategy")]
	s.Replicas = rapid.Int32Range(0, 6).Draw(r, "replicas")
	if s.Surge != Unbounded {
		s.Surge = rapid.Int32Range(0, 3).Draw(r, "surge")
		s.Unavailable = rapid.Int32Range(0, 2).Draw(r, "unavailable")
		if s.Surge == 0 {
			s.Unavailable = max(1, s.Unavailable)
		}
	}
	s.DynamicStable = s.Mover == ByRoutes && rapid.Bool().Draw(r, "dynamic")
	s.RollbackWindow = rapid.Int64Range(0, 2).Draw(r, "window")
	s.ScaleDownLimit = rapid.Int32Range(Unbounded, 1).Draw(r, "limit")
	s.MinPods = rapid.Int32Range(0, 2).Draw(r, "least")
	if s.Mover != BySelector {
		s.Steps = rapid.SliceOfN(rapid.Custom(drawStep), 0, 4).Draw(r, "steps")
	}
	if s.Mover == ByReplicas {
		s.Steps = slices.DeleteFunc(s.Steps, func(s Step) bool { return s.Kind == StepScale })
	}
	return s
}

func drawStep(r *rapid.T) Step {
	s := Step{
		Kind:       rapid.SampledFrom([]StepKind{StepSetWeight, StepPause, StepAnalysis, StepScale}).Draw(r, "kind"),
		Weight:     rapid.SampledFrom([]int32{0, 1, 25, 50, 80, 100}).Draw(r, "weight"),
		Pods:       rapid.Int32Range(Unbounded, 3).Draw(r, "pods"),
		Duration:   2 * time.Second,
		Indefinite: rapid.Bool().Draw(r, "indefinite"),
		Match:      rapid.Bool().Draw(r, "match"),
	}
	s.Key = fmt.Sprint(s)
	return s
}

func drawEvent(r *rapid.T, p *play) {
	revision := rapid.SampledFrom([]string{"old", "new", "newer"})
	verb := rapid.SampledFrom([]Verb{VerbPromote, VerbAbort, VerbRetry, VerbPause, VerbResume, VerbJump})
	event := rapid.SampledFrom([]string{
		"revision", "replicas", "verb", "broken", "mended", "verdict", "lost", "restart", "paused", "withdraw", "steps", "rewrite", "back",
	}).Draw(r, "event")
	p.log = append(p.log, "-- "+event)
	switch event {
	case "revision":
		p.spec.Revision = revision.Draw(r, "revision")
	case "replicas":
		p.spec.Replicas = rapid.Int32Range(0, 6).Draw(r, "replicas")
	case "verb":
		p.seen.Request = Request{
			ID: strconv.Itoa(len(p.log)), Verb: verb.Draw(r, "verb"), Revision: p.spec.Revision, Step: p.seen.State.Step,
			Full: rapid.Bool().Draw(r, "full"), SkipAnalysis: rapid.Bool().Draw(r, "skip"), To: rapid.Int32Range(0, 4).Draw(r, "to"),
		}
	case "broken":
		p.broken[revision.Draw(r, "broken")] = true
	case "mended":
		clear(p.broken)
	case "verdict":
		p.verdict = rapid.SampledFrom([]RunPhase{RunSuccessful, RunFailed, RunInconclusive}).Draw(r, "verdict")
	case "lost":
		p.seen.State = State{}
	case "restart":
		p.spec.RestartAt = p.now.Add(time.Second)
		for i := range p.seen.ReplicaSets {
			rs := &p.seen.ReplicaSets[i]
			rs.Old, rs.OldReady = rs.Pods, rs.Available
		}
	case "paused":
		p.spec.Paused = !p.spec.Paused
	case "withdraw":
		p.spec.Withdraw = !p.spec.Withdraw
	case "steps":
		if p.spec.Mover != BySelector && len(p.spec.Steps) > 0 {
			p.spec.Steps = p.spec.Steps[1:]
		}
	case "rewrite":
		if len(p.seen.Routes) > 0 && !p.seen.Routes[0].AtRest {
			w := rapid.SampledFrom([]int32{0, 30, 100}).Draw(r, "rewritten")
			p.seen.Routes[0].Low, p.seen.Routes[0].High = w, w
		}
	case "back":
		p.now, p.back = p.now.Add(-time.Minute), p.back+60
	}
}
