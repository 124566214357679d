// Package rollout tests the controller of Rollouts on a real API server. There is no kubelet, no gateway and no other
// controller: playing_test.go does what they would do to ReplicaSets, pods, EndpointSlices and routes, and watches over
// what a gateway would serve meanwhile.
//
// It needs KUBEBUILDER_ASSETS, the folder with etcd and kube-apiserver (`make integration` sets it). Nothing listens
// beyond loopback.
package rollout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

var (
	cluster *rest.Config
	// controllerConfig has the rights of config/rbac and no others.
	controllerConfig *rest.Config
	// direct reads and writes without a cache.
	direct client.Client
	scheme = runtime.NewScheme()
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
	logger := logr.Discard()
	if os.Getenv("SLUICE_TEST_LOG") != "" {
		logger = logr.FromSlogHandler(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	log.SetLogger(logger)
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme, gatewayv1.Install} {
		if err := add(scheme); err != nil {
			return 0, err
		}
	}
	env, err := startCluster(true)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, env.Stop()) }()
	cluster = env.Config
	if direct, err = client.New(cluster, client.Options{Scheme: scheme}); err != nil {
		return 0, err
	}
	if controllerConfig, err = asController(env); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended, err := startPlaying(ctx)
	if err != nil {
		return 0, err
	}
	code = m.Run()
	cancel()
	return code, errors.Join(<-ended, nothingLeft())
}

// asController makes a user with the rights that the controller is shipped with.
func asController(env *envtest.Environment) (*rest.Config, error) {
	const name = "sluice-under-test"
	person, err := env.AddUser(envtest.User{Name: name}, nil)
	if err != nil {
		return nil, fmt.Errorf("make a user: %w", err)
	}
	admin, err := client.New(env.Config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	for _, part := range []string{"controller", "cluster"} {
		content, err := os.ReadFile(filepath.Join("..", "..", "..", "config", "rbac", part, "role.yaml"))
		if err != nil {
			return nil, err
		}
		role := &rbacv1.ClusterRole{}
		if err := yaml.UnmarshalStrict(content, role); err != nil {
			return nil, fmt.Errorf("read the role of %s: %w", part, err)
		}
		binding := &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: role.Name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}},
		}
		if err := errors.Join(admin.Create(context.Background(), role), admin.Create(context.Background(), binding)); err != nil {
			return nil, fmt.Errorf("grant the role of %s: %w", part, err)
		}
	}
	return person.Config(), nil
}

// startCluster starts an API server with the kinds of Sluice, and with those of the Gateway API or without.
func startCluster(withGatewayAPI bool) (*envtest.Environment, error) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		return nil, errors.New("KUBEBUILDER_ASSETS is not set: run `make integration`, or set it to a folder with etcd and" +
			" kube-apiserver")
	}
	env := &envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join("..", "..", "..", "config", "crd")},
		ErrorIfCRDPathMissing: true,
	}
	if withGatewayAPI {
		path, err := routeDefinition()
		if err != nil {
			return nil, err
		}
		env.CRDDirectoryPaths = append(env.CRDDirectoryPaths, path)
	}
	if _, err := env.Start(); err != nil {
		return nil, fmt.Errorf("start the API server: %w", err)
	}
	return env, nil
}

// routeDefinition is the CRD of HTTPRoutes in the module that go.mod names.
func routeDefinition() (string, error) {
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api").Output()
	if err != nil {
		return "", fmt.Errorf("find the Gateway API's definitions with `go list -m sigs.k8s.io/gateway-api`: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(module)), "config", "crd", "standard", "gateway.networking.k8s.io_httproutes.yaml"), nil
}
