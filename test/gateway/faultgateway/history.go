package faultgateway

import (
	"slices"
	"time"
)

// history is what was seen, oldest first. Each entry has a number that never changes: the first one is 1.
type history[T any] struct {
	entries []seen[T]
	// forgotten is the number of entries that were dropped from the front.
	forgotten int
}

type seen[T any] struct {
	at    time.Time
	value T
}

// add notes something newer than all before.
func (h *history[T]) add(at time.Time, value T) { h.entries = append(h.entries, seen[T]{at, value}) }

// upTo is the number of the newest entry that was seen at or before the moment; 0 if there is none.
func (h *history[T]) upTo(moment time.Time) int {
	for i, entry := range slices.Backward(h.entries) {
		if !entry.at.After(moment) {
			return h.forgotten + i + 1
		}
	}
	return 0
}

// get gives an entry by its number; ok is false for one that is not there.
func (h *history[T]) get(number int) (entry seen[T], ok bool) {
	i := number - h.forgotten - 1
	if i < 0 || i >= len(h.entries) {
		return entry, false
	}
	return h.entries[i], true
}

// forget drops the entries before a number.
func (h *history[T]) forget(before int) {
	if drop := min(before-h.forgotten-1, len(h.entries)-1); drop > 0 {
		h.entries = append([]seen[T](nil), h.entries[drop:]...)
		h.forgotten += drop
	}
}

// reader goes through a history behind a lag, and never back.
type reader[T any] struct {
	// at is the number of the entry that was read last; 0 before the first.
	at int
}

// due says whether there is something newer to be read now, and otherwise when there will be (zero: not by waiting).
func (r *reader[T]) due(h *history[T], now time.Time, lag time.Duration) (isDue bool, wake time.Time) {
	if h.upTo(now.Add(-lag)) > r.at {
		return true, time.Time{}
	}
	if next, ok := h.get(max(r.at, h.forgotten) + 1); ok {
		return false, next.at.Add(lag)
	}
	return false, time.Time{}
}

// read goes to the newest entry that the lag lets through, or stays.
func (r *reader[T]) read(h *history[T], now time.Time, lag time.Duration) {
	r.at = max(r.at, h.upTo(now.Add(-lag)))
}
