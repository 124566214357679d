package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/sluicehq/sluice/test/cluster/internal/access"
	"github.com/sluicehq/sluice/test/cluster/internal/component"
	"github.com/sluicehq/sluice/test/cluster/internal/debian"
	"github.com/sluicehq/sluice/test/cluster/internal/remote"
)

// provider is a way to have a cluster.
type provider interface {
	// Up brings the cluster up, or checks that it is, and waits for it.
	Up(ctx context.Context) (access.Points, error)
	// Find gives how the cluster that is up is reached.
	Find(ctx context.Context) (access.Points, error)
	// Down removes what Up has made.
	Down(ctx context.Context) error
	// LoadImage makes the images of a docker-archive known to the nodes.
	LoadImage(ctx context.Context, file string) error
}

// newProvider gives the provider that the settings name.
func newProvider(s settings) (provider, error) {
	if s.provider == "local" {
		return newLocal(s)
	}
	builder, err := builder()
	if err != nil {
		return nil, err
	}
	switch s.provider {
	case "kind":
		return &remote.Kind{
			Name: s.name, Builder: builder, Throttle: s.throttle, Experimental: s.experimental, Progress: os.Stderr,
		}, nil
	case "existing":
		return &remote.Existing{Builder: builder, Progress: os.Stderr}, nil
	}
	return nil, fmt.Errorf("there is no provider %q; there are local, kind and existing", s.provider)
}

// commands are what the program does, apart from being a part of a cluster.
var commands = map[string]func(context.Context, settings, []string) error{
	"up": up, "down": down, "status": status, "kubeconfig": kubeconfig, "load-image": loadImage, "exec": execute,
	"build": build, "assets": assets, "packages": packages,
}

// packages installs the Debian packages that a local cluster and the tests need and that are missing.
func packages(ctx context.Context, _ settings, _ []string) error { return debian.Ensure(ctx, os.Stderr) }

func up(ctx context.Context, s settings, _ []string) error {
	cluster, err := newProvider(s)
	if err != nil {
		return err
	}
	points, err := cluster.Up(ctx)
	if err != nil {
		return err
	}
	points.Print(os.Stdout)
	return nil
}

func down(ctx context.Context, s settings, _ []string) error {
	cluster, err := newProvider(s)
	if err != nil {
		return err
	}
	return cluster.Down(ctx)
}

func status(ctx context.Context, s settings, _ []string) error {
	cluster, err := newProvider(s)
	if err != nil {
		return err
	}
	if s.provider == "local" {
		if err := localStatus(s); err != nil {
			return err
		}
	}
	points, err := cluster.Find(ctx)
	if err != nil {
		return err
	}
	points.Print(os.Stdout)
	return nil
}

func kubeconfig(ctx context.Context, s settings, _ []string) error {
	cluster, err := newProvider(s)
	if err != nil {
		return err
	}
	points, err := cluster.Find(ctx)
	if err != nil {
		return err
	}
	fmt.Println(points.Kubeconfig)
	return nil
}

func loadImage(ctx context.Context, s settings, arguments []string) error {
	if len(arguments) != 1 {
		return errors.New("load-image: one archive is required")
	}
	cluster, err := newProvider(s)
	if err != nil {
		return err
	}
	return cluster.LoadImage(ctx, arguments[0])
}

func execute(_ context.Context, s settings, arguments []string) error {
	if len(arguments) == 0 {
		return errors.New("exec: a command is required, as in exec -- curl http://10.0.0.1:8000")
	}
	if s.provider != "local" {
		return fmt.Errorf("exec: a cluster of provider %s has no network namespace on this machine", s.provider)
	}
	return localExec(s, arguments)
}

func build(ctx context.Context, _ settings, names []string) error {
	builder, err := builder()
	if err != nil {
		return err
	}
	if len(names) == 0 {
		names = component.Names()
	}
	paths, err := builder.Ensure(ctx, names...)
	if err != nil {
		return err
	}
	for _, name := range names {
		fmt.Println(paths[name])
	}
	return nil
}

func assets(ctx context.Context, _ settings, _ []string) error {
	builder, err := builder()
	if err != nil {
		return err
	}
	folder, err := builder.AssetsFolder(ctx)
	if err != nil {
		return err
	}
	fmt.Println(folder)
	return nil
}
