package sim

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/sluicehq/sluice/test/model"
)

// steps of a life before the adversary is quiet.
const (
	fewest = 500
	more   = 3500
)

// patience is after how many steps of a fair world it counts as one that does not come to rest.
const patience = 50_000

// Life is one Rollout on its way.
type Life struct {
	// Seed makes the same life again.
	Seed uint64
	// Trouble says what went wrong; empty while nothing has.
	Trouble string

	chance *rand.Rand
	scope  *model.Scope
	walk   model.Walk
	left   int
	moves  int
	// mischief is how likely, in thousandths, a step is the adversary's.
	mischief int
	trace    []string
	// tail is what a fair world did after a trace that was made shorter.
	tail  []string
	tally *Tally
}

// Begin a life; what happens in it is counted in a tally.
func Begin(seed uint64, tally *Tally) *Life {
	chance := rand.New(rand.NewPCG(seed, 0x5107ce)) //nolint:gosec // the same each time, by its seed
	l := &Life{Seed: seed, chance: chance, scope: scenario(chance), tally: tally}
	l.walk.World = model.Start(l.scope)
	l.left, l.moves = fewest+chance.IntN(more), moves
	l.mischief = 5 + chance.IntN(60)
	tally.Lives++
	return l
}

// Step lets one thing happen; false says that the life has ended.
func (l *Life) Step() bool {
	if l.left == 0 || l.Trouble != "" {
		return false
	}
	if l.left--; l.left == 0 {
		l.end()
		return false
	}
	adversary := l.moves > 0 && l.chance.IntN(1000) < l.mischief
	choices, trouble := l.walk.Choices(adversary)
	if trouble != "" {
		l.Trouble = trouble
		return false
	}
	choice := l.choose(choices, adversary)
	if choice < 0 {
		return true
	}
	if adversary && !choices[choice].Fair {
		l.moves--
	}
	l.note(l.walk.Name(choice), choices[choice])
	l.Trouble = l.walk.Take(choice)
	return l.Trouble == ""
}

// end lets a fair world come to rest.
func (l *Life) end() {
	l.Trouble = l.walk.Settle(patience, l.note)
	l.tally.Time += l.walk.World.Time()
}

// choose is one of the choices: of the adversary's where it is its turn, and else of the fair ones; -1 where there is
// none.
func (l *Life) choose(choices []model.Choice, adversary bool) int {
	if adversary {
		if choice := l.mischievous(choices); choice >= 0 {
			return choice
		}
	}
	sum := 0
	for _, c := range choices {
		sum += weight(c)
	}
	if sum == 0 {
		return -1
	}
	at := l.chance.IntN(sum)
	for i, c := range choices {
		if at -= weight(c); at < 0 {
			return i
		}
	}
	return -1
}

// weight is how likely a fair choice is: time passes less often than anything else happens.
func weight(c model.Choice) int {
	switch {
	case !c.Fair:
		return 0
	case c.Tick:
		return 2
	case c.Plan != nil || c.Action != nil:
		return 6
	}
	return 3
}

// mischievous is one of the adversary's choices, every kind of them being as likely as every other; -1 where there is
// none.
func (l *Life) mischievous(choices []model.Choice) int {
	var kinds []string
	of := map[string][]int{}
	for i, c := range choices {
		if c.Fair {
			continue
		}
		name := generic(l.walk.Name(i))
		if of[name] == nil {
			kinds = append(kinds, name)
		}
		of[name] = append(of[name], i)
	}
	if len(kinds) == 0 {
		return -1
	}
	choice := of[kinds[l.chance.IntN(len(kinds))]]
	return choice[l.chance.IntN(len(choice))]
}

func (l *Life) note(name string, c model.Choice) {
	l.trace = append(l.trace, name)
	l.tally.count(name, c)
}

// Story is what a life was, for people: what it was of, what happened, and what went wrong.
func (l *Life) Story() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nseed %d: %s\n", l.Trouble, l.Seed, describe(l.scope))
	lines(&b, l.trace)
	if len(l.tail) > 0 {
		b.WriteString("and then, by itself:\n")
		lines(&b, l.tail)
	}
	return b.String()
}

// lines lists names, those that come several times in a row once.
func lines(b *strings.Builder, names []string) {
	for len(names) > 0 {
		n := 1
		for n < len(names) && names[n] == names[0] {
			n++
		}
		fmt.Fprintf(b, "  %s", names[0])
		if n > 1 {
			fmt.Fprintf(b, " (%d times)", n)
		}
		b.WriteString("\n")
		names = names[n:]
	}
}

func describe(s *model.Scope) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d replicas, created %v, lagging caches %v, settle %d, delays %d and %d, deadline %d (aborts: %v), "+
		"rollback window %d, history %d, workload %d", s.Replicas, s.Created, s.LagCaches, s.Settle, s.ScaleDownDelay, s.AbortDelay,
		s.Deadline, s.DeadlineAbort, s.RollbackWindow, s.HistoryLimit, s.Workload)
	for _, strategy := range s.Strategies {
		fmt.Fprintf(&b, "\n  strategy %s: surge %d, unavailable %d, dynamic stable %v, least %d, threshold %+v, background %+v, nameless %v, no preview %v:",
			strategy.Name, strategy.Surge, strategy.Unavailable, strategy.DynamicStable, strategy.MinPods, strategy.Threshold,
			strategy.Background, strategy.Nameless, strategy.NoPreview)
		for _, step := range strategy.Steps {
			fmt.Fprintf(&b, " [%s]", step.Key)
		}
	}
	return b.String()
}
