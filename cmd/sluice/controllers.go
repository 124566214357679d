package main

import (
	"cmp"
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/sluicehq/sluice/controllers/analysisrun"
	"github.com/sluicehq/sluice/controllers/gitsync"
	"github.com/sluicehq/sluice/controllers/rollout"
)

// How many objects of a kind are worked on at a time where the options do not say. A GitSync renders and compares, and
// each one takes memory and a processor. A Rollout waits for the API server most of its time: more of them at a time
// only queue there.
const (
	gitSyncsAtATime = 4
	rolloutsAtATime = 16
)

// setupControllers adds the controllers to the manager.
func setupControllers(mgr ctrl.Manager, options Options) error {
	if err := analysisrun.Setup(mgr, analysisrun.Options{
		PrometheusAddress: options.PrometheusAddress,
		AllowLoopback:     options.AnalysisAllowLoopback,
		Concurrency:       0, // its rounds wait for a provider rather than work: it knows best
	}); err != nil {
		return fmt.Errorf("set up AnalysisRuns: %w", err)
	}
	if err := gitsync.Setup(mgr, gitsync.Options{
		CacheDir:              options.GitCacheDir,
		DefaultServiceAccount: options.DefaultServiceAccount,
		Concurrency:           cmp.Or(options.Concurrency, gitSyncsAtATime),
	}); err != nil {
		return fmt.Errorf("set up GitSyncs: %w", err)
	}
	if err := rollout.Setup(mgr, rollout.Options{Concurrency: cmp.Or(options.Concurrency, rolloutsAtATime)}); err != nil {
		return fmt.Errorf("set up Rollouts: %w", err)
	}
	return nil
}
