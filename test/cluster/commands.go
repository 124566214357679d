package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/sluicehq/sluice/test/cluster/internal/component"
	"github.com/sluicehq/sluice/test/cluster/internal/local"
)

// commands are what the program does, apart from being a part of a cluster.
var commands = map[string]func(context.Context, settings, []string) error{
	"up": up, "down": down, "status": status, "kubeconfig": kubeconfig, "load-image": loadImage, "exec": execute,
	"build": build, "assets": assets,
}

func up(ctx context.Context, s settings, _ []string) error {
	builder, err := builder()
	if err != nil {
		return err
	}
	result, err := local.Up(ctx, local.Options{
		Name: s.name, Builder: builder, Throttle: s.throttle, Experimental: s.experimental, Progress: os.Stderr,
	})
	if err != nil {
		return err
	}
	print(result)
	return nil
}

func print(result local.Result) {
	fmt.Printf("KUBECONFIG=%s\nGATEWAY=%s\nPROMETHEUS=%s\n", result.Kubeconfig, result.Gateway, result.Prometheus)
}

func down(ctx context.Context, s settings, _ []string) error {
	return local.Down(ctx, s.name, os.Stderr)
}

func status(_ context.Context, s settings, _ []string) error {
	if err := local.Status(s.name, os.Stdout); err != nil {
		return err
	}
	result, err := local.Find(s.name)
	if err != nil {
		return err
	}
	print(result)
	return nil
}

func kubeconfig(_ context.Context, s settings, _ []string) error {
	result, err := local.Find(s.name)
	if err != nil {
		return err
	}
	fmt.Println(result.Kubeconfig)
	return nil
}

func loadImage(ctx context.Context, s settings, arguments []string) error {
	if len(arguments) != 1 {
		return errors.New("load-image: one archive is required")
	}
	return local.LoadImage(ctx, s.name, arguments[0], os.Stderr)
}

func execute(_ context.Context, s settings, arguments []string) error {
	if len(arguments) == 0 {
		return errors.New("exec: a command is required, as in exec -- curl http://gateway.gateway.svc")
	}
	return local.Exec(s.name, arguments)
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
