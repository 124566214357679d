// Command sluice is the controller: it syncs Git to the cluster, moves traffic to new revisions in steps, and judges
// them by their metrics. Every replica of it serves health and metrics; one, the leader, acts.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

// version is set by the linker; a build without it says what Go knows of the build.
var version = ""

// Exit codes: a wrong command line is told from a failure at run time, so that a supervisor need not restart it.
const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr))
}

// execute runs the command line and returns the exit code.
func execute(args []string, stdout, stderr io.Writer) int {
	options, err := ParseOptions(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "sluice:", err)
		return exitUsage
	case options.PrintVersion:
		fmt.Fprintln(stdout, "sluice", buildVersion(), runtime.Version())
		return 0
	}
	logger := logr.FromSlogHandler(slog.NewJSONHandler(stderr, &slog.HandlerOptions{Level: options.LogLevel}))
	ctrl.SetLogger(logger)
	klog.SetLogger(logger.WithName("client-go"))

	keepHeapAbove(heapFloor)
	if err := run(ctrl.SetupSignalHandler(), options); err != nil {
		logger.Error(err, "sluice ended")
		return exitFailed
	}
	return 0
}

// buildVersion is the version that the linker set, or the module version or commit that Go recorded.
func buildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	return info.Main.Version
}
