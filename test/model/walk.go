package model

import "github.com/sluicehq/sluice/controllers/rollout/plan"

// Walk is one way through a world, for those who choose it themselves: each of its moves is checked as Explore does.
type Walk struct {
	// World as it is now.
	World World

	moves []move
	enc   encoder
}

// Choice is what may happen next on a walk.
type Choice struct {
	// Fair says that it happens sooner or later by itself; the others are the adversary's.
	Fair bool
	// Tick says that nothing but time passes.
	Tick bool
	// Plan is what the controller decides, and Action what it carries out, where it does.
	Plan   *plan.Plan
	Action plan.Action
}

// Choices lists all that may happen next, those of the adversary only where it may do anything. The trouble is what is
// wrong with what the controller would decide.
func (k *Walk) Choices(adversary bool) (choices []Choice, trouble string) {
	k.World.Left = 0
	if adversary {
		k.World.Left = 1
	}
	k.moves = k.World.moves(k.moves[:0])
	choices = make([]Choice, len(k.moves))
	for i := range k.moves {
		m := &k.moves[i]
		choices[i] = Choice{Fair: m.fair, Tick: m.do == passTick, Plan: m.plan, Action: m.action}
	}
	return choices, k.World.check(k.moves)
}

// Name says what a choice is. It tells it from every other in the same world.
func (k *Walk) Name(choice int) string { return k.World.name(&k.moves[choice]) }

// Take lets a choice happen, and says what is wrong with it; empty when nothing is.
func (k *Walk) Take(choice int) (trouble string) {
	m := &k.moves[choice]
	before := k.World
	k.World.take(m)
	idle := m.do == decide && len(m.plan.Actions) == 0 && k.enc.key(&before) == k.enc.key(&k.World)
	return checkMove(&before, m, &k.World, idle)
}

// Rest says what is wrong with a world in which nothing happens any more; empty when nothing is.
func (k *Walk) Rest() (trouble string) { return k.World.unsettled() }

// Settle lets a fair world go on until nothing happens any more, and says what is wrong on the way or at the end; empty
// when nothing is. The taken is called with each move.
func (k *Walk) Settle(patience int, taken func(name string, c Choice)) (trouble string) {
	seen := map[Key]bool{}
	for range patience {
		choices, trouble := k.Choices(false)
		if trouble != "" {
			return trouble
		}
		here := k.World.Key()
		if seen[here] {
			return "goes round in circles"
		}
		seen[here] = true
		choice := k.fairest(here)
		if choice < 0 {
			return k.Rest()
		}
		taken(k.Name(choice), choices[choice])
		if trouble := k.Take(choice); trouble != "" {
			return trouble
		}
	}
	return "does not come to rest"
}

// fairest is the first fair choice that leads to another state; -1 where there is none.
func (k *Walk) fairest(here Key) int {
	for i := range k.moves {
		if !k.moves[i].fair {
			continue
		}
		next := k.World
		next.take(&k.moves[i])
		if k.enc.key(&next) != here {
			return i
		}
	}
	return -1
}
