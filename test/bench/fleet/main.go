package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	// root is the folder of the repository.
	root string
	// out is the file that the report is written to; empty means standard output only.
	out string
	// rows are the names of the rows to run, separated by commas; empty means all of the report.
	rows string
	// profiles is a folder for profiles of the controller; empty means none.
	profiles string
	// keep is a folder for logs; empty means that they are thrown away.
	keep string
	// strict makes a missed target an error.
	strict bool
}

// mebibyte is the unit of memory targets.
const mebibyte = 1 << 20

// rows are the fleets that are measured, with what they may cost.
func rows() []row {
	return []row{
		{
			name: "N=200", rollouts: 200,
			targets: targets{settle: 15 * time.Second, processor: 20 * time.Millisecond, objectWrites: 18, events: 4},
		},
		{
			name: "N=1000", rollouts: 1000,
			targets: targets{settle: time.Minute, peakMemory: 120 * mebibyte},
		},
		// What many pods in the cache cost is told by a part of the fleet as well: the pods themselves are the harness's work.
		{name: rowPods, rollouts: 1000, released: 100, pods: true},
	}
}

// rowsNamed are the rows that are asked for: names of those above, or N= and another number, with pods or without.
func rowsNamed(names string) ([]row, error) {
	if names == "" {
		return rows(), nil
	}
	var found []row
	for name := range strings.SplitSeq(names, ",") {
		known := slices.IndexFunc(rows(), func(r row) bool { return r.name == name })
		if known >= 0 {
			found = append(found, rows()[known])
			continue
		}
		if name == rowNeighbours {
			continue
		}
		number, isFleet := strings.CutPrefix(name, "N=")
		number, pods := strings.CutSuffix(number, "-with-pods")
		n, err := strconv.Atoi(number)
		if !isFleet || err != nil || n < 1 || n > maxRollouts {
			return nil, fmt.Errorf("-rows: %q is no row: want %s, %s, or N=1 to N=%d, and -with-pods after it",
				name, rowPods, rowNeighbours, maxRollouts)
		}
		found = append(found, row{name: name, rollouts: n, pods: pods})
	}
	return found, nil
}

// maxRollouts is more than one API server on one machine holds in good health.
const maxRollouts = 9999

// The names of the rows that are not of a fleet that is released as a whole.
const (
	// rowPods has real pods, five of each Rollout.
	rowPods = "5000-pods"
	// rowNeighbours is one Rollout among others.
	rowNeighbours = "neighbours"
)

func parse(arguments []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("fleet", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.root, "root", ".", "folder of the repository")
	flags.StringVar(&o.out, "out", "", "file for the report")
	flags.StringVar(&o.rows, "rows", "", "rows to run, separated by commas, such as N=200,5000-pods,neighbours (default: all of the report)")
	flags.StringVar(&o.profiles, "profiles", "", "folder for profiles of the controller, which is built with a profiler then")
	flags.StringVar(&o.keep, "keep", "", "folder in which logs are left")
	flags.BoolVar(&o.strict, "strict", false, "fail when a target is missed")
	return o, flags.Parse(arguments)
}

// execute runs the rows and writes the report.
func execute(ctx context.Context, arguments []string, stdout, stderr io.Writer) error {
	o, err := parse(arguments, stderr)
	if err != nil {
		return err
	}
	ctrl.SetLogger(logr.Discard())
	folder := o.keep
	if folder == "" {
		if folder, err = os.MkdirTemp("", "sluice-fleet"); err != nil {
			return fmt.Errorf("make a folder: %w", err)
		}
		defer func() { _ = os.RemoveAll(folder) }()
	}
	b := &bench{
		root: o.root, folder: folder, profiles: o.profiles,
		limits: limits{settle: 10 * time.Minute, quiet: 5 * time.Second, idle: 30 * time.Second},
		say:    func(format string, arguments ...any) { fmt.Fprintf(stderr, format+"\n", arguments...) },
	}
	if b.binary, err = build(ctx, o.root, folder, o.profiles != ""); err != nil {
		return err
	}
	r, err := b.all(ctx, o)
	if err != nil {
		return errors.Join(err, r.write(stdout)) // as far as it got; the report in the file stays
	}
	if err := publish(r, o.out, stdout); err != nil {
		return err
	}
	if len(r.failed) > 0 {
		return fmt.Errorf("not measured: %s", strings.Join(r.failed, "; "))
	}
	if missed := r.misses(); o.strict && len(missed) > 0 {
		return fmt.Errorf("missed targets: %s", strings.Join(missed, "; "))
	}
	return nil
}

// all runs the rows that were asked for. A row that fails is said in the report, and the others are run; an error means
// that there is no use in going on, and comes with what has been measured.
func (b *bench) all(ctx context.Context, o options) (report, error) {
	r := report{machine: thisMachine(ctx, os.Getenv("KUBEBUILDER_ASSETS")), version: describe(ctx, b.root)}
	asked, err := rowsNamed(o.rows)
	if err != nil {
		return r, err
	}
	fail := func(err error) {
		b.say("%v", err)
		r.failed = append(r.failed, err.Error())
	}
	for _, row := range asked {
		measured, err := b.run(ctx, row)
		r.settings = b.settings
		if ctx.Err() != nil {
			return r, errors.Join(ctx.Err(), err)
		}
		if err != nil {
			fail(err)
			continue
		}
		r.rows = append(r.rows, measured)
	}
	if o.rows == "" || slices.Contains(strings.Split(o.rows, ","), rowNeighbours) {
		r.neighbours, err = b.lookAmong(ctx, crowd{others: []int{10, 200, 1000}, looks: 600, releases: 3})
		r.settings = b.settings
		if ctx.Err() != nil {
			return r, errors.Join(ctx.Err(), err)
		}
		if err != nil {
			fail(err)
		}
	}
	return r, nil
}

// describe names what is measured.
func describe(ctx context.Context, root string) string {
	command := exec.CommandContext(ctx, "git", "describe", "--tags", "--always", "--dirty")
	command.Dir = root
	out, err := command.Output()
	if err != nil {
		return "of an unknown version"
	}
	return firstLine(out)
}

// publish writes the report to standard output, and to a file where one is named.
func publish(r report, file string, stdout io.Writer) error {
	if err := r.write(stdout); err != nil || file == "" {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	out, err := os.Create(file) //nolint:gosec // the caller names it
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return errors.Join(r.write(out), out.Close())
}
