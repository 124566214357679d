// Package analysis tests AnalysisRuns on a real API server and a real Prometheus, which scrapes itself.
//
// It needs KUBEBUILDER_ASSETS, the folder with etcd and kube-apiserver (`make integration` sets it), and the program
// prometheus on PATH (Debian: apt-get install prometheus). Nothing listens beyond loopback.
package analysis

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

var (
	cluster *rest.Config
	scheme  = runtime.NewScheme()
	// direct reads and writes without a cache.
	direct client.Client
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	log.SetLogger(logr.Discard())
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		return 0, fmt.Errorf("KUBEBUILDER_ASSETS is not set: run `make integration`, or set it to a folder with etcd and" +
			" kube-apiserver")
	}
	if _, err := exec.LookPath("prometheus"); err != nil {
		return 0, fmt.Errorf("the program prometheus is missing: apt-get install prometheus")
	}
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return 0, err
		}
	}
	env := &envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join("..", "..", "..", "config", "crd")},
		ErrorIfCRDPathMissing: true,
	}
	if cluster, err = env.Start(); err != nil {
		return 0, fmt.Errorf("starting the API server: %w", err)
	}
	defer func() {
		if stopErr := env.Stop(); stopErr != nil && err == nil {
			err = stopErr
		}
	}()
	if direct, err = client.New(cluster, client.Options{Scheme: scheme}); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// ctrlOptions are those of a manager that may be started more than once in this process.
func ctrlOptions() ctrl.Options {
	opts := ctrl.Options{Scheme: scheme}
	opts.Metrics.BindAddress = "0"
	opts.Controller.SkipNameValidation = new(true)
	return opts
}
