package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/live"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/view"
)

func (a *app) listCommand() *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "List Rollouts", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return fmt.Errorf("say what to list: %s rollouts", cmd.CommandPath())
		},
	}
	var all, watch bool
	rollouts := &cobra.Command{
		Use: "rollouts", Aliases: []string{"rollout", "ro"}, Short: "List Rollouts with phase, step, weight and why they wait",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, namespace, err := a.connect()
			if err != nil {
				return err
			}
			if all {
				namespace = ""
			}
			return explain(a.listRollouts(cmd.Context(), c, namespace, watch), kindRollout, namespace, "")
		},
	}
	rollouts.Flags().BoolVarP(&all, "all-namespaces", "A", false, "List those of every namespace.")
	rollouts.Flags().BoolVarP(&watch, "watch", "w", false, "Go on showing them as they change.")
	list.AddCommand(rollouts)
	return list
}

func (a *app) listRollouts(ctx context.Context, c client.WithWatch, namespace string, watch bool) error {
	errs := make(troubles, 1)
	feed, err := live.Open(ctx, c, errs.tell, live.Query{List: &v1alpha1.RolloutList{}, Namespace: namespace})
	if err != nil {
		return err
	}
	defer feed.Close()
	build := func() view.Model {
		return view.BuildList(live.Objects[*v1alpha1.Rollout](feed, 0), namespace, a.Now())
	}
	if !watch {
		return a.screen().once(build())
	}
	return a.screen().follow(ctx, feed, errs, build)
}
