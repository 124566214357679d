package forecast

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// arm gives events whose condition has come true their time, and a wait for a person its end.
func (p *player) arm(changed bool) {
	for i, event := range p.scenario.Events {
		if p.due[i].IsZero() && p.hasCome(event, changed) {
			p.due[i] = p.now.Add(event.Delay)
		}
	}
	if changed {
		return
	}
	wait, waits := p.waitsForPerson()
	if !waits || wait == p.asked {
		return
	}
	p.asked = wait
	p.out.Totals.WaitsForPersons++
	if p.scenario.Assume.Promotes && p.mayPromote() {
		p.promoteAt = p.now.Add(p.scenario.Assume.PromoteAfter)
	}
}

// hasCome says whether an event's condition is true. An event at the start is due before the first decision.
func (p *player) hasCome(e Event, changed bool) bool {
	s := p.state
	switch e.When {
	case WhenElapsed:
		return true
	case WhenStep:
		return s.Candidate != "" && s.Step+1 == e.Threshold
	case WhenWeight:
		return s.Candidate != "" && s.Traffic.Asked >= e.Threshold
	case WhenWaiting:
		_, waits := p.waitsForPerson()
		return waits && !changed
	case WhenPromoted:
		return s.Stable != p.stableBefore && s.Candidate == "" && s.SwitchingFrom == ""
	case WhenAborted:
		return s.Abort.Revision != ""
	}
	return false
}

// nextEvent is when the next event happens whose time is known; zero where there is none.
func (p *player) nextEvent() time.Time {
	next := p.promoteAt
	for i := range p.scenario.Events {
		if !p.done[i] {
			next = earliest(next, p.due[i])
		}
	}
	return next
}

func (p *player) isDue() bool {
	next := p.nextEvent()
	return !next.IsZero() && !next.After(p.now)
}

// fire lets the next event happen whose time has come: one for each decision, so that each is answered.
func (p *player) fire() {
	for i, event := range p.scenario.Events {
		if p.due[i].IsZero() && event.When == WhenElapsed {
			p.due[i] = p.start.Add(event.Delay)
		}
		if p.done[i] || p.due[i].IsZero() || p.due[i].After(p.now) {
			continue
		}
		p.done[i] = true
		p.happens(p.happen(event))
		return
	}
	if p.promoteAt.IsZero() || p.promoteAt.After(p.now) {
		return
	}
	p.promoteAt = time.Time{}
	if p.mayPromote() {
		p.request(plan.Request{Verb: plan.VerbPromote, By: "somebody"})
		p.happens("somebody promotes, as is assumed")
	}
}

// happen lets an event happen and says it.
func (p *player) happen(e Event) string {
	if request, ok := e.request(); ok {
		p.request(request)
		return "somebody asks for " + string(e.Do) + numberOf(e)
	}
	switch e.Do {
	case DoScale:
		before := p.spec.Replicas
		if p.scenario.Resize != nil {
			p.spec = p.scenario.Resize(p.spec, e.Number)
		}
		p.spec.Replicas, p.out.Totals.Replicas = e.Number, e.Number
		return fmt.Sprintf("spec.replicas changes from %d to %d", before, e.Number)
	case DoTemplate:
		p.templates++
		p.spec.Revision = p.scenario.After.Revision + "-" + strconv.Itoa(p.templates+1)
		return "the template changes again, to revision " + p.spec.Revision
	case DoBack:
		p.spec.Revision = p.stableBefore
		return "the template goes back to revision " + p.stableBefore
	case DoRestart:
		p.spec.RestartAt = p.now
		return "spec.restartAt asks for other pods"
	case DoHold:
		p.spec.Paused = true
		return "spec.paused is set"
	case DoRelease:
		p.spec.Paused = false
		return "spec.paused is taken back"
	case DoAnalysisFails:
		return p.judge(plan.RunFailed, "the analysis fails", "a measurement is bad")
	case DoAnalysisInconclusive:
		return p.judge(plan.RunInconclusive, "the analysis is inconclusive", "a measurement is neither good nor bad")
	default:
		return p.disturb(e.Do)
	}
}

// request is what a person asks for in an event.
func (e Event) request() (plan.Request, bool) {
	switch e.Do {
	case DoPromote:
		return plan.Request{Verb: plan.VerbPromote}, true
	case DoPromoteFull:
		return plan.Request{Verb: plan.VerbPromote, Full: true}, true
	case DoPromoteSkipping:
		return plan.Request{Verb: plan.VerbPromote, Full: true, SkipAnalysis: true}, true
	case DoAbort:
		return plan.Request{Verb: plan.VerbAbort}, true
	case DoRetry:
		return plan.Request{Verb: plan.VerbRetry}, true
	case DoPause:
		return plan.Request{Verb: plan.VerbPause}, true
	case DoResume:
		return plan.Request{Verb: plan.VerbResume}, true
	case DoJump:
		return plan.Request{Verb: plan.VerbJump, To: e.Number - firstOrdinal}, true
	default:
		return plan.Request{}, false
	}
}

func numberOf(e Event) string {
	if e.Do == DoJump {
		return " to step " + strconv.Itoa(int(e.Number))
	}
	return ""
}

// request asks for something, for the revision and the step that a person sees now.
func (p *player) request(r plan.Request) {
	p.requests++
	r.ID = requestPrefix + strconv.Itoa(p.requests)
	r.Revision, r.Step, r.By = p.newest(), p.state.Step, "somebody"
	p.world.request = r
}

// judge ends the analysis that runs, the step's before the one beside the steps, or else the next one.
func (p *player) judge(phase plan.RunPhase, what, message string) string {
	key := plan.RunKey(p.state)
	running := func(is func(*run) bool) *run {
		i := slices.IndexFunc(p.runs, func(r *run) bool { return r.phase == plan.RunRunning && is(r) })
		if i < 0 {
			return nil
		}
		return p.runs[i]
	}
	r := running(func(r *run) bool { return r.key == key })
	if r == nil {
		r = running(func(r *run) bool { return r.step == background })
	}
	if r == nil {
		p.trouble.verdict = &verdict{phase: phase, message: message}
		return "from now on: " + what + " as soon as it runs"
	}
	r.phase, r.message = phase, message
	return what
}

// disturb begins or ends a fault.
func (p *player) disturb(do Do) string {
	switch do {
	case DoCrash:
		p.trouble.crash = p.newest()
		p.crashPods()
		return "the pods of revision " + p.newest() + " crash"
	case DoStuck:
		p.trouble.stuck = true
		return "pods that are made from now on never become ready"
	case DoSilent:
		p.trouble.silent = true
		return "gateways acknowledge nothing any more"
	case DoMend:
		p.trouble = trouble{verdict: p.trouble.verdict}
		p.mendPods()
		return "crashes, stuck pods and silent gateways end"
	default:
		return string(do)
	}
}

func (p *player) crashPods() {
	s := p.set(p.trouble.crash)
	if s == nil {
		return
	}
	s.unhealthy = crashing
	for i := range s.pods {
		s.pods[i].ready, s.pods[i].available = time.Time{}, time.Time{}
	}
}

func (p *player) mendPods() {
	for _, s := range p.sets {
		s.unhealthy = plan.Unhealthy{}
		for i := range s.pods {
			if s.pods[i].ready.IsZero() {
				s.pods[i].ready = p.now.Add(p.scenario.Assume.PodReady)
				s.pods[i].available = s.pods[i].ready.Add(p.scenario.MinReady)
			}
		}
	}
}
