package forecast

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// The bounds of a forecast: how often the engine is asked in all and at one instant, and how far ahead is looked.
const (
	maxDecisions  = 20_000
	maxAtOnce     = 2_000
	maxElapsed    = 10 * 365 * 24 * time.Hour
	fullShare     = 100
	ageOfPods     = 24 * time.Hour
	requestPrefix = "forecast-"
)

// epoch is the played time at which everything begins.
var epoch = time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)

// Play plays a scenario until nothing happens any more, or until it is clear that this never comes. It is deterministic.
// The error says why it cannot begin; all that goes wrong later is told by the forecast.
func Play(s Scenario) (Forecast, error) {
	p := &player{world: newWorld(&s), due: make([]time.Time, len(s.Events)), done: make([]bool, len(s.Events))}
	if err := p.warmUp(); err != nil {
		return Forecast{}, err
	}
	p.begin()
	p.run()
	p.finish()
	return p.out, nil
}

// player moves a world through time.
type player struct {
	*world
	start time.Time
	out   Forecast
	// due is when each event happens, once that is known; done says that it has.
	due  []time.Time
	done []bool
	// asked is the wait for a person for which somebody is taken to promote, at promoteAt.
	asked     string
	promoteAt time.Time
	requests  int
	// stableBefore is the revision that is stable at the start; templates counts those that events have made.
	stableBefore string
	templates    int
	atOnce       int
}

// newWorld is a world at rest with the spec before, or with nothing where there is none.
func newWorld(s *Scenario) *world {
	w := &world{
		scenario: s, spec: s.Before, now: epoch, pins: map[plan.ServiceRole]string{}, atRest: true, workload: s.WorkloadPods,
	}
	if !s.Start.IsZero() {
		w.now = s.Start
	}
	if s.Before.Revision == "" {
		return w
	}
	made := w.now.Add(-ageOfPods)
	if restart := s.After.RestartAt; !restart.IsZero() && !restart.After(made) {
		made = restart.Add(-time.Hour)
	}
	w.sets = []*set{{
		revision: s.Before.Revision, number: 1, desired: s.Before.Replicas, role: plan.RoleStable,
		pods: []pods{{count: s.Before.Replicas, made: made, ready: made, available: made}},
	}}
	w.state.Stable = s.Before.Revision
	return w
}

// warmUp lets the engine bring the world to rest with the spec before, so that the forecast begins with its change.
func (p *player) warmUp() error {
	// A restart of before is over.
	p.spec.RestartAt = time.Time{}
	if p.spec.Revision == "" {
		return nil
	}
	for range maxAtOnce {
		decided := plan.Next(p.spec, p.observe(), p.now)
		if p.adopt(decided) {
			continue
		}
		next := earliest(p.next(), decided.WakeAt)
		if !next.After(p.now) {
			return nil
		}
		p.pass(next)
	}
	return fmt.Errorf("the spec before does not come to rest")
}

// begin changes the spec.
func (p *player) begin() {
	before, after := p.scenario.Before, p.scenario.After
	p.start, p.stableBefore = p.now, p.state.Stable
	restart := !after.RestartAt.IsZero() && !after.RestartAt.Equal(before.RestartAt) && before.Revision != ""
	p.spec = after
	if !restart {
		p.spec.RestartAt = time.Time{}
	}
	p.out.Totals.Replicas = after.Replicas
	p.out.Totals.LeastAvailable = p.totalAvailable()
	switch {
	case p.scenario.Cause != "":
		p.happens(p.scenario.Cause)
	case before.Revision == "":
		p.happens("the Rollout is created")
	case before.Revision != after.Revision:
		p.happens("the template changes")
	case before.Replicas != after.Replicas:
		p.happens(fmt.Sprintf("spec.replicas changes from %d to %d", before.Replicas, after.Replicas))
	case restart:
		p.happens("spec.restartAt asks for other pods")
	default:
		p.happens("the spec is applied; its template is the same")
	}
}

// run asks the engine and lets time pass until nothing happens any more.
func (p *player) run() {
	for {
		p.fire()
		decided := plan.Next(p.spec, p.observe(), p.now)
		p.out.Totals.Decisions++
		p.out.Summary = decided.Summary
		changed := p.adopt(decided)
		p.record(decided, changed)
		p.arm(changed)
		if p.endless(changed) {
			return
		}
		if changed || p.isDue() {
			continue
		}
		next := earliest(p.next(), decided.WakeAt, p.nextEvent())
		if next.IsZero() {
			p.end(decided)
			return
		}
		p.advance(next, decided)
	}
}

// adopt takes over what was decided and says whether it changes anything.
func (p *player) adopt(decided plan.Plan) bool {
	changed := len(decided.Actions) > 0 || !reflect.DeepEqual(decided.Status, p.state)
	p.state = decided.Status
	for _, action := range decided.Actions {
		for _, broken := range plan.Violations(p.spec, p.observe(), action) {
			p.broken(action.String() + ": " + broken)
		}
		p.carryOut(action)
	}
	return changed
}

