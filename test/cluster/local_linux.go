package main

import (
	"context"
	"fmt"
	"os"

	"github.com/sluicehq/sluice/test/cluster/internal/enter"
	"github.com/sluicehq/sluice/test/cluster/internal/local"
)

// parts are the commands by which the program is a part of a local cluster.
var parts = map[string]func(context.Context, []string) error{
	enter.Command:         func(_ context.Context, arguments []string) error { return enter.Main(arguments) },
	local.RelayCommand:    named(local.Relay),
	local.DiscoverCommand: named(local.Discover),
}

// named makes a command of a function that takes a cluster's name.
func named(serve func(context.Context, string) error) func(context.Context, []string) error {
	return func(ctx context.Context, arguments []string) error {
		if len(arguments) != 1 {
			return fmt.Errorf("one cluster name is required, not %q", arguments)
		}
		return serve(ctx, arguments[0])
	}
}

// localPossible says why there can be no local cluster on this machine.
func localPossible() error { return local.CheckHost() }

func newLocal(s settings) (provider, error) {
	builder, err := builder()
	if err != nil {
		return nil, err
	}
	return &local.Cluster{Options: local.Options{
		Name: s.name, Builder: builder, Throttle: s.throttle, Experimental: s.experimental, Progress: os.Stderr,
	}}, nil
}

func localStatus(s settings) error { return local.Status(s.name, os.Stdout) }

func localExec(s settings, command []string) error { return local.Exec(s.name, command) }
