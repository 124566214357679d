package sim

import (
	"slices"

	"github.com/sluicehq/sluice/test/model"
)

// shrink finds a shorter trace that ends in the same trouble, by leaving out pieces of it, larger ones first. What is no
// longer possible after that is left out too. It tries as often as it is allowed to. The tail is what a fair world does
// after the trace, up to the trouble.
func shrink(scope *model.Scope, trace []string, trouble string, tries int) (shorter, tail []string) {
	shorter = trace
	for size := len(shorter) / 2; size > 0 && tries > 0; size /= 2 {
		for at := 0; at+size <= len(shorter) && tries > 0; tries-- {
			without := slices.Concat(shorter[:at], shorter[at+size:])
			if got, taken, after := relive(scope, without); got == trouble {
				shorter, tail = taken, after
				continue
			}
			at += size
		}
	}
	return shorter, tail
}

// relive lets what is in a trace happen, as far as it is possible, and says what goes wrong and what has happened until
// then. The end of a trace is followed by a fair world.
func relive(scope *model.Scope, trace []string) (trouble string, taken, tail []string) {
	again := *scope
	walk := model.Walk{World: model.Start(&again)}
	for _, name := range trace {
		choices, trouble := walk.Choices(true)
		if trouble != "" {
			return trouble, taken, nil
		}
		for i := range choices {
			if walk.Name(i) != name {
				continue
			}
			taken = append(taken, name)
			if trouble := walk.Take(i); trouble != "" {
				return trouble, taken, nil
			}
			break
		}
	}
	trouble = walk.Settle(patience, func(name string, _ model.Choice) { tail = append(tail, name) })
	return trouble, taken, tail
}
