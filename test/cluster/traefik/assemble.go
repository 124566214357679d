package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"runtime/debug"
	"slices"
	"time"

	"github.com/rs/zerolog/log"
	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"github.com/traefik/traefik/v3/pkg/config/runtime"
	"github.com/traefik/traefik/v3/pkg/config/static"
	"github.com/traefik/traefik/v3/pkg/middlewares/accesslog"
	"github.com/traefik/traefik/v3/pkg/observability/metrics"
	"github.com/traefik/traefik/v3/pkg/provider/aggregator"
	"github.com/traefik/traefik/v3/pkg/provider/traefik"
	"github.com/traefik/traefik/v3/pkg/proxy/httputil"
	"github.com/traefik/traefik/v3/pkg/safe"
	"github.com/traefik/traefik/v3/pkg/server"
	"github.com/traefik/traefik/v3/pkg/server/middleware"
	"github.com/traefik/traefik/v3/pkg/server/service"
	"github.com/traefik/traefik/v3/pkg/tcp"
	traefiktls "github.com/traefik/traefik/v3/pkg/tls"
)

// refuseLeftOut says which configured parts this build does not have, instead
// of serving without them.
func refuseLeftOut(config *static.Configuration) error {
	switch {
	case len(config.CertificatesResolvers) > 0:
		return errors.New("certificatesResolvers: this build has no ACME client")
	case config.Experimental != nil && (config.Experimental.Plugins != nil || config.Experimental.LocalPlugins != nil):
		return errors.New("experimental.plugins: this build has no plugin host")
	case config.Tracing != nil:
		return errors.New("tracing: this build has no tracing")
	case config.Spiffe != nil && config.Spiffe.WorkloadAPIAddr != "":
		return errors.New("spiffe: this build has no SPIFFE client")
	case config.Providers == nil || config.Providers.KubernetesGateway == nil:
		return errors.New("providers.kubernetesgateway is required: this build has no other provider")
	}
	return nil
}

// assemble wires entry points, provider, routers and metrics the way Traefik
// does at its start.
func assemble(ctx context.Context, config *static.Configuration) (*server.Server, error) {
	// Only the gateway provider is handed on, so that nothing else starts.
	providers := aggregator.NewProviderAggregator(static.Providers{
		ProvidersThrottleDuration: config.Providers.ProvidersThrottleDuration,
		KubernetesGateway:         config.Providers.KubernetesGateway,
	})
	if err := providers.AddProvider(traefik.New(*config)); err != nil {
		return nil, fmt.Errorf("internal provider: %w", err)
	}

	pool := safe.NewPool(ctx)
	tlsManager := traefiktls.NewManager(config.OCSP)
	pool.GoCtx(tlsManager.Run)

	registry := metrics.NewMultiRegistry(prometheusRegistry(ctx, config))
	access, err := accessLog(ctx, config)
	if err != nil {
		return nil, err
	}
	observability := middleware.NewObservabilityMgr(*config, registry, nil, access, nil, nil)

	tcpEntryPoints, err := server.NewTCPEntryPoints(config.EntryPoints, config.HostResolver, registry)
	if err != nil {
		return nil, fmt.Errorf("TCP entry points: %w", err)
	}
	udpEntryPoints, err := server.NewUDPEntryPoints(config.EntryPoints)
	if err != nil {
		return nil, fmt.Errorf("UDP entry points: %w", err)
	}

	transports := service.NewTransportManager(nil)
	proxies := httputil.NewProxyBuilder(transports, nil)
	dialers := tcp.NewDialerManager(nil)
	services := service.NewManagerFactory(*config, pool, observability, transports, proxies, nil, tlsManager)
	routers, err := server.NewRouterFactory(*config, services, tlsManager, observability, nil, dialers)
	if err != nil {
		return nil, fmt.Errorf("routers: %w", err)
	}

	watcher := server.NewConfigurationWatcher(pool, providers, defaultEntryPoints(config), "internal")
	watcher.AddListener(func(conf dynamic.Configuration) {
		tlsManager.UpdateConfigs(ctx, conf.TLS.Stores, conf.TLS.Options, conf.TLS.Certificates)
	})
	watcher.AddListener(func(dynamic.Configuration) {
		registry.ConfigReloadsCounter().Add(1)
		registry.LastConfigReloadSuccessGauge().Set(float64(time.Now().Unix()))
	})
	watcher.AddListener(func(conf dynamic.Configuration) {
		transports.Update(conf.HTTP.ServersTransports)
		proxies.Update(conf.HTTP.ServersTransports)
		dialers.Update(conf.TCP.ServersTransports)
	})
	watcher.AddListener(func(conf dynamic.Configuration) {
		tcpRouters, udpRouters := routers.CreateRouters(runtime.NewConfig(conf))
		tcpEntryPoints.Switch(tcpRouters)
		udpEntryPoints.Switch(udpRouters)
	})
	watcher.AddListener(func(conf dynamic.Configuration) {
		names := make([]string, 0, len(tcpEntryPoints))
		for name := range tcpEntryPoints {
			names = append(names, name)
		}
		metrics.OnConfigurationUpdate(conf, names)
	})
	return server.NewServer(pool, tcpEntryPoints, udpEntryPoints, watcher, observability), nil
}

// prometheusRegistry gives the one metrics registry that this build has, or none.
func prometheusRegistry(ctx context.Context, config *static.Configuration) []metrics.Registry {
	if config.Metrics == nil || config.Metrics.Prometheus == nil {
		return nil
	}
	registry := metrics.RegisterPrometheus(ctx, config.Metrics.Prometheus)
	if registry == nil {
		return nil
	}
	return []metrics.Registry{registry}
}

// accessLog gives the access log's middleware, nil where none is configured.
func accessLog(ctx context.Context, config *static.Configuration) (*accesslog.Handler, error) {
	if config.AccessLog == nil {
		return nil, nil
	}
	handler, err := accesslog.NewHandler(ctx, config.AccessLog)
	if err != nil {
		return nil, fmt.Errorf("access log: %w", err)
	}
	return handler, nil
}

// defaultEntryPoints names the entry points that routers without any get: those
// marked as default, else all but the internal one and UDP.
func defaultEntryPoints(config *static.Configuration) []string {
	var marked, all []string
	for name, entryPoint := range config.EntryPoints {
		protocol, err := entryPoint.GetProtocol()
		if err != nil {
			log.Error().Err(err).Str("entryPoint", name).Msg("Invalid protocol")
		}
		if protocol == "udp" || name == static.DefaultInternalEntryPointName {
			continue
		}
		all = append(all, name)
		if entryPoint.AsDefault {
			marked = append(marked, name)
		}
	}
	if len(marked) > 0 {
		all = marked
	}
	slices.Sort(all)
	return all
}

// silenceStandardLog sends what libraries print to the given log.
func silenceStandardLog(out io.Writer) {
	stdlog.SetFlags(0)
	stdlog.SetOutput(out)
}

// version is Traefik's version from the build's own module list.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, module := range info.Deps {
		if module.Path == "github.com/traefik/traefik/v3" {
			return module.Version
		}
	}
	return "unknown"
}
