package main

import (
	"context"
	"fmt"
	"time"
)

// pollEvery is how often await looks.
const pollEvery = 100 * time.Millisecond

// await looks until done, for at most limit. The error says what was waited for and how it stood last.
func await(ctx context.Context, what string, limit time.Duration, look func(context.Context) (done bool, state string, err error)) error {
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	last := ""
	for {
		done, state, err := look(bounded)
		switch {
		case done:
			return nil
		case err != nil && bounded.Err() == nil:
			return fmt.Errorf("waiting for %s: %w", what, err)
		case err == nil:
			last = state
		}
		select {
		case <-bounded.Done():
			if ctx.Err() != nil {
				return fmt.Errorf("waiting for %s: %w (last: %s)", what, context.Cause(ctx), last)
			}
			return fmt.Errorf("waited %s for %s; last: %s", limit, what, last)
		case <-ticker.C:
		}
	}
}

// notYet makes an error a state in which await looks again.
func notYet(err error) (done bool, state string, none error) { return false, err.Error(), nil }
