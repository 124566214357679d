package policy

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/sluicehq/sluice/cmd/kubectl-sluice/cli"
)

// controllerAccount is the user name that config/policy lets write everything.
const controllerAccount = "system:serviceaccount:sluice-system:sluice"

// server is the API server that all tests of the package share; each test has a namespace and users of its own.
var server *envtest.Environment

// admin may do what RBAC can give, and is held to the policy like everybody else.
var admin client.Client

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		fmt.Fprintln(os.Stderr, "KUBEBUILDER_ASSETS is not set: make integration sets it to a folder with etcd and kube-apiserver")
		return 1
	}
	log.SetLogger(logr.Discard())
	server = &envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join("..", "..", "..", "config", "crd")},
		ErrorIfCRDPathMissing: true,
	}
	config, err := server.Start()
	if err != nil {
		fmt.Fprintln(os.Stderr, "start the API server:", err)
		return 1
	}
	defer func() {
		if err := server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop the API server:", err)
		}
	}()
	scheme, err := cli.Scheme()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if admin, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := install(context.Background(), filepath.Join("..", "..", "..", "config", "policy")); err != nil {
		fmt.Fprintln(os.Stderr, "install config/policy:", err)
		return 1
	}
	return m.Run()
}

// install applies what a kustomization renders, as kubectl apply --server-side would.
func install(ctx context.Context, path string) error {
	rendered, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), path)
	if err != nil {
		return err
	}
	for _, resource := range rendered.Resources() {
		content, err := resource.Map()
		if err != nil {
			return err
		}
		object := client.ApplyConfigurationFromUnstructured(&unstructured.Unstructured{Object: content})
		if err := admin.Apply(ctx, object, client.FieldOwner("test")); err != nil && !meta.IsNoMatchError(err) {
			return fmt.Errorf("%s %s: %w", resource.GetKind(), resource.GetName(), err)
		}
	}
	return nil
}

// user is somebody with credentials of their own.
type user struct {
	client.WithWatch
	name       string
	kubeconfig string
}

// newUser makes a user that has no rights yet.
func newUser(t *testing.T, name string) *user {
	t.Helper()
	authenticated, err := server.AddUser(envtest.User{Name: name, Groups: []string{"system:authenticated"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.NewWithWatch(authenticated.Config(), client.Options{Scheme: admin.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig, err := authenticated.KubeConfig()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, kubeconfig, 0o600); err != nil {
		t.Fatal(err)
	}
	return &user{WithWatch: c, name: name, kubeconfig: path}
}

// sluice runs kubectl-sluice as the user and returns its exit code and all that it printed.
func (u *user) sluice(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	env := cli.Environment{
		Streams:   genericiooptions.IOStreams{In: &bytes.Buffer{}, Out: &out, ErrOut: &out},
		Terminal:  func() (int, int, bool) { return 0, 0, false },
		Now:       time.Now,
		NewID:     func() string { return string(uuid.NewUUID()) },
		NewClient: cli.ClusterClient,
	}
	args = append(args, "--kubeconfig", u.kubeconfig, "--cache-dir", t.TempDir())
	code := cli.Run(t.Context(), args, env)
	return code, out.String()
}
