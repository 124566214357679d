package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicehq/sluice/cmd/kubectl-sluice/manifest"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/timeline"
	"github.com/sluicehq/sluice/controllers/rollout/forecast"
)

// What is assumed where no flag says otherwise.
const (
	assumedPodReady = 10 * time.Second
	assumedAnalysis = 5 * time.Minute
)

// planOptions are the flags of plan.
type planOptions struct {
	files
	from      []string
	create    bool
	events    []string
	podReady  time.Duration
	analysis  time.Duration
	promote   time.Duration
	noPromote bool
	output    string
}

func (a *app) planCommand() *cobra.Command {
	var o planOptions
	cmd := &cobra.Command{
		Use:   "plan -f FILE [NAME]",
		Short: "Show offline what the controller would do with a Rollout, as a timeline",
		Long: `Show offline what the controller would do with a Rollout, as a timeline. The engine of the controller decides, in a
world in which pods become ready, gateways acknowledge and analyses succeed. No cluster is asked.

Without --from it is a release of another pod template; with it, of the change from those manifests to these. They may
hold a Deployment instead, which the Rollout takes the place of.

` + forecast.Grammar() + `

Exit codes:
  0  it ends with the wanted revision at rest
  1  it ends degraded, stuck or never; or the API server would refuse the Rollout
  2  wrong usage, or a file cannot be read
  3  it ends waiting for a person`,
		Example: `  kubectl sluice plan -f rollout.yaml
  kubectl kustomize overlays/prod | kubectl sluice plan -f - --from deployed.yaml
  kubectl sluice plan -f rollout.yaml --events analysis-fails@step:2+1m
  kubectl sluice plan -f rollout.yaml --events pods-crash@weight:40 --pod-ready 30s -o json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.plan(cmd, args, o) },
	}
	o.addFlags(cmd)
	flags := cmd.Flags()
	flags.StringSliceVar(&o.from, "from", nil, "Files or folders with what was there before; without it the same Rollout with another pod template.")
	flags.BoolVar(&o.create, "create", false, "Show how the Rollout is created, where there was nothing before.")
	flags.StringArrayVar(&o.events, "events", nil, "What happens besides, as described above. May be given more than once.")
	flags.DurationVar(&o.podReady, "pod-ready", assumedPodReady, "How long a pod takes to become ready.")
	flags.DurationVar(&o.analysis, "analysis", 0, "How long each analysis takes to succeed. (default: as its templates in the files say, else 5m0s)")
	flags.DurationVar(&o.promote, "promote-after", 0, "How long it takes until somebody promotes where that is waited for.")
	flags.BoolVar(&o.noPromote, "no-promote", false, "Nobody promotes: stop where somebody is waited for.")
	flags.StringVarP(&o.output, "output", "o", "", `"json" for programs.`)
	register(cmd, "output", cobra.FixedCompletions([]cobra.Completion{outputJSON}, noFiles))
	return cmd
}

func (a *app) plan(cmd *cobra.Command, args []string, o planOptions) error {
	if err := o.validate(); err != nil {
		return err
	}
	in, err := a.planInput(cmd, args, o)
	if err != nil {
		return err
	}
	t, err := timeline.Build(cmd.Context(), in)
	if _, invalid := errors.AsType[*timeline.InvalidError](err); invalid {
		return exitWith(ExitFailed, "%w", err)
	}
	if err != nil {
		return err
	}
	write := timeline.Write
	if o.output == outputJSON {
		write = timeline.WriteJSON
	}
	if err := write(a.Streams.Out, t); err != nil {
		return err
	}
	switch {
	case t.Good():
		return nil
	case t.Waits():
		return &quietError{code: ExitTimeout}
	}
	return &quietError{code: ExitFailed}
}

func (o planOptions) validate() error {
	if err := validOutput(o.output); err != nil {
		return err
	}
	for flag, d := range map[string]time.Duration{"pod-ready": o.podReady, "analysis": o.analysis, "promote-after": o.promote} {
		if d < 0 {
			return fmt.Errorf("--%s %s must not be negative", flag, d)
		}
	}
	if o.create && len(o.from) > 0 {
		return errors.New("--create begins with nothing, and --from with something: give one of them")
	}
	if slices.Contains(o.paths, manifest.Stdin) && slices.Contains(o.from, manifest.Stdin) {
		return errors.New("--filename and --from cannot both be -: what comes in through a pipe is read once")
	}
	if o.noPromote && o.promote > 0 {
		return errors.New("--no-promote and --promote-after contradict each other: give one of them")
	}
	return nil
}

func (a *app) planInput(cmd *cobra.Command, args []string, o planOptions) (timeline.Input, error) {
	in := timeline.Input{
		Now: a.Now(), Create: o.create, PodReady: o.podReady, OtherAnalysis: assumedAnalysis, Promotes: !o.noPromote, PromoteAfter: o.promote,
	}
	if len(args) == 1 {
		in.Name = args[0]
	}
	if cmd.Flags().Changed("analysis") {
		in.Analysis = &o.analysis
	}
	var err error
	if in.Events, err = forecast.ParseEvents(strings.Join(o.events, ",")); err != nil {
		return in, fmt.Errorf("--events: %w\nSee: %s --help", err, cmd.CommandPath())
	}
	if in.Objects, err = a.readObjects(o.paths, o.recursive); err != nil {
		return in, err
	}
	if len(o.from) > 0 {
		in.From, err = a.readObjects(o.from, o.recursive)
	}
	return in, err
}

// readObjects reads files all of which must be readable.
func (a *app) readObjects(paths []string, recursive bool) ([]*manifest.Object, error) {
	objects, problems, err := manifest.Read(paths, recursive, a.Streams.In)
	if err == nil && len(problems) > 0 {
		p := problems[0]
		err = fmt.Errorf("%s:%d: %s", p.File, p.Line, p.Message)
	}
	return objects, err
}

// files are the flags of commands that read manifests.
type files struct {
	paths     []string
	recursive bool
}

func (f *files) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringSliceVarP(&f.paths, "filename", "f", nil, "Files, folders, or - for what comes in through a pipe.")
	cmd.Flags().BoolVarP(&f.recursive, "recursive", "R", false, "Read the folders below folders too.")
	_ = cmd.MarkFlagRequired("filename")
}

func validOutput(output string) error { return oneOf("--output", output, "", outputJSON) }
