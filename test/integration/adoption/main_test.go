// Package adoption tests how a Rollout takes the place of a running Deployment, and how it runs one's template beside it,
// on a real API server. There is no kubelet and no other controller: playing_test.go does what they would do to
// Deployments, ReplicaSets, pods and EndpointSlices, the garbage collector among them, and notes every pod that goes.
//
// It needs KUBEBUILDER_ASSETS, the folder with etcd and kube-apiserver (`make integration` sets it). Nothing listens
// beyond loopback.
package adoption

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
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		return 0, errors.New("KUBEBUILDER_ASSETS is not set: run `make integration`, or set it to a folder with etcd and" +
			" kube-apiserver")
	}
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
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api").Output()
	if err != nil {
		return 0, fmt.Errorf("find the Gateway API's definitions with `go list -m sigs.k8s.io/gateway-api`: %w", err)
	}
	env := &envtest.Environment{
		CRDDirectoryPaths: []string{
			filepath.Join("..", "..", "..", "config", "crd"),
			filepath.Join(strings.TrimSpace(string(module)), "config", "crd", "standard", "gateway.networking.k8s.io_httproutes.yaml"),
		},
		ErrorIfCRDPathMissing: true,
	}
	if cluster, err = env.Start(); err != nil {
		return 0, fmt.Errorf("start the API server: %w", err)
	}
	defer func() { err = errors.Join(err, env.Stop()) }()
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
	return code, <-ended
}

// controllerName is the user that the controllers under test are.
const controllerName = "sluice-under-test"

// asController makes a user with the rights that the controller is shipped with.
func asController(env *envtest.Environment) (*rest.Config, error) {
	person, err := env.AddUser(envtest.User{Name: controllerName}, nil)
	if err != nil {
		return nil, fmt.Errorf("make a user: %w", err)
	}
	for _, name := range []string{"controller/role.yaml", "cluster/role.yaml", "cluster/impersonator_role.yaml"} {
		content, err := os.ReadFile(filepath.Join("..", "..", "..", "config", "rbac", filepath.FromSlash(name)))
		if err != nil {
			return nil, err
		}
		role := &rbacv1.ClusterRole{}
		if err := yaml.UnmarshalStrict(content, role); err != nil {
			return nil, fmt.Errorf("read the role of %s: %w", name, err)
		}
		if err := direct.Create(context.Background(), role); err != nil {
			return nil, err
		}
		if strings.Contains(name, "impersonator") { // which is bound in a namespace
			continue
		}
		binding := &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: role.Name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: controllerName}},
		}
		if err := direct.Create(context.Background(), binding); err != nil {
			return nil, fmt.Errorf("grant the role of %s: %w", name, err)
		}
	}
	return person.Config(), nil
}