// maxViolations bounds how many broken invariants are told.
const maxViolations = 10

func (p *player) broken(what string) {
	if len(p.out.Violations) < maxViolations && !slices.Contains(p.out.Violations, what) {
		p.out.Violations = append(p.out.Violations, what)
	}
}

// endless says that no end is in sight, and why.
func (p *player) endless(changed bool) bool {
	if !changed {
		p.atOnce = 0
	}
	p.atOnce++
	why := ""
	switch {
	case p.atOnce > maxAtOnce:
		why = fmt.Sprintf("the controller decides %d times in a row at %s without coming to rest", maxAtOnce, p.elapsed())
	case p.out.Totals.Decisions >= maxDecisions:
		why = fmt.Sprintf("there is no rest after %d decisions, at %s", maxDecisions, p.elapsed())
	case p.elapsed() >= maxElapsed:
		why = fmt.Sprintf("there is no rest after %s", p.elapsed())
	default:
		return false
	}
	p.out.Ending, p.out.Message = Endless, why
	return true
}

// advance lets time pass until then, and adds up what it is spent on.
func (p *player) advance(next time.Time, decided plan.Plan) {
	totals, length := &p.out.Totals, next.Sub(p.now)
	if length <= 0 {
		return
	}
	_, person := p.waitsForPerson()
	switch {
	case person:
		totals.Persons += length
	case decided.Summary.Phase == plan.Paused:
		totals.Pauses += length
	case p.analyses():
		totals.Analysis += length
	}
	if extra := p.totalPods() - totals.Replicas; extra > 0 {
		totals.ExtraPodTime += time.Duration(extra) * length
	}
	p.waits(decided.Summary.Message, length)
	p.pass(next)
	p.measure()
}

// analyses says that the step's analysis runs.
func (p *player) analyses() bool {
	key := plan.RunKey(p.state)
	return p.state.Candidate != "" && slices.ContainsFunc(p.runs, func(r *run) bool { return r.key == key && r.phase == plan.RunRunning })
}

// end says how it ended, when nothing happens any more.
func (p *player) end(decided plan.Plan) {
	_, person := p.waitsForPerson()
	switch {
	case person:
		p.out.Ending = WaitsForPerson
	case decided.Summary.Phase == plan.Healthy, p.state.Abort.Revision != "" && p.state.Candidate == "" && !decided.Engaged:
		p.out.Ending = AtRest
		return
	default:
		p.out.Ending = Stuck
	}
	p.waits(decided.Summary.Message, 0)
}

// finish adds up what is left.
func (p *player) finish() {
	p.out.Totals.Duration, p.out.Revisions = p.elapsed(), p.shares()
	for i, event := range p.scenario.Events {
		if !p.done[i] {
			p.out.Unused = append(p.out.Unused, event)
		}
	}
}

func (p *player) elapsed() time.Duration { return p.now.Sub(p.start) }

// waitsForPerson says whether nothing moves forward before a person does something; the text tells one such wait from
// the next.
func (p *player) waitsForPerson() (string, bool) {
	s := p.state
	if s.Candidate == "" {
		return "paused", p.spec.Paused && s.Stable != "" && p.spec.Revision != s.Stable && s.Abort.Revision != p.spec.Revision
	}
	if p.spec.Paused || s.Paused {
		return "paused", true
	}
	if p.mayPromote() {
		return s.Candidate + strconv.Itoa(int(s.Step)) + s.StepStarted.String(), true
	}
	return "", false
}

// mayPromote says whether a promotion is what the release waits for.
func (p *player) mayPromote() bool {
	s, key := p.state, plan.RunKey(p.state)
	inconclusive := func(r *run) bool {
		asked := r.key == key || r.step == background && !s.BackgroundWaived
		return asked && r.phase == plan.RunInconclusive
	}
	if slices.ContainsFunc(p.runs, inconclusive) {
		return true
	}
	if int(s.Step) >= len(p.spec.Steps) || s.Mode != plan.ModeSteps {
		return false
	}
	step := p.spec.Steps[s.Step]
	return step.Kind == plan.StepPause && step.Indefinite && p.settled()
}

// settled says that neither pods nor a weight are on their way, so that a pause has really begun.
func (p *player) settled() bool {
	if len(p.scenario.Routes) > 0 && p.state.Traffic.AckedAt.IsZero() {
		return false
	}
	for _, s := range p.sets {
		if s.available(p.now) < s.desired {
			return false
		}
	}
	return true
}

// earliest is the earliest of some times that are set; zero where none is.
func earliest(times ...time.Time) time.Time {
	var first time.Time
	for _, at := range times {
		if !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}
