// Package routing tests the Gateway API router on a real API server, above all what that server does with the ownership
// of fields. There is no gateway: the tests write a route's status as a gateway's controller would.
package routing

import (
	"context"
	"path/filepath"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/sluicehq/sluice/test/integration/apiserver"
	"github.com/sluicehq/sluice/trafficrouting/gatewayapi"
)

var (
	cluster *rest.Config
	// direct reads and writes without a cache.
	direct client.WithWatch
	// kinds are those that the API server serves.
	kinds *gatewayapi.Kinds
)

func TestMain(m *testing.M) {
	apiserver.Main(m, apiserver.Options{}, func(ctx context.Context, server *apiserver.Server) (func() error, error) {
		cluster, direct = server.Config, server.Admin
		kinds = gatewayapi.NewKinds(direct.RESTMapper(), clock.RealClock{})
		return nil, installOthers(ctx)
	})
}

// installOthers installs the kinds beside HTTPRoutes, from the experimental channel, which serves TCPRoutes and TLSRoutes
// in old versions too.
func installOthers(ctx context.Context) error {
	standard, err := apiserver.RouteDefinition(ctx)
	if err != nil {
		return err
	}
	folder := filepath.Join(filepath.Dir(filepath.Dir(standard)), "experimental")
	options := envtest.CRDInstallOptions{ErrorIfPathMissing: true}
	for _, name := range []string{"grpcroutes", "tcproutes", "tlsroutes", "referencegrants", "gateways", "gatewayclasses", "backendtlspolicies"} {
		options.Paths = append(options.Paths, filepath.Join(folder, "gateway.networking.k8s.io_"+name+".yaml"))
	}
	_, err = envtest.InstallCRDs(cluster, options)
	return err
}
