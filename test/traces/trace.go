// Package traces plays the stories that users tell in the model's world, in the order in which a fair world takes them,
// and keeps what happens, with the reasons of the engine, as text that a person can review: a line for each thing that
// happens, and beside it the pods and the traffic where they change.
package traces

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/test/model"
)

// Story is a release: its setting, and what people and chance do in it.
type Story struct {
	Name string
	// Tale is the story in a sentence or two.
	Tale  string
	Scope model.Scope
	// Do is what happens that would not by itself, in this order: the name of a transition, taken as soon as it is
	// possible; "until TEXT", which goes on until the controller says TEXT; or "for N seconds".
	Do []string
	// Without are transitions that do not happen by themselves in this story.
	Without []string
}

const patience = 2000

// Play returns the trace of a story, or an error that says which transition never became possible.
func Play(s Story) (string, error) {
	scope := s.Scope
	p := &player{story: s, world: model.Start(&scope), todo: slices.Clone(s.Do)}
	fmt.Fprintf(&p.out, "%s\n%s\n\n%5s  %-*s  %s\n", s.Tale, setting(&scope), "time", podsWidth, "pods ready", "traffic")
	p.line("at the start")
	for range patience {
		t, ok := p.choose()
		if !ok {
			if len(p.todo) > 0 {
				return p.out.String(), fmt.Errorf("%s: %q never became possible", s.Name, p.todo[0])
			}
			p.line("at rest")
			return p.out.String(), nil
		}
		p.take(&t)
	}
	return p.out.String(), fmt.Errorf("%s: does not come to rest", s.Name)
}

// setting says what there is at the start: "2 pods of A; canary with a route: weight 20, analysis".
func setting(s *model.Scope) string {
	pods := fmt.Sprintf("%d pods of A", s.Replicas)
	if s.Created {
		pods = fmt.Sprintf("Created with %d pods", s.Replicas)
	}
	var strategies []string
	for _, strategy := range s.Strategies {
		text := strategy.Name
		if strategy.Surge != plan.Unbounded {
			text += fmt.Sprintf(" (maxSurge %d, maxUnavailable %d)", strategy.Surge, strategy.Unavailable)
		}
		var steps []string
		for _, step := range strategy.Steps {
			steps = append(steps, step.Key)
		}
		if len(steps) > 0 {
			text += ": " + strings.Join(steps, ", ")
		}
		strategies = append(strategies, text)
	}
	return pods + "; " + strings.Join(strategies, "; then ") + "."
}

type player struct {
	story Story
	world model.World
	todo  []string
	out   strings.Builder
	// waits is since when "for N seconds" is going on.
	waits time.Duration
	// What was shown last.
	pods, traffic, said string
}

// choose takes what is to be done next if it is possible now, and a fair transition otherwise.
func (p *player) choose() (model.Transition, bool) {
	p.waited()
	transitions := p.world.Transitions()
	if len(p.todo) > 0 {
		for _, t := range transitions {
			if t.Name == p.todo[0] {
				p.todo = p.todo[1:]
				p.waits = p.world.Time()
				return t, true
			}
		}
	}
	key := p.world.Key()
	for _, t := range transitions {
		next := t.Next()
		if t.Fair && !slices.Contains(p.story.Without, t.Name) && (next.Key() != key || t.Tick && p.waiting()) {
			return t, true
		}
	}
	return model.Transition{}, false
}

// waited drops a wait that is over.
func (p *player) waited() {
	for len(p.todo) > 0 {
		if text, is := strings.CutPrefix(p.todo[0], "until "); is && strings.Contains(p.said, text) {
			p.todo, p.waits = p.todo[1:], p.world.Time()
			continue
		}
		if p.waiting() && p.world.Time() >= p.waits+p.wait() {
			p.todo, p.waits = p.todo[1:], p.world.Time()
			continue
		}
		return
	}
}

func (p *player) waiting() bool { return len(p.todo) > 0 && strings.HasPrefix(p.todo[0], "for ") }

func (p *player) wait() time.Duration {
	n, _ := strconv.Atoi(strings.Fields(p.todo[0])[1])
	return time.Duration(n) * time.Second
}

func (p *player) take(t *model.Transition) {
	p.world = t.Next()
	if t.Plan != nil {
		p.decision(t.Plan)
		return
	}
	if p.changed() || !slices.Contains(behindTheScenes, t.Name) {
		p.line(t.Name)
	}
	if t.Tick && !p.decides() {
		decided := p.world.Decision()
		p.say(&decided)
	}
}

// decides says that the controller is about to decide something, and will tell of it then.
func (p *player) decides() bool {
	return p.world.Busy() || slices.ContainsFunc(p.world.Transitions(), func(t model.Transition) bool { return t.Plan != nil })
}

// behindTheScenes is told only where it changes something that is shown.
var behindTheScenes = []string{"a tick passes", "endpoints follow", "data plane sees endpoints", "data plane follows"}

// decision tells why the controller does what it does: its notes, and its message where that has changed.
func (p *player) decision(decided *plan.Plan) {
	for _, n := range decided.Notes {
		mark := "*"
		if n.Warning {
			mark = "!"
		}
		p.line(fmt.Sprintf("%s %s: %s", mark, n.Reason, n.Message))
	}
	for _, ended := range decided.Ended {
		p.line(fmt.Sprintf("* history: %s %s, begun at %s", ended.Revision, ended.Outcome, model.At(ended.Started)))
	}
	p.say(decided)
}

// say shows what the controller says of the Rollout, where that has changed.
func (p *player) say(decided *plan.Plan) {
	if said := fmt.Sprintf("= %s: %s", decided.Summary.Phase, decided.Summary.Message); said != p.said {
		p.said = said
		p.line(said)
	}
}

// The widths of columns.
const (
	podsWidth    = 20
	trafficWidth = 12
)

func (p *player) changed() bool {
	return p.world.Pods() != p.pods || p.world.Traffic() != p.traffic
}

// line tells of something at the present time, with pods and traffic where they have changed.
func (p *player) line(text string) {
	pods, traffic := p.world.Pods(), p.world.Traffic()
	shownPods, shownTraffic := "", ""
	if pods != p.pods {
		shownPods = pods
	}
	if traffic != p.traffic {
		shownTraffic = traffic
	}
	p.pods, p.traffic = pods, traffic
	fmt.Fprintf(&p.out, "%5s  %-*s  %-*s  %s\n", p.world.Time(), podsWidth, shownPods, trafficWidth, shownTraffic, text)
}
