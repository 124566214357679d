// Command app is the demo's app: an HTTP server whose version, error rate and latency are settings, with the manners
// that a release without lost requests asks of an app: it is ready only when it can serve, and on SIGTERM it says at
// once that it is not ready, serves on while that goes round, and only then ends.
//
// Settings, all in the environment:
//
//	VERSION         what it calls itself
//	ERROR_RATE      share of requests, 0 to 1, that it answers with 500
//	LATENCY         how long it takes over a request, such as 20ms
//	READY_DELAY     how long after its start it becomes ready
//	DRAIN           how long it serves on after SIGTERM (10s)
//	LISTEN          where it serves (:8080)
//	LISTEN_METRICS  where it serves /metrics, /readyz and /livez (:9090)
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

// shutdownTimeout is how long requests that are open after the drain may take.
const shutdownTimeout = 15 * time.Second

type settings struct {
	version       string
	errorRate     float64
	latency       time.Duration
	readyDelay    time.Duration
	drain         time.Duration
	listen        string
	listenMetrics string
}

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Getenv)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "app:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, getenv func(string) string) error {
	settings, err := read(getenv)
	if err != nil {
		return err
	}
	var listener net.ListenConfig
	public, err := listener.Listen(ctx, "tcp", settings.listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	private, err := listener.Listen(ctx, "tcp", settings.listenMetrics)
	if err != nil {
		return errors.Join(fmt.Errorf("listen: %w", err), public.Close())
	}
	return serve(ctx, newApp(settings), public, private)
}

// serve ends after the context's end and the drain, or when a server fails.
func serve(ctx context.Context, app *app, public, private net.Listener) error {
	front := &http.Server{Handler: app, ReadHeaderTimeout: 10 * time.Second}
	back := &http.Server{Handler: app.admin(), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 2)
	go func() { failed <- front.Serve(public) }()
	go func() { failed <- back.Serve(private) }()

	warm := time.NewTimer(app.settings.readyDelay)
	defer warm.Stop()
	for serving := true; serving; {
		select {
		case <-warm.C:
			app.ready.Store(true)
		case <-ctx.Done():
			serving = false
		case err := <-failed:
			return errors.Join(err, front.Close(), back.Close())
		}
	}

	app.ready.Store(false)
	app.draining.Store(true)
	// The context has ended; what follows has its own, bounded time.
	rest := context.WithoutCancel(ctx)
	drain := time.NewTimer(app.settings.drain)
	defer drain.Stop()
	select {
	case <-drain.C:
	case err := <-failed:
		return errors.Join(err, front.Close(), back.Close())
	}
	rest, cancel := context.WithTimeout(rest, shutdownTimeout)
	defer cancel()
	return errors.Join(front.Shutdown(rest), back.Close())
}

// read reads the settings. The error names the variable.
func read(getenv func(string) string) (settings, error) {
	s := settings{version: getenv("VERSION"), listen: ":8080", listenMetrics: ":9090", drain: 10 * time.Second}
	if s.version == "" {
		return s, errors.New("VERSION is not set")
	}
	if text := getenv("ERROR_RATE"); text != "" {
		rate, err := strconv.ParseFloat(text, 64)
		if err != nil || !(rate >= 0 && rate <= 1) {
			return s, fmt.Errorf("ERROR_RATE %q: want a number from 0 to 1", text)
		}
		s.errorRate = rate
	}
	for name, field := range map[string]*time.Duration{"LATENCY": &s.latency, "READY_DELAY": &s.readyDelay, "DRAIN": &s.drain} {
		text := getenv(name)
		if text == "" {
			continue
		}
		value, err := time.ParseDuration(text)
		if err != nil || value < 0 {
			return s, fmt.Errorf("%s %q: want a time such as 20ms or 10s", name, text)
		}
		*field = value
	}
	for name, field := range map[string]*string{"LISTEN": &s.listen, "LISTEN_METRICS": &s.listenMetrics} {
		if text := getenv(name); text != "" {
			*field = text
		}
	}
	return s, nil
}
