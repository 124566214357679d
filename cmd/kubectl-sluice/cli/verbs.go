package cli

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/request"
)

// answerTimeout is how long the controller is given to look at a request; it does so at once when it is up.
const answerTimeout = 10 * time.Second

func (a *app) verbCommands() []*cobra.Command {
	return []*cobra.Command{
		a.verbCommand(v1alpha1.VerbPromote, "End the pause that a release waits in",
			"End the pause that a release waits in, and let it go on to the next step.\n"+
				"It is made for the revision and the step that you see now: once the release has moved on, it is refused."),
		a.verbCommand(v1alpha1.VerbAbort, "Take all traffic back to the stable revision and reject the new one",
			"Take all traffic back to the stable revision and reject the new one. It is not released again before a retry,\n"+
				"or before its template changes."),
		a.verbCommand(v1alpha1.VerbRetry, "Release a rejected revision again, from the first step",
			"Release a rejected revision again, from the first step."),
	}
}

type verbOptions struct {
	reason  string
	timeout time.Duration
	noWait  bool
}

func (a *app) verbCommand(verb v1alpha1.RolloutVerb, short, long string) *cobra.Command {
	var o verbOptions
	cmd := &cobra.Command{
		Use:               string(verb) + " [rollout] NAME",
		Short:             short,
		Long:              long + "\n\n" + exitCodesHelp,
		ValidArgsFunction: a.completeNames(kindRollout),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := named(cmd, kindRollout, args)
			if err != nil {
				return err
			}
			if err := o.validate(); err != nil {
				return err
			}
			c, namespace, err := a.connect()
			if err != nil {
				return err
			}
			key := client.ObjectKey{Namespace: namespace, Name: name}
			return explain(a.ask(cmd.Context(), c, key, verb, o), kindRollout, namespace, name)
		},
	}
	cmd.Flags().StringVar(&o.reason, "reason", "", "Why, for the record; others see it.")
	cmd.Flags().DurationVar(&o.timeout, "timeout", answerTimeout, "How long to wait for the controller's answer; 0 means without end.")
	cmd.Flags().BoolVar(&o.noWait, "no-wait", false, "Do not wait for the controller's answer.")
	return cmd
}

func (o verbOptions) validate() error {
	if n := utf8.RuneCountInString(o.reason); n > request.MaxReason {
		return fmt.Errorf("--reason has %d characters, at most %d are kept", n, request.MaxReason)
	}
	return validTimeout(o.timeout)
}

func validTimeout(timeout time.Duration) error {
	if timeout < 0 {
		return fmt.Errorf("--timeout %s must not be negative; 0 means without end", timeout)
	}
	return nil
}

func (a *app) ask(ctx context.Context, c client.WithWatch, key client.ObjectKey, verb v1alpha1.RolloutVerb, o verbOptions) error {
	by, err := request.Caller(ctx, c)
	if err != nil {
		return err
	}
	ask := request.Ask{Rollout: key, Verb: verb, ID: a.NewID(), By: by, Reason: o.reason}
	target, err := request.Send(ctx, c, ask)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%s of revision %s of Rollout %s", verb, target.Revision, key)
	if o.noWait {
		_, err := fmt.Fprintf(a.Streams.Out, "asked for %s\n", what)
		return err
	}
	ctx, cancel := within(ctx, o.timeout)
	defer cancel()
	outcome, err := request.Await(ctx, c, a.trouble(), key, ask.ID)
	if errors.Is(err, errTimeout) {
		return exitWith(ExitTimeout, "asked for %s, but the controller has not answered in %s: is it running? "+
			"See: kubectl get pods -n sluice-system. The request stays until it is looked at or another takes its place",
			what, o.timeout)
	}
	if err != nil {
		return err
	}
	if !outcome.Accepted {
		return exitWith(ExitFailed, "%s was refused by the controller: %s", what, outcome.Message)
	}
	text := what + " accepted"
	if outcome.Message != "" {
		text += ": " + outcome.Message
	}
	_, err = fmt.Fprintln(a.Streams.Out, text)
	return err
}
