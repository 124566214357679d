package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluicehq/sluice/cmd/kubectl-sluice/lint"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/manifest"
)

// lintOptions are the flags of lint.
type lintOptions struct {
	files
	notes   bool
	strict  bool
	disable []string
	output  string
}

func (a *app) lintCommand() *cobra.Command {
	var o lintOptions
	cmd := &cobra.Command{
		Use:   "lint -f FILE",
		Short: "Look offline for mistakes in the manifests of Rollouts and what belongs to them",
		Long: `Look offline for mistakes in the manifests of Rollouts and what belongs to them: Services, routes, analysis templates,
autoscalers. All files are one input: what one names is looked for in all of them. No cluster is asked.

` + lintRules() + `
Exit codes:
  0  no errors
  1  errors, or with --strict warnings
  2  wrong usage, or a file cannot be read`,
		Example: `  kubectl sluice lint -f deploy/ -R
  kubectl kustomize overlays/prod | kubectl sluice lint --strict -f -`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.lint(cmd, o) },
	}
	o.addFlags(cmd)
	cmd.Flags().BoolVar(&o.notes, "notes", false, "Show notes too: what may well be meant, and is good to know.")
	cmd.Flags().BoolVar(&o.strict, "strict", false, "Warnings count as errors.")
	cmd.Flags().StringSliceVar(&o.disable, "disable", nil, "Rules that are not looked for.")
	cmd.Flags().StringVarP(&o.output, "output", "o", "", `"json" for programs.`)
	register(cmd, "output", cobra.FixedCompletions([]cobra.Completion{outputJSON}, noFiles))
	register(cmd, "disable", cobra.FixedCompletions(ruleIDs(), noFiles))
	return cmd
}

func ruleIDs() []cobra.Completion {
	var ids []cobra.Completion
	for _, r := range lint.Rules() {
		ids = append(ids, r.ID)
	}
	return ids
}

// lintRules is the list of rules for the help text.
func lintRules() string {
	var out strings.Builder
	var severity lint.Severity
	for _, r := range lint.Rules() {
		if r.Severity != severity {
			severity = r.Severity
			fmt.Fprintf(&out, "Rules (%ss):\n", severity)
		}
		fmt.Fprintf(&out, "  %-24s %s\n", r.ID, r.Meaning)
	}
	return out.String()
}

func (a *app) lint(cmd *cobra.Command, o lintOptions) error {
	if err := o.validate(); err != nil {
		return err
	}
	objects, problems, err := manifest.Read(o.paths, o.recursive, a.Streams.In)
	if err != nil {
		return err
	}
	found, err := lint.Check(cmd.Context(), objects, problems)
	if err != nil {
		return err
	}
	found = slices.DeleteFunc(found, func(f lint.Finding) bool {
		return slices.Contains(o.disable, f.Rule) || f.Severity == lint.Note && !o.notes
	})
	write := writeFindings
	if o.output == outputJSON {
		write = writeFindingsJSON
	}
	if err := write(a.Streams.Out, found, len(objects)); err != nil {
		return err
	}
	bad := func(f lint.Finding) bool { return f.Severity == lint.Error || f.Severity == lint.Warning && o.strict }
	if slices.ContainsFunc(found, bad) {
		return &quietError{code: ExitFailed}
	}
	return nil
}

func (o lintOptions) validate() error {
	for _, id := range o.disable {
		if !slices.ContainsFunc(lint.Rules(), func(r lint.Rule) bool { return r.ID == id }) {
			return fmt.Errorf("--disable %s: there is no such rule; --help lists them", id)
		}
	}
	return validOutput(o.output)
}

// writeFindings writes a line for each finding, as compilers do, and a sum.
func writeFindings(out io.Writer, found []lint.Finding, objects int) error {
	var text strings.Builder
	count := map[lint.Severity]int{}
	for _, f := range found {
		count[f.Severity]++
		where := f.Object
		if f.Field != "" {
			where += ": " + f.Field
		}
		if where != "" {
			where += ": "
		}
		fmt.Fprintf(&text, "%s:%d: %s: %s%s (%s)\n", f.File, f.Line, f.Severity, where, f.Message, f.Rule)
	}
	fmt.Fprintf(&text, "%s, %s, %s\n", counted(objects, "object"), counted(count[lint.Error], "error"), counted(count[lint.Warning], "warning"))
	_, err := io.WriteString(out, text.String())
	return err
}

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

func writeFindingsJSON(out io.Writer, found []lint.Finding, objects int) error {
	if found == nil {
		found = []lint.Finding{}
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(map[string]any{"objects": objects, "findings": found})
}
