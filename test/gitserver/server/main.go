// Command server serves Git repositories over HTTP, for the demo: bare repositories under --root that take pushes.
//
//	server --listen :8080 --root /repos --repo app
//
// GIT_USERNAME with GIT_PASSWORD, or GIT_TOKEN, in the environment make it ask for credentials.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sluicehq/sluice/test/gitserver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := serve(ctx, os.Stdout, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "git server:", err)
		os.Exit(1)
	}
}

// serve runs until ctx ends, then lets the requests under way finish for up to five seconds.
func serve(ctx context.Context, out io.Writer, args []string) error {
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	listen := flags.String("listen", ":8080", "address to listen on")
	root := flags.String("root", "/repos", "folder of the repositories; made if it is missing")
	var names []string
	flags.Func("repo", "repository to make if it is missing; may be given more than once", func(name string) error {
		names = append(names, name)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := os.MkdirAll(*root, 0o750); err != nil {
		return err
	}
	git, err := gitserver.New(ctx, gitserver.Options{
		Root:     *root,
		Username: os.Getenv("GIT_USERNAME"),
		Password: os.Getenv("GIT_PASSWORD"),
		Token:    os.Getenv("GIT_TOKEN"),
	})
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := git.CreateRepository(ctx, name); err != nil {
			return err
		}
	}
	server := &http.Server{Addr: *listen, Handler: git, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	fmt.Fprintf(out, "serving %s on %s\n", *root, *listen)
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(last); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
