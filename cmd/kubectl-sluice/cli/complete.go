package cli

import (
	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// completeNames offers the names of the objects of a kind to the shell. A cluster that does not answer offers none.
func (a *app) completeNames(kind string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		none := cobra.ShellCompDirectiveNoFileComp
		if len(args) > 0 && kindNames[lower(args[0])] != kind {
			return nil, none
		}
		c, namespace, err := a.connect()
		if err != nil {
			return nil, none
		}
		var names []cobra.Completion
		switch kind {
		case kindRollout:
			list := &v1alpha1.RolloutList{}
			if err := c.List(cmd.Context(), list, client.InNamespace(namespace)); err != nil {
				return nil, none
			}
			for i := range list.Items {
				names = append(names, cobra.CompletionWithDesc(list.Items[i].Name, string(list.Items[i].Status.Phase)))
			}
		case kindGitSync:
			list := &v1alpha1.GitSyncList{}
			if err := c.List(cmd.Context(), list, client.InNamespace(namespace)); err != nil {
				return nil, none
			}
			for i := range list.Items {
				names = append(names, list.Items[i].Name)
			}
		}
		return names, none
	}
}
