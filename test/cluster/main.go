// Command cluster brings up real Kubernetes clusters for tests and the demo,
// without a container engine. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sluicehq/sluice/test/cluster/internal/component"
)

const usage = `usage: go -C test/cluster run . COMMAND [flags]

  up            bring the cluster up; the last lines on stdout say how to reach it
  down          end it and leave nothing behind
  status        say which parts run
  kubeconfig    print the path of the administrator's kubeconfig
  load-image    load a docker-archive: load-image [flags] FILE.tar
  exec          run a command in the cluster's network: exec [flags] -- COMMAND
  build         build all parts, or those that are named
  packages      install the Debian packages that are missing, as up does
  assets        print a folder for KUBEBUILDER_ASSETS (etcd, kube-apiserver, kubectl)

flags: -name NAME (default sluice), -provider local|kind|existing (or CLUSTER=),
and for up: -gateway-throttle DURATION (default 100ms), -gateway-experimental
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	if len(arguments) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return errors.New("no command")
	}
	command, rest := arguments[0], arguments[1:]
	if part, ok := parts[command]; ok {
		return part(ctx, rest)
	}
	if command == "help" || command == "-h" || command == "--help" {
		fmt.Print(usage)
		return nil
	}
	settings, rest, err := parse(command, rest)
	if err != nil {
		return err
	}
	execute, ok := commands[command]
	if !ok {
		fmt.Fprint(os.Stderr, usage)
		return fmt.Errorf("there is no command %q", command)
	}
	return execute(ctx, settings, rest)
}

// settings are the flags of all commands.
type settings struct {
	name, provider string
	throttle       time.Duration
	experimental   bool
}

func parse(command string, arguments []string) (settings, []string, error) {
	var s settings
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	flags.StringVar(&s.name, "name", "sluice", "name of the cluster")
	flags.StringVar(&s.provider, "provider", os.Getenv("CLUSTER"), "local, kind or existing")
	flags.DurationVar(&s.throttle, "gateway-throttle", 100*time.Millisecond, "how long the gateway gathers changes")
	flags.BoolVar(&s.experimental, "gateway-experimental", false, "install the Gateway API's experimental channel")
	if err := flags.Parse(arguments); err != nil {
		return s, nil, err
	}
	if s.provider == "" {
		s.provider = "kind"
		if localPossible() == nil {
			s.provider = "local"
		}
	}
	return s, flags.Args(), nil
}

func builder() (*component.Builder, error) {
	cache, err := component.DefaultCache()
	if err != nil {
		return nil, err
	}
	source, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("source folder: %w", err)
	}
	return &component.Builder{Source: source, Cache: cache, Progress: os.Stderr}, nil
}
