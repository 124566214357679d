// Package apiserver starts the API server that a package of integration tests runs on: a real etcd and kube-apiserver,
// with the kinds of Sluice and without kubelets, gateways or other controllers. Nothing listens beyond loopback.
//
// It needs KUBEBUILDER_ASSETS, the folder with the two programs (`make integration` sets it).
package apiserver

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// config is the folder of what is installed, from that of a package of integration tests.
var config = filepath.Join("..", "..", "..", "config")

// Server is an API server that runs.
type Server struct {
	*envtest.Environment
	// Admin may do everything. It knows the kinds of Scheme, and reads and writes without a cache.
	Admin client.WithWatch
}

// Scheme knows the kinds of Kubernetes, of Sluice and of the Gateway API.
func Scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme, gatewayv1.Install} {
		if err := add(scheme); err != nil {
			panic(err) // two kinds of one name, which is a mistake in one of the libraries
		}
	}
	return scheme
}

// Options say what a server has.
type Options struct {
	// WithoutGatewayAPI leaves out the definition of HTTPRoutes.
	WithoutGatewayAPI bool
	// Parallel is how many tests run at a time unless -parallel says it, for those that mostly wait; 0 means as many as
	// there are processors.
	Parallel int
}

// Start starts a server, with the kinds of Sluice and, if it is to have them, HTTPRoutes. Its error says what is missing.
// Whoever starts a server stops it.
func Start(ctx context.Context, opts Options) (*Server, error) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		return nil, errors.New("KUBEBUILDER_ASSETS is not set: run `make integration`, or set it to a folder with etcd and" +
			" kube-apiserver")
	}
	server := &Server{Environment: &envtest.Environment{
		CRDDirectoryPaths: []string{filepath.Join(config, "crd")}, ErrorIfCRDPathMissing: true,
	}}
	if !opts.WithoutGatewayAPI {
		definition, err := RouteDefinition(ctx)
		if err != nil {
			return nil, err
		}
		server.CRDDirectoryPaths = append(server.CRDDirectoryPaths, definition)
	}
	if _, err := server.Start(); err != nil {
		return nil, fmt.Errorf("start the API server: %w", err)
	}
	var err error
	if server.Admin, err = client.NewWithWatch(server.Config, client.Options{Scheme: Scheme()}); err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	return server, nil
}

// RouteDefinition is the file with the definition of HTTPRoutes in the module that go.mod names.
func RouteDefinition(ctx context.Context) (string, error) {
	module, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api").Output()
	if err != nil {
		return "", fmt.Errorf("find the Gateway API's definitions with `go list -m sigs.k8s.io/gateway-api`: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(module)), "config", "crd", "standard", "gateway.networking.k8s.io_httproutes.yaml"), nil
}

// Main is what the TestMain of a package does: it starts a server, prepares what the tests share, runs them, and ends the
// process. The context ends when the tests have ended; then comes what prepare returns, which may be nil. What libraries
// log is shown where SLUICE_TEST_LOG is set.
func Main(m *testing.M, opts Options, prepare func(context.Context, *Server) (finish func() error, err error)) {
	code, err := run(m, opts, prepare)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M, opts Options, prepare func(context.Context, *Server) (func() error, error)) (code int, err error) {
	logger := logr.Discard()
	if os.Getenv("SLUICE_TEST_LOG") != "" {
		logger = logr.FromSlogHandler(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	log.SetLogger(logger)
	if err := parallel(opts.Parallel); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	server, err := Start(ctx, opts)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	finish, err := prepare(ctx, server)
	if err != nil {
		return 0, err
	}
	code = m.Run()
	cancel()
	if finish == nil {
		return code, nil
	}
	return code, finish()
}

// parallel sets how many tests run at a time where the command line does not.
func parallel(n int) error {
	flag.Parse()
	given := n == 0
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if given {
		return nil
	}
	return flag.Set("test.parallel", strconv.Itoa(n))
}
