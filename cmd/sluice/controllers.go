package main

import (
	"cmp"
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/sluicehq/sluice/controllers/analysisrun"
	"github.com/sluicehq/sluice/controllers/gitsync"
	"github.com/sluicehq/sluice/controllers/rollout"
)

// rolloutsAtATime is how many Rollouts are worked on at a time where the options do not say. A Rollout waits for the API
// server most of the time; more of them only queue there.
const rolloutsAtATime = 16

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
		Concurrency:           options.Concurrency,
	}); err != nil {
		return fmt.Errorf("set up GitSyncs: %w", err)
	}
	if err := rollout.Setup(mgr, rollout.Options{
		Concurrency: cmp.Or(options.Concurrency, rolloutsAtATime), Namespaces: options.Namespaces,
	}); err != nil {
		return fmt.Errorf("set up Rollouts: %w", err)
	}
	return nil
}
