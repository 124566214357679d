package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/live"
)

// statusTimeout is how long a release is waited for.
const statusTimeout = 10 * time.Minute

// mendingGrace is for how long a spec that cannot be used is waited for: what it names may be on its way.
const mendingGrace = 15 * time.Second

var errNotMended = errors.New("the spec cannot be used")

type statusOptions struct {
	wait     bool
	timeout  time.Duration
	revision string
}

func (a *app) statusCommand() *cobra.Command {
	var o statusOptions
	cmd := &cobra.Command{
		Use:   "status [rollout] NAME",
		Short: "Print phase and message of a Rollout, or wait until it is healthy",
		Long: `Print phase and message of a Rollout; with --wait, print each change of them until it is healthy or has failed. A spec
that cannot be used, or that names what is not there, is waited for a little: it may be applied a moment later.

With --revision, the question is about one revision: 0 once it is stable, 1 once it is rejected or another has taken its
place. The revision is the hash of its pod template or, where a GitSync applies the Rollout, the commit at which its
content first appeared; seven digits or more of either will do. Waiting may begin before it has arrived in the cluster.

` + exitCodesHelp,
		ValidArgsFunction: a.completeNames(kindRollout),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.about(cmd, kindRollout, args, o.validate, func(ctx context.Context, c client.WithWatch, key client.ObjectKey) error {
				return a.status(ctx, c, key, o)
			})
		},
	}
	cmd.Flags().BoolVarP(&o.wait, "wait", "w", false, "Wait until it is healthy or has failed.")
	cmd.Flags().DurationVar(&o.timeout, "timeout", statusTimeout, "How long to wait; 0 means without end.")
	cmd.Flags().StringVar(&o.revision, "revision", "", "The revision or commit that the question is about; without it, whatever is wanted.")
	return cmd
}

// minRevision is the least number of digits of a hash that names it well enough.
const minRevision = 7

func (o statusOptions) validate() error {
	if o.revision != "" && len(o.revision) < minRevision {
		return fmt.Errorf("--revision %q is too short: give at least %d digits", o.revision, minRevision)
	}
	return validTimeout(o.timeout)
}

func (a *app) status(ctx context.Context, c client.WithWatch, key client.ObjectKey, o statusOptions) error {
	q := &question{revision: o.revision}
	ro := &v1alpha1.Rollout{}
	if err := c.Get(ctx, key, ro); err != nil {
		return err
	}
	if !o.wait {
		answer := q.answer(ro)
		if !answer.final {
			answer.code = ExitTimeout
		}
		return a.conclude(answer)
	}
	ctx, cancel := within(ctx, o.timeout)
	defer cancel()
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	grace := time.AfterFunc(mendingGrace, func() { giveUp(errNotMended) })
	grace.Stop() // until there is something to be mended
	defer grace.Stop()
	var last verdict
	query := live.Query{List: &v1alpha1.RolloutList{}, Namespace: key.Namespace, Name: key.Name}
	err := live.Follow(ctx, c, a.trouble(), query, func(ro *v1alpha1.Rollout, exists bool) (bool, error) {
		if !exists {
			return false, exitWith(ExitUnanswered, "Rollout %s was deleted while waiting", key)
		}
		answer := q.answer(ro)
		switch {
		case !answer.mending:
			grace.Stop()
		case !last.mending:
			grace.Reset(mendingGrace)
		}
		answer.final = answer.final && !answer.mending
		if answer.text != last.text && !answer.final {
			if _, err := fmt.Fprintln(a.Streams.Out, answer.text); err != nil {
				return false, err
			}
		}
		last = answer
		return answer.final, nil
	})
	if errors.Is(err, errTimeout) {
		return exitWith(ExitTimeout, "timed out after %s, Rollout %s is not there yet: %s", o.timeout, key, last.text)
	}
	if err != nil && !errors.Is(err, errNotMended) {
		return err
	}
	return a.conclude(last)
}

// conclude prints an answer that is not a failure, and makes an error of one that is.
func (a *app) conclude(v verdict) error {
	if v.code == ExitFailed {
		return exitWith(v.code, "%s", v.text)
	}
	if _, err := fmt.Fprintln(a.Streams.Out, v.text); err != nil {
		return err
	}
	if v.code != ExitDone {
		return &quietError{code: v.code}
	}
	return nil
}
