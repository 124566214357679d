package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/test/model"
)

// Tally counts what has happened in many lives.
type Tally struct {
	Lives, Fleets, Steps, Plans int
	// Time that has passed in all of the lives together.
	Time time.Duration
	// Outcomes of releases, Actions that were carried out by their kinds, Moves of the adversary, and Reasons of what the
	// controller told people.
	Outcomes, Actions, Moves, Reasons map[string]int
}

// NewTally is one in which nothing has happened.
func NewTally() *Tally {
	return &Tally{Outcomes: map[string]int{}, Actions: map[string]int{}, Moves: map[string]int{}, Reasons: map[string]int{}}
}

func (t *Tally) count(name string, c model.Choice) {
	t.Steps++
	if c.Action != nil {
		t.Actions[kind(c.Action)]++
	}
	if !c.Fair {
		t.Moves[generic(name)]++
	}
	if c.Plan == nil {
		return
	}
	t.Plans++
	for _, release := range c.Plan.Ended {
		t.Outcomes[string(release.Outcome)]++
	}
	for _, note := range c.Plan.Notes {
		t.Reasons[note.Reason]++
	}
}

// kind of an action, without the package's name.
func kind(a plan.Action) string { return strings.TrimPrefix(fmt.Sprintf("%T", a), "plan.") }

// generic leaves out which revision and how many a move is about.
func generic(name string) string {
	var words []string
	for word := range strings.FieldsSeq(name) {
		if word != "A" && word != "B" && word != "C" && strings.Trim(word, "0123456789") != "" {
			words = append(words, word)
		}
	}
	if i := slices.Index(words, "strategy"); i >= 0 {
		words = words[:i+1]
	}
	return strings.Join(words, " ")
}

// Add the counts of another tally.
func (t *Tally) Add(other *Tally) {
	t.Lives += other.Lives
	t.Fleets += other.Fleets
	t.Steps += other.Steps
	t.Plans += other.Plans
	t.Time += other.Time
	for _, both := range [][2]map[string]int{
		{t.Outcomes, other.Outcomes}, {t.Actions, other.Actions}, {t.Moves, other.Moves}, {t.Reasons, other.Reasons},
	} {
		for name, n := range both[1] {
			both[0][name] += n
		}
	}
}

// String is the figures for people.
func (t *Tally) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d Rollouts in %d fleets, %d transitions, %d plans, %.0f simulated hours\n",
		t.Lives, t.Fleets, t.Steps, t.Plans, t.Time.Hours())
	for _, list := range []struct {
		name   string
		counts map[string]int
	}{{"releases by outcome", t.Outcomes}, {"actions", t.Actions}, {"the adversary", t.Moves}, {"reasons given", t.Reasons}} {
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(list.counts)) {
			parts = append(parts, fmt.Sprintf("%s %d", name, list.counts[name]))
		}
		fmt.Fprintf(&b, "%s: %s\n", list.name, strings.Join(parts, ", "))
	}
	return b.String()
}

// Missing says which outcomes and actions have never come about.
func (t *Tally) Missing() (missing []string) {
	for _, outcome := range []plan.Outcome{plan.Promoted, plan.FastPromoted, plan.Aborted, plan.Superseded, plan.RolledBack} {
		if t.Outcomes[string(outcome)] == 0 {
			missing = append(missing, "outcome "+string(outcome))
		}
	}
	for _, action := range []plan.Action{
		plan.CreateReplicaSet{},
		plan.ScaleReplicaSet{},
		plan.DeleteReplicaSet{},
		plan.MarkReplicaSet{},
		plan.PinService{},
		plan.UnpinService{},
		plan.SetWeight{},
		plan.RestoreRoutes{},
		plan.StartRun{},
		plan.StopRun{},
		plan.EvictPods{},
		plan.PreferOldPods{},
		plan.ScaleWorkload{},
	} {
		if t.Actions[kind(action)] == 0 {
			missing = append(missing, "action "+kind(action))
		}
	}
	return missing
}
