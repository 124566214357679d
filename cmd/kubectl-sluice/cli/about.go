package cli

import (
	"context"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// act does something about the object that a command names.
type act func(ctx context.Context, c client.WithWatch, key client.ObjectKey) error

// about connects to the cluster and acts on the object of a kind that args name, as named reads them, once check has
// found the flags in order. What goes wrong is explained.
func (a *app) about(cmd *cobra.Command, kind string, args []string, check func() error, do act) error {
	name, err := named(cmd, kind, args)
	if err != nil {
		return err
	}
	if err := check(); err != nil {
		return err
	}
	c, namespace, err := a.connect()
	if err != nil {
		return err
	}
	return explain(do(cmd.Context(), c, client.ObjectKey{Namespace: namespace, Name: name}), kind, namespace, name)
}

// nothingToCheck is for commands whose flags need no check.
func nothingToCheck() error { return nil }
