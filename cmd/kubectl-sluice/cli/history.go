package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/view"
)

// The forms of output.
const (
	outputWide = "wide"
	outputJSON = "json"
	outputYAML = "yaml"
)

func (a *app) historyCommand() *cobra.Command {
	var output string
	cmd := a.command("history [rollout] NAME", "Show what became of the last releases",
		`Show what became of the last releases of a Rollout, the newest first, and of the one that is under way: outcome, time,
and why. With -o wide also the analysis runs, with -o json the records as status.history has them.`)
	cmd.ValidArgsFunction = a.completeNames(kindRollout)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		check := func() error { return oneOf("--output", output, "", outputWide, outputJSON) }
		return a.about(cmd, kindRollout, args, check, func(ctx context.Context, c client.WithWatch, key client.ObjectKey) error {
			ro := &v1alpha1.Rollout{}
			if err := c.Get(ctx, key, ro); err != nil {
				return err
			}
			if output == outputJSON {
				return a.printHistory(ro)
			}
			return a.screen().once(view.BuildHistory(ro, output == outputWide, a.Now()))
		})
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "wide or json.")
	register(cmd, "output", cobra.FixedCompletions([]cobra.Completion{outputWide, outputJSON}, noFiles))
	return cmd
}

func (a *app) printHistory(ro *v1alpha1.Rollout) error {
	records := ro.Status.History
	if records == nil {
		records = []v1alpha1.ReleaseRecord{} // Tools read a list also where there is nothing yet.
	}
	return a.printJSON(records)
}

func (a *app) printJSON(value any) error {
	encoder := json.NewEncoder(a.Streams.Out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// oneOf checks the value of a flag.
func oneOf(flag, value string, allowed ...string) error {
	var names []string
	for _, one := range allowed {
		if value == one {
			return nil
		}
		if one != "" {
			names = append(names, one)
		}
	}
	return fmt.Errorf("%s %q: want one of %v", flag, value, names)
}
