// Package gateway tests the gateway with faults (test/gateway) on a real API server, and on it the Gateway API router, by
// the suite that every router has to pass. Pods are servers in this process behind made-up addresses.
package gateway

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/sluicehq/sluice/test/integration/apiserver"
)

var (
	cluster *rest.Config
	// direct reads and writes without a cache.
	direct client.WithWatch
)

func TestMain(m *testing.M) {
	apiserver.Main(m, apiserver.Options{Parallel: 6}, func(ctx context.Context, server *apiserver.Server) (func() error, error) {
		cluster, direct = server.Config, server.Admin
		route, err := apiserver.RouteDefinition(ctx)
		if err != nil {
			return nil, err
		}
		_, err = envtest.InstallCRDs(server.Config, envtest.CRDInstallOptions{
			Paths: []string{filepath.Dir(route)}, ErrorIfPathMissing: true,
		})
		if err != nil {
			return nil, fmt.Errorf("installing the Gateway API: %w", err)
		}
		return nil, nil
	})
}
