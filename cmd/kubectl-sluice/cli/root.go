package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// app is what the commands share.
type app struct {
	Environment
	flags *genericclioptions.ConfigFlags
}

// Run runs the command that args name and returns its exit code; see ExitDone and its neighbours.
func Run(ctx context.Context, args []string, env Environment) int {
	root := newRoot(env)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return ExitDone
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	if _, quiet := errors.AsType[*quietError](err); !quiet {
		_, _ = fmt.Fprintf(env.Streams.ErrOut, "error: %v\n", err)
	}
	return exitCode(err)
}

func newRoot(env Environment) *cobra.Command {
	a := &app{Environment: env, flags: genericclioptions.NewConfigFlags(true)}
	root := &cobra.Command{
		Use:   "kubectl-sluice",
		Short: "See and steer releases that Sluice makes",
		Long: "See and steer releases that Sluice makes.\n\n" + exitCodesHelp + `

For completion after "kubectl sluice", put an executable file kubectl_complete-sluice on your PATH that runs
  kubectl sluice __complete "$@"`,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl sluice"},
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(env.Streams.In)
	root.SetOut(env.Streams.Out)
	root.SetErr(env.Streams.ErrOut)
	a.flags.AddFlags(root.PersistentFlags())
	root.PersistentFlags().BoolVar(&a.NoColour, "no-color", env.NoColour, "No colour, also on a terminal; so does the variable NO_COLOR.")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w\nSee: %s --help", err, cmd.CommandPath())
	})
	root.AddCommand(a.getCommand(), a.listCommand(), a.statusCommand(), a.historyCommand(), a.adoptCommand(), a.syncCommand(), a.versionCommand())
	root.AddCommand(a.planCommand(), a.lintCommand())
	root.AddCommand(a.verbCommands()...)
	root.AddCommand(a.changeCommands()...)
	return root
}

// connect returns a client and the namespace that is meant.
func (a *app) connect() (client.WithWatch, string, error) {
	namespace, _, err := a.flags.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, "", fmt.Errorf("read the kubeconfig: %w", err)
	}
	c, err := a.NewClient(a.flags)
	if err != nil {
		return nil, "", explain(err, kindRollout, namespace, "")
	}
	return c, namespace, nil
}

// trouble tells a person of an error after which a watch is taken up again; each kind of error once in a row.
func (a *app) trouble() func(error) {
	said := make(chan string, 1)
	said <- ""
	return func(err error) {
		last := <-said
		if text := err.Error(); text != last {
			last = text
			_, _ = fmt.Fprintf(a.Streams.ErrOut, "%s; trying again\n", text)
		}
		said <- last
	}
}

// The kinds that commands are about.
const (
	kindRollout = "Rollout"
	kindGitSync = "GitSync"
	// What a Rollout takes over, and what its traffic goes through.
	kindDeployment = "Deployment"
	kindService    = "Service"
	kindRoute      = "HTTPRoute"
)

// groups are the API groups of the kinds, with the dot before them.
var groups = map[string]string{kindRollout: ".sluice.dev", kindGitSync: ".sluice.dev", kindDeployment: ".apps"}

// kindNames are the names under which a person may name a kind.
var kindNames = map[string]string{
	"rollout": kindRollout, "rollouts": kindRollout, "ro": kindRollout, "rollouts.sluice.dev": kindRollout, "rollout.sluice.dev": kindRollout,
	"gitsync": kindGitSync, "gitsyncs": kindGitSync, "gs": kindGitSync, "gitsyncs.sluice.dev": kindGitSync, "gitsync.sluice.dev": kindGitSync,
	"deployment": kindDeployment, "deployments": kindDeployment, "deploy": kindDeployment, "deployments.apps": kindDeployment, "deployment.apps": kindDeployment,
}

// named reads NAME, KIND NAME or KIND/NAME, where the kind must be that one.
func named(cmd *cobra.Command, kind string, args []string) (string, error) {
	usage := func(format string, args ...any) error {
		return fmt.Errorf("%s\nUsage: %s", fmt.Sprintf(format, args...), cmd.UseLine())
	}
	words := args
	if len(args) == 1 {
		words = strings.SplitN(args[0], "/", 2)
	}
	switch len(words) {
	case 0:
		return "", usage("the name of a %s is missing", kind)
	case 1:
		return words[0], nil
	case 2:
		if kindNames[lower(words[0])] != kind {
			return "", usage("%q is not a %s", words[0], kind)
		}
		if words[1] == "" {
			return "", usage("the name of a %s is missing", kind)
		}
		return words[1], nil
	}
	return "", usage("one %s at a time, not %d", kind, len(words))
}

func lower(s string) string { return strings.ToLower(s) }
