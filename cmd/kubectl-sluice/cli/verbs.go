package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/request"
)

// answerTimeout is how long the controller is given to look at a request; it does so at once when it is up.
const answerTimeout = 10 * time.Second

// verbCommands are the verbs that change no spec: requests, each with a right of its own.
func (a *app) verbCommands() []*cobra.Command {
	return []*cobra.Command{
		a.promoteCommand(),
		a.verbCommand(v1alpha1.VerbAbort, "Take all traffic back to the stable revision and reject the new one",
			"Take all traffic back to the stable revision and reject the new one. It is not released again before a retry,\n"+
				"or before its template changes."),
		a.verbCommand(v1alpha1.VerbRetry, "Release a rejected revision again, from the first step",
			"Release a rejected revision again, from the first step."),
		a.verbCommand(v1alpha1.VerbPause, "Hold a release where it is",
			"Hold a release where it is: traffic and pods stay as they are until a resume or a promote. Analysis goes on, and\n"+
				"still takes the release back when it fails."),
		a.verbCommand(v1alpha1.VerbResume, "End what pause began",
			"End what pause began. A pause that is a step of the release ends with promote."),
		a.jumpCommand(),
	}
}

type verbOptions struct {
	reason  string
	timeout time.Duration
	noWait  bool
}

func (o *verbOptions) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.reason, "reason", "", "Why, for the record; others see it.")
	cmd.Flags().DurationVar(&o.timeout, "timeout", answerTimeout, "How long to wait for the controller's answer; 0 means without end.")
	cmd.Flags().BoolVar(&o.noWait, "no-wait", false, "Do not wait for the controller's answer.")
}

func (o *verbOptions) validate() error {
	if n := utf8.RuneCountInString(o.reason); n > request.MaxReason {
		return fmt.Errorf("--reason has %d characters, at most %d are kept", n, request.MaxReason)
	}
	return validTimeout(o.timeout)
}

func (a *app) promoteCommand() *cobra.Command {
	wish := request.Wish{Verb: v1alpha1.VerbPromote}
	var o verbOptions
	cmd := a.command("promote [rollout] NAME", "End the pause that a release waits in, or all of them",
		`End the pause that a release waits in, and let it go on to the next step.
It is made for the revision and the step that you see now: once the release has moved on, it is refused.

With --full, the release passes every pause that is left, up to its end; analysis still decides. With --skip-analysis
it passes analysis too, also one that would fail. These are rights of their own: update on rollouts/promote-full, and on
rollouts/skip-analysis besides.`)
	cmd.ValidArgsFunction = a.completeNames(kindRollout)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		check := func() error {
			if wish.SkipAnalysis && !wish.Full {
				return errors.New("--skip-analysis is for a full promotion: say --full --skip-analysis")
			}
			return o.validate()
		}
		return a.about(cmd, kindRollout, args, check, a.asking(wish, &o))
	}
	cmd.Flags().BoolVar(&wish.Full, "full", false, "Pass every pause that is left; analysis still decides.")
	cmd.Flags().BoolVar(&wish.SkipAnalysis, "skip-analysis", false, "With --full: pass analysis too, also one that would fail.")
	o.addFlags(cmd)
	return cmd
}

func (a *app) verbCommand(verb v1alpha1.RolloutVerb, short, long string) *cobra.Command {
	var o verbOptions
	cmd := a.command(string(verb)+" [rollout] NAME", short, long)
	cmd.ValidArgsFunction = a.completeNames(kindRollout)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.about(cmd, kindRollout, args, o.validate, a.asking(request.Wish{Verb: verb}, &o))
	}
	o.addFlags(cmd)
	return cmd
}

func (a *app) jumpCommand() *cobra.Command {
	var o verbOptions
	cmd := a.command("jump [rollout] NAME STEP", "Go to another step, forward or back",
		`Go to another step of a canary release, forward or back: STEP is its number as status and get show it, from 1, or
end for behind the last one. What lies between is passed by, analysis too; the step that it goes to begins anew.
It is made for the revision and the step that you see now: once the release has moved on, it is refused.`)
	cmd.Example = "  kubectl sluice jump web 3\n  kubectl sluice jump web end"
	cmd.ValidArgsFunction = a.completeNameThen(a.completeSteps)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		wish := request.Wish{Verb: v1alpha1.VerbJump}
		if len(args) < 2 {
			return fmt.Errorf("say where to go: the number of a step, or end\nUsage: %s", cmd.UseLine())
		}
		var err error
		if wish.To, err = parseStep(args[len(args)-1]); err != nil {
			return err
		}
		return a.about(cmd, kindRollout, args[:len(args)-1], o.validate, a.asking(wish, &o))
	}
	o.addFlags(cmd)
	return cmd
}

// stepEnd stands for behind the last step.
const stepEnd = "end"

// parseStep reads the number of a step as people count, from 1, and returns its index; nil for the end.
func parseStep(text string) (*int32, error) {
	if lower(text) == stepEnd {
		return nil, nil //nolint:nilnil // nil is the end, as in request.Wish
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 1 {
		return nil, fmt.Errorf("%q is no step: give its number, from 1, or end", text)
	}
	return new(int32(n - 1)), nil
}

// asking sends a wish and waits for what becomes of it.
func (a *app) asking(wish request.Wish, o *verbOptions) act {
	return func(ctx context.Context, c client.WithWatch, key client.ObjectKey) error {
		by, err := request.Caller(ctx, c)
		if err != nil {
			return err
		}
		ask := request.Ask{Wish: wish, Rollout: key, ID: a.NewID(), By: by, Reason: o.reason}
		target, err := request.Send(ctx, c, ask)
		if err != nil {
			return err
		}
		what := fmt.Sprintf("%s of revision %s of Rollout %s", wish, target.Revision, key)
		if o.noWait {
			return a.say("asked for %s", what)
		}
		return a.awaitAnswer(ctx, c, ask, what, o.timeout)
	}
}

func (a *app) awaitAnswer(ctx context.Context, c client.WithWatch, ask request.Ask, what string, timeout time.Duration) error {
	ctx, cancel := within(ctx, timeout)
	defer cancel()
	outcome, err := request.Await(ctx, c, a.trouble(), ask.Rollout, ask.ID)
	switch {
	case errors.Is(err, errTimeout):
		return exitWith(ExitTimeout, "asked for %s, but the controller has not answered in %s: is it running? "+
			"See: kubectl get pods -n sluice-system. The request stays until it is looked at or another takes its place",
			what, timeout)
	case err != nil:
		return err
	case !outcome.Accepted:
		return exitWith(ExitFailed, "%s was refused by the controller: %s", what, outcome.Message)
	case outcome.Message != "":
		return a.say("%s accepted: %s", what, outcome.Message)
	}
	return a.say("%s accepted", what)
}

// say prints a line of what was done.
func (a *app) say(format string, args ...any) error {
	_, err := fmt.Fprintf(a.Streams.Out, format+"\n", args...)
	return err
}

// command returns a command whose help ends with the exit codes.
func (a *app) command(use, short, long string) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Long: long + "\n\n" + exitCodesHelp}
}

func validTimeout(timeout time.Duration) error {
	if timeout < 0 {
		return fmt.Errorf("--timeout %s must not be negative; 0 means without end", timeout)
	}
	return nil
}
