package main

import (
	"context"
	"fmt"
	"time"

	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// The Lease of the leader. A leader that ends in order releases it, and another replica takes over within
// retryPeriod. After a crash the takeover takes up to leaseDuration + retryPeriod, some 10 s. That is shorter than
// usual because a release stands still meanwhile, and its price is small: a leader that cannot renew for
// renewDeadline restarts, which is safe at any instant.
const (
	leaseName     = "sluice-leader"
	leaseDuration = 8 * time.Second
	renewDeadline = 6 * time.Second
	retryPeriod   = 2 * time.Second
)

// gracefulShutdown is how long work in hand may take to end, within the pod's terminationGracePeriodSeconds.
const gracefulShutdown = 20 * time.Second

// run serves until ctx is done. It returns nil when it was asked to end and did so in order.
func run(ctx context.Context, options Options) error {
	restConfig, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find the cluster: %w", err)
	}
	return runWith(ctx, restConfig, options)
}

// runWith is run for a cluster that is already known.
func runWith(ctx context.Context, restConfig *rest.Config, options Options) error {
	restConfig = rest.CopyConfig(restConfig)
	restConfig.UserAgent = "sluice/" + buildVersion()
	log := ctrl.Log.WithName("setup")
	log.Info("Starting", "version", buildVersion(), "namespaces", options.Namespaces, "concurrency", options.Concurrency)

	mgr, err := newManager(restConfig, options)
	if err != nil {
		return err
	}
	if err := checkOwnKinds(mgr.GetRESTMapper()); err != nil {
		return err
	}
	warnWithoutPolicy(ctx, mgr.GetAPIReader(), log)
	warnWithoutGatewayAPI(mgr.GetRESTMapper(), log)
	if err := setupControllers(mgr, options); err != nil {
		return err
	}
	if err := addHealth(mgr); err != nil {
		return err
	}
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("run the controllers: %w", err)
	}
	log.Info("Ended")
	return nil
}

// newManager makes the manager: leader election, cache, metrics and health.
func newManager(restConfig *rest.Config, options Options) (ctrl.Manager, error) {
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	mgr, err := ctrl.NewManager(restConfig, ctrl.Options{
		Scheme:                        scheme,
		Cache:                         cacheOptions(options.Namespaces),
		Client:                        clientOptions(),
		LeaderElection:                options.LeaderElect,
		LeaderElectionID:              leaseName,
		LeaderElectionNamespace:       options.LeaderElectNamespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 new(leaseDuration),
		RenewDeadline:                 new(renewDeadline),
		RetryPeriod:                   new(retryPeriod),
		GracefulShutdownTimeout:       new(gracefulShutdown),
		HealthProbeBindAddress:        options.HealthAddress,
		Metrics:                       metricsserver.Options{BindAddress: options.MetricsAddress},
		Controller: config.Controller{
			// A standby fills its caches before it leads, so that a takeover costs no listing.
			EnableWarmup: new(true),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("make the manager: %w", err)
	}
	return mgr, nil
}

// addHealth serves /healthz (the process answers) and /readyz (what it serves from memory has been read once).
func addHealth(mgr ctrl.Manager) error {
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return fmt.Errorf("serve /healthz: %w", err)
	}
	synced := &cacheSynced{cache: mgr.GetCache()}
	if err := mgr.Add(synced); err != nil {
		return fmt.Errorf("serve /readyz: %w", err)
	}
	if err := mgr.AddReadyzCheck("caches", synced.Check); err != nil {
		return fmt.Errorf("serve /readyz: %w", err)
	}
	return nil
}
