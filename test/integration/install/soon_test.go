package install

import (
	"context"
	"testing"
	"time"
)

// soonLimit is how long something that should happen soon may take on a busy machine.
const soonLimit = time.Minute

// soon waits until a condition holds; an error ends the wait.
func soon(t *testing.T, what string, condition func(context.Context) (bool, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soonLimit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		done, err := condition(ctx)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if done {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within %s", what, soonLimit)
		case <-tick.C:
		}
	}
}
