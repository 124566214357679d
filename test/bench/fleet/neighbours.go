package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// alone is the Rollout whose cost is measured among others.
const alone = 0

// crowd is how a Rollout is measured among others.
type crowd struct {
	// others are the numbers of other Rollouts in its namespace, rising.
	others []int
	// looks is how often it is looked at, and releases how many it gets, with each of them.
	looks, releases int
}

// neighbours is what one Rollout costs among others.
type neighbours struct {
	others int
	// looks is how often it was looked at with nothing to do, and looking what that cost.
	looks   int
	looking span
	// releases is how many releases it got, and releasing what they cost.
	releases  int
	releasing span
}

// processorPerLook is the processor time of one look, with the watch event that led to it.
func (n neighbours) processorPerLook() time.Duration {
	return n.looking.controller / time.Duration(max(1, n.looks))
}

func (n neighbours) processorPerRelease() time.Duration {
	return n.releasing.controller / time.Duration(n.releases)
}

// perRelease is a share of the releases for each of them.
func (n neighbours) perRelease(count int) float64 { return float64(count) / float64(n.releases) }

// lookAmong measures one Rollout among others, who are idle.
func (b *bench) lookAmong(ctx context.Context, c crowd) ([]neighbours, error) {
	var found []neighbours
	err := b.with(ctx, "neighbours", false, func(ctx context.Context, w *world) error {
		there := 0
		for _, others := range c.others {
			if err := errors.Join(w.fleet.create(ctx, there, others+1), w.fleet.settled(ctx, w.limits.settle), w.quiet(ctx)); err != nil {
				return err
			}
			there = others + 1
			w.say("neighbours: looking at one Rollout among %d", others)
			measured, err := w.neighbours(ctx, c, others)
			if err != nil {
				return err
			}
			found = append(found, measured)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("neighbours: %w", err)
	}
	return found, nil
}

func (w *world) neighbours(ctx context.Context, c crowd, others int) (neighbours, error) {
	n := neighbours{others: others, releases: c.releases}
	before, err := w.controller.reconciles(ctx)
	if err != nil {
		return n, err
	}
	// Changes that come faster than they are looked at are looked at together: the controller's own count tells.
	if n.looking, err = w.profiled(ctx, fmt.Sprintf("looks-%d", others), func() (span, error) {
		return w.measure(func() error { return w.look(ctx, c.looks) })
	}); err != nil {
		return n, err
	}
	after, err := w.controller.reconciles(ctx)
	if err != nil {
		return n, err
	}
	n.looks = after - before
	n.releasing, err = w.measure(func() error {
		for turn := range c.releases {
			tag := fmt.Sprintf("%d-%d", others, turn)
			if err := errors.Join(w.fleet.release(ctx, alone, alone+1, tag), w.fleet.settled(ctx, w.limits.settle)); err != nil {
				return err
			}
		}
		return w.quiet(ctx)
	})
	return n, err
}

// look changes a label again and again, and waits until the controller has looked at the last change.
func (w *world) look(ctx context.Context, times int) error {
	for turn := range times {
		if err := w.fleet.touch(ctx, alone, turn); err != nil {
			return err
		}
	}
	last := -1
	err := wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, w.limits.settle, false, func(ctx context.Context) (bool, error) {
		now, err := w.controller.reconciles(ctx)
		settled := now == last
		last = now
		return settled, err
	})
	if err != nil {
		return fmt.Errorf("wait until the controller has looked: %w", err)
	}
	return nil
}
