package policy

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/sluicehq/sluice/test/integration/apiserver"
	"github.com/sluicehq/sluice/test/integration/people"
)

// controllerAccount is the user name that config/policy lets write everything.
const controllerAccount = "system:serviceaccount:sluice-system:sluice"

var (
	// server is the API server that all tests of the package share; each test has a namespace and users of its own.
	server *apiserver.Server
	// admin may do what RBAC can give, and is held to the policy like everybody else.
	admin client.Client
)

func TestMain(m *testing.M) {
	apiserver.Main(m, apiserver.Options{WithoutGatewayAPI: true}, func(ctx context.Context, started *apiserver.Server) (func() error, error) {
		server, admin = started, started.Admin
		if err := install(ctx, filepath.Join("..", "..", "..", "config", "policy")); err != nil {
			return nil, fmt.Errorf("install config/policy: %w", err)
		}
		return nil, nil
	})
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

// newUser makes a user that has no rights yet.
func newUser(t *testing.T, name string) *people.Person {
	t.Helper()
	person, err := people.New(server, t.TempDir(), name, "system:authenticated")
	if err != nil {
		t.Fatal(err)
	}
	return person
}
