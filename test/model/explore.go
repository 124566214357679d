package model

import (
	"fmt"
	"slices"
	"strings"
)

// Result is what an exploration found.
type Result struct {
	States, Transitions int
	// Trouble says what is wrong; empty when nothing is.
	Trouble string
	// Trace is the shortest way there, as the names of transitions, which Replay takes.
	Trace []string
	// Complete says that every state was visited.
	Complete bool
}

// String is the trouble with the way there.
func (r Result) String() string {
	if r.Trouble == "" {
		return fmt.Sprintf("%d states, %d transitions, complete: %v", r.States, r.Transitions, r.Complete)
	}
	return r.Trouble + "\n  " + strings.Join(r.Trace, "\n  ")
}

// none is no state.
const none = ^uint32(0)

// explorer knows every state by its key and its number, in the order in which they were found. A state is kept as the
// move that led to it, since a world is large.
type explorer struct {
	numbers map[Key]uint32
	parent  []uint32
	by      []uint16 // which move of the parent led to the state
	fair    []uint32 // where a fair world goes from the state; itself where it is at rest
	control []uint32 // where the controller alone goes from it; itself where it does nothing
	enc     encoder
	moves   []move
	start   World
	result  Result
}

// Explore visits every state that can be reached from the start of a scope, breadth first, and stops at the first
// trouble.
func Explore(scope *Scope) Result {
	x := &explorer{numbers: map[Key]uint32{}, start: Start(scope)}
	return x.run(scope)
}

func (x *explorer) run(scope *Scope) Result {
	x.result.Complete = true
	queue := newFrontier()
	first := x.start
	x.add(x.enc.key(&first), none, 0)
	queue.push(&first)
	for number := uint32(0); ; number++ {
		w := queue.pop()
		if w == nil {
			break
		}
		fairOnly := scope.MaxStates > 0 && int(number) >= scope.MaxStates
		if fairOnly {
			x.result.Complete = false
		}
		if trouble := x.expand(number, w, queue, fairOnly); trouble != "" {
			return x.trouble(trouble, number)
		}
	}
	x.result.States = len(x.parent)
	for _, world := range []struct {
		name string
		next func(at uint32) uint32
	}{
		{"the controller goes round in circles in a world that does not change", func(at uint32) uint32 { return x.control[at] }},
		{"goes round in circles", func(at uint32) uint32 { return x.fair[at] }},
		{"goes round in circles when the controller is faster than all else", x.eager},
	} {
		if found, number := x.circles(world.next); found {
			return x.trouble(world.name+":"+x.circle(world.next, number), number)
		}
	}
	return x.result
}

// eager is where a world goes in which the controller is faster than all else.
func (x *explorer) eager(at uint32) uint32 {
	if to := x.control[at]; to != at {
		return to
	}
	return x.fair[at]
}

// add numbers a state that is new.
func (x *explorer) add(key Key, parent uint32, by uint16) uint32 {
	number := uint32(len(x.parent))
	x.numbers[key] = number
	x.parent = append(x.parent, parent)
	x.by = append(x.by, by)
	x.fair = append(x.fair, none)
	x.control = append(x.control, none)
	return number
}

// expand takes every move that is possible in a state, or only the first fair one, and checks the state and each move.
func (x *explorer) expand(number uint32, w *World, queue *frontier, fairOnly bool) string {
	x.moves = w.moves(x.moves[:0])
	moves := x.moves
	if trouble := w.check(moves); trouble != "" {
		return trouble
	}
	x.fair[number], x.control[number] = number, number
	var next World
	for i := range moves {
		m := &moves[i]
		if fairOnly && (!m.fair || x.fair[number] != number) {
			continue
		}
		next = *w
		to, trouble := x.follow(number, w, i, &next, queue)
		if trouble != "" {
			return trouble + "\x00" + w.name(m)
		}
		if m.fair && to != number && x.fair[number] == number {
			x.fair[number] = to
		}
		if m.do == decide || m.do == carryOut {
			x.control[number] = to
		}
	}
	if x.fair[number] == number {
		if trouble := w.unsettled(); trouble != "" {
			return "comes to rest wrongly: " + trouble
		}
	}
	return ""
}

