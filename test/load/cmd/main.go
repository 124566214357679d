// Command cmd runs the load generator and shows its counters over HTTP:
//
//	load -url http://gateway/ -host app.example -rate 120 -listen :8089
//
// The first request of the run is sent once the app has answered a probe. The run ends at POST /stop or SIGTERM; then
// the final stats are printed as one line of JSON. After POST /stop the process stays until SIGTERM, so that the records
// can still be read.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sluicehq/sluice/test/load"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var config load.Config
	flags := flag.NewFlagSet("load", flag.ExitOnError)
	flags.StringVar(&config.URL, "url", "", "where to send requests (required)")
	flags.StringVar(&config.Host, "host", "", "Host header (default: the URL's)")
	flags.Float64Var(&config.Rate, "rate", 120, "requests per second")
	flags.IntVar(&config.FreshEvery, "fresh-every", 10, "send every n-th request over a new connection, 0: none")
	flags.IntVar(&config.BodyEvery, "body-every", 5, "make every n-th request a POST with a body, 0: none")
	flags.DurationVar(&config.Timeout, "timeout", 10*time.Second, "how long an answer may take")
	flags.DurationVar(&config.MaxLate, "max-late", 2*time.Second, "how much later than due a request is still sent")
	address := flags.String("listen", ":8089", "where /stats, /records and /stop are served")
	if err := flags.Parse(args); err != nil {
		return err
	}
	generator, err := load.New(config, time.Now)
	if err != nil {
		return err
	}

	running, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan struct{})
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", *address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: generator.Handler(stop, done), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	err = generator.AwaitApp(running, 200*time.Millisecond)
	if err == nil {
		fmt.Fprintln(os.Stderr, "load: the app answers, sending")
		generator.Run(running)
	}
	close(done)
	if errors.Is(err, context.Canceled) {
		return errors.Join(err, server.Close())
	}
	if err := json.NewEncoder(os.Stdout).Encode(generator.Stats(0)); err != nil {
		return fmt.Errorf("print stats: %w", err)
	}
	select {
	case <-ctx.Done():
		return server.Close()
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	}
}
