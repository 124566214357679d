// Package analysis tests AnalysisRuns on a real API server and a real Prometheus, which scrapes itself.
//
// It needs the program prometheus on PATH (Debian: apt-get install prometheus). Nothing listens beyond loopback.
package analysis

import (
	"context"
	"fmt"
	"os/exec"
	"testing"

	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/test/integration/apiserver"
)

var (
	cluster *rest.Config
	// direct reads and writes without a cache.
	direct client.Client
)

func TestMain(m *testing.M) {
	apiserver.Main(m, apiserver.Options{WithoutGatewayAPI: true}, func(_ context.Context, server *apiserver.Server) (func() error, error) {
		if _, err := exec.LookPath("prometheus"); err != nil {
			return nil, fmt.Errorf("the program prometheus is missing: apt-get install prometheus")
		}
		cluster, direct = server.Config, server.Admin
		return nil, nil
	})
}

// ctrlOptions are those of a manager that may be started more than once in this process.
func ctrlOptions() ctrl.Options {
	opts := ctrl.Options{Scheme: direct.Scheme()}
	opts.Metrics.BindAddress = "0"
	opts.Controller.SkipNameValidation = new(true)
	return opts
}
