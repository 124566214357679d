// Command kubectl-sluice is the kubectl plugin of Sluice: it shows releases as they move and asks for promotion, abort,
// retry and sync. Installed on PATH, kubectl runs it as "kubectl sluice".
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/klog/v2"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/sluicehq/sluice/cmd/kubectl-sluice/cli"
)

// version is set by the linker.
var version string

func main() {
	// What libraries log is for controllers; errors reach the person as sentences.
	ctrllog.SetLogger(logr.Discard())
	klog.SetLogger(logr.Discard())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], cli.Environment{
		Streams:   genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr},
		Terminal:  cli.FileTerminal(os.Stdout),
		NoColour:  os.Getenv("NO_COLOR") != "",
		Now:       time.Now,
		NewID:     func() string { return string(uuid.NewUUID()) },
		NewClient: cli.ClusterClient,
		Version:   version,
	})
	stop()
	os.Exit(code)
}
