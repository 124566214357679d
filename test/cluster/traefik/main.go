// Command traefik is Traefik's proxy with two providers only: the Gateway API
// and the internal one that serves its own metrics and ping. The ACME client,
// the plugin host and every other provider are left out, since a cluster for
// tests needs none of them and they are most of what Traefik compiles.
//
// It takes Traefik's own flags (--entryPoints.…, --providers.kubernetesgateway.…,
// --metrics.prometheus.…), so what is written about them holds here too.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/rs/zerolog"
	"github.com/rs/zerolog/log"
	"github.com/traefik/paerser/flag"
	"github.com/traefik/traefik/v3/cmd"
	"github.com/traefik/traefik/v3/pkg/config/static"
	"github.com/traefik/traefik/v3/pkg/observability/logs"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "version" {
		fmt.Println(version())
		return
	}
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "traefik:", err)
		os.Exit(1)
	}
}

// run serves until the process is asked to end.
func run(args []string) error {
	config := cmd.NewTraefikConfiguration()
	if err := flag.Decode(args, config); err != nil {
		return fmt.Errorf("flags: %w", err)
	}
	static := &config.Configuration
	if err := setLogger(static); err != nil {
		return err
	}
	static.SetEffectiveConfiguration()
	if err := static.ValidateConfiguration(); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	if err := refuseLeftOut(static); err != nil {
		return err
	}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	server, err := assemble(ctx, static)
	if err != nil {
		return err
	}
	if static.Ping != nil {
		static.Ping.WithContext(ctx)
	}
	server.Start(ctx)
	defer server.Close()
	server.Wait()
	return nil
}

// setLogger writes the log to standard output at the configured level.
func setLogger(config *static.Configuration) error {
	level := zerolog.ErrorLevel
	if config.Log != nil && config.Log.Level != "" {
		parsed, err := zerolog.ParseLevel(config.Log.Level)
		if err != nil {
			return fmt.Errorf("--log.level=%s: %w", config.Log.Level, err)
		}
		level = parsed
	}
	zerolog.SetGlobalLevel(level)
	log.Logger = zerolog.New(os.Stdout).With().Timestamp().Logger().Level(level)
	zerolog.DefaultContextLogger = &log.Logger
	silenceStandardLog(logs.NoLevel(log.Logger, zerolog.DebugLevel))
	return nil
}
