// Package routing tests the Gateway API router on a real API server, above all what that server does with the ownership
// of fields. There is no gateway: the tests write a route's status as a gateway's controller would.
//
// It needs KUBEBUILDER_ASSETS, the folder with etcd and kube-apiserver (`make integration` sets it). The Gateway API's
// definitions are those of the module that go.mod names. Nothing listens beyond loopback.
package routing

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

var (
	cluster *rest.Config
	// direct reads and writes without a cache.
	direct client.WithWatch
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
		return 0, errors.New("KUBEBUILDER_ASSETS is not set: run `make integration`, or set it to a folder with etcd and" +
			" kube-apiserver")
	}
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api").Output()
	if err != nil {
		return 0, fmt.Errorf("finding the Gateway API's definitions with `go list -m sigs.k8s.io/gateway-api`: %w", err)
	}
	definitions := filepath.Join(strings.TrimSpace(string(module)), "config", "crd", "standard")
	env := &envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join(definitions, "gateway.networking.k8s.io_httproutes.yaml")},
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
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return 0, err
	}
	if direct, err = client.NewWithWatch(cluster, client.Options{Scheme: scheme}); err != nil {
		return 0, err
	}
	return m.Run(), nil
}
