package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/cmd/kubectl-sluice/request"
)

// syncTimeout is how long a sync is given: a fetch of a large repository takes a while.
const syncTimeout = 2 * time.Minute

func (a *app) syncCommand() *cobra.Command {
	var timeout time.Duration
	var noWait bool
	cmd := &cobra.Command{
		Use:   "sync [gitsync] NAME",
		Short: "Have a GitSync look at its repository at once",
		Long: "Have a GitSync look at its repository at once, and apply what is there even where syncPolicy.automated is not set.\n\n" +
			exitCodesHelp,
		ValidArgsFunction: a.completeNames(kindGitSync),
		RunE: func(cmd *cobra.Command, args []string) error {
			check := func() error { return validTimeout(timeout) }
			return a.about(cmd, kindGitSync, args, check, func(ctx context.Context, c client.WithWatch, key client.ObjectKey) error {
				return a.sync(ctx, c, key, timeout, noWait)
			})
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", syncTimeout, "How long to wait for the sync; 0 means without end.")
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "Do not wait for the sync.")
	return cmd
}

func (a *app) sync(ctx context.Context, c client.WithWatch, key client.ObjectKey, timeout time.Duration, noWait bool) error {
	stamp := a.Now().UTC().Format(time.RFC3339Nano)
	if err := request.Sync(ctx, c, key, stamp); err != nil {
		return err
	}
	if noWait {
		_, err := fmt.Fprintf(a.Streams.Out, "asked for a sync of GitSync %s\n", key)
		return err
	}
	ctx, cancel := within(ctx, timeout)
	defer cancel()
	gs, err := request.AwaitSync(ctx, c, a.trouble(), key, stamp)
	if errors.Is(err, errTimeout) {
		return exitWith(ExitTimeout, "asked for a sync of GitSync %s, but it was not done in %s; the request stays. "+
			"See: kubectl sluice get gitsync %s -n %s", key, timeout, key.Name, key.Namespace)
	}
	if err != nil {
		return err
	}
	text, err := request.Synced(gs)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.Streams.Out, text)
	return err
}