// follow takes a move from a state, in next, and numbers the state that it leads to.
func (x *explorer) follow(number uint32, w *World, i int, next *World, queue *frontier) (to uint32, trouble string) {
	m := &x.moves[i]
	x.result.Transitions++
	if !m.fair {
		next.pay(m)
	}
	next.take(m)
	key := x.enc.key(next)
	to, known := x.numbers[key]
	if trouble := checkMove(w, m, next, known && to == number); trouble != "" {
		return to, trouble
	}
	if !known {
		to = x.add(key, number, uint16(i))
		queue.push(next)
	}
	return to, ""
}

// pay takes what a move costs off what the adversary has left. The verdicts of analyses are free.
func (w *World) pay(m *move) {
	if m.do != verdict {
		w.Left--
	}
}

// circles looks for a circle among the states when each leads to one other, and returns the first state that is on one.
func (x *explorer) circles(next func(at uint32) uint32) (found bool, first uint32) {
	const (
		unknown = iota
		walking
		good
	)
	known := make([]uint8, len(x.parent))
	var path []uint32
	first = none
	for start := range x.parent {
		path = path[:0]
		at := uint32(start)
		for known[at] == unknown {
			known[at] = walking
			path = append(path, at)
			to := next(at)
			if to == at {
				break
			}
			at = to
		}
		if known[at] == walking && next(at) != at {
			// The circle is the end of the path.
			for _, on := range path[slices.Index(path, at):] {
				first = min(first, on)
			}
		}
		for _, on := range path {
			known[on] = good
		}
	}
	return first != none, first
}

// circle names the moves of a circle.
func (x *explorer) circle(next func(at uint32) uint32, start uint32) string {
	var names strings.Builder
	for at := start; ; at = next(at) {
		w := x.world(at)
		for _, m := range w.moves(nil) {
			to := w
			to.take(&m)
			if m.fair && x.numbers[x.enc.key(&to)] == next(at) {
				names.WriteString(" " + w.name(&m) + ";")
				break
			}
		}
		if next(at) == start {
			return names.String()
		}
	}
}

func (x *explorer) trouble(text string, number uint32) Result {
	text, last, _ := strings.Cut(text, "\x00")
	x.result.States, x.result.Complete = len(x.parent), false
	x.result.Trouble, x.result.Trace = text, x.path(number)
	if last != "" {
		x.result.Trace = append(x.result.Trace, last)
	}
	return x.result
}

// path names the moves that lead to a state.
func (x *explorer) path(number uint32) (names []string) {
	x.walk(number, func(w *World, m *move) { names = append(names, w.name(m)) })
	return names
}

// world is a state made again.
func (x *explorer) world(number uint32) World {
	return x.walk(number, func(*World, *move) {})
}

// walk makes a state again, move by move.
func (x *explorer) walk(number uint32, step func(w *World, m *move)) World {
	var by []uint16
	for ; x.parent[number] != none; number = x.parent[number] {
		by = append(by, x.by[number])
	}
	w := x.start
	for _, i := range slices.Backward(by) {
		m := w.moves(nil)[i]
		step(&w, &m)
		if !m.fair {
			w.pay(&m)
		}
		w.take(&m)
	}
	return w
}

// frontier is a queue of worlds in blocks, so that what has been visited is let go.
type frontier struct {
	blocks [][]World
	next   int
}

const blockSize = 256

func newFrontier() *frontier { return &frontier{} }

func (f *frontier) push(w *World) {
	if n := len(f.blocks); n == 0 || len(f.blocks[n-1]) == blockSize {
		f.blocks = append(f.blocks, make([]World, 0, blockSize))
	}
	last := &f.blocks[len(f.blocks)-1]
	*last = append(*last, *w)
}

// pop returns the oldest world; nil where there is none. It is good until the next pop.
func (f *frontier) pop() *World {
	if len(f.blocks) == 0 || f.next == len(f.blocks[0]) {
		return nil
	}
	w := &f.blocks[0][f.next]
	if f.next++; f.next == blockSize {
		f.blocks, f.next = f.blocks[1:], 0
	}
	return w
}
