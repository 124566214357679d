// Command demo shows the main job of Sluice on a real cluster, and judges it:
//
//	go run ./examples/demo
//
// It brings up a cluster (test/cluster; CLUSTER chooses which kind), installs the controller from config/, puts a Git
// server, an app and a constant load into the cluster, and commits three versions of the app. v1 is the start, v2 is
// good and has to be promoted, v3 fails requests and has to be rolled back, all by itself and without a lost request.
// The last line is
//
//	demo: promoted=<sha7> rolled-back=<sha7> requests=<n> lost=<m>
//
// and the exit status is 0 only if everything went that way.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// limit bounds the whole demo, builds included.
const limit = time.Hour

type options struct {
	// name of the cluster.
	name string
	// keep leaves the cluster up.
	keep bool
	// rate of the load in requests per second.
	rate float64
	// requests is how many requests there must be for a verdict.
	requests int
	// kills is how often the controller is killed.
	kills int
	// seed decides when.
	seed uint64
	// records is a file for the record of every request; empty means none.
	records string
}

func main() { os.Exit(start()) }

// start gives the exit status.
func start() int {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	var o options
	flag.StringVar(&o.name, "name", "demo", "name of the cluster")
	flag.BoolVar(&o.keep, "keep", false, "leave the cluster up, to look around")
	flag.Float64Var(&o.rate, "rate", 120, "requests per second")
	flag.IntVar(&o.requests, "requests", 10_000, "requests that there must be for a verdict")
	flag.IntVar(&o.kills, "kill-controller", 0, "kill the leading controller with SIGKILL at so many random moments of the releases")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "seed of those moments")
	flag.StringVar(&o.records, "records", "", "file to write the record of every request to")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "demo: unexpected argument %q\n", flag.Arg(0))
		return 2
	}
	bounded, stop := context.WithTimeout(ctx, limit)
	defer stop()
	if err := run(bounded, o); err != nil {
		fmt.Fprintln(os.Stderr, "demo: FAILED:", err)
		return 1
	}
	return 0
}
