//go:build linux

package local

import (
	"context"
	"errors"
)

// together runs tasks side by side and gives the first error; the others are
// told to end through their context and waited for.
func together(ctx context.Context, tasks ...func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	results := make(chan error, len(tasks))
	for _, task := range tasks {
		go func() { results <- task(ctx) }()
	}
	var first error
	for range tasks {
		if err := <-results; err != nil && first == nil {
			first = err
			cancel(errors.New("given up since another part failed"))
		}
	}
	return first
}
