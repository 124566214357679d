// Package people makes users of an API server, with credentials of their own, who run kubectl-sluice.
package people

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/sluicehq/sluice/cmd/kubectl-sluice/cli"
	"github.com/sluicehq/sluice/test/integration/apiserver"
)

// Person is a user of an API server. The client has the person's rights, and no cache.
type Person struct {
	client.WithWatch
	Name       string
	kubeconfig string
}

// New makes a person who is in groups. Their kubeconfig is written into a folder.
func New(server *apiserver.Server, folder, name string, groups ...string) (*Person, error) {
	authenticated, err := server.AddUser(envtest.User{Name: name, Groups: groups}, nil)
	if err != nil {
		return nil, err
	}
	c, err := client.NewWithWatch(authenticated.Config(), client.Options{Scheme: server.Admin.Scheme()})
	if err != nil {
		return nil, err
	}
	kubeconfig, err := authenticated.KubeConfig()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(folder, "kubeconfig")
	if err := os.WriteFile(path, kubeconfig, 0o600); err != nil {
		return nil, err
	}
	return &Person{WithWatch: c, Name: name, kubeconfig: path}, nil
}

// Sluice runs kubectl-sluice as the person and returns its exit code and all that it printed.
func (p *Person) Sluice(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	env := cli.Environment{
		Streams:   genericiooptions.IOStreams{In: &bytes.Buffer{}, Out: &out, ErrOut: &out},
		Terminal:  func() (int, int, bool) { return 0, 0, false },
		Now:       time.Now,
		NewID:     func() string { return string(uuid.NewUUID()) },
		NewClient: cli.ClusterClient,
	}
	args = append(args, "--kubeconfig", p.kubeconfig, "--cache-dir", t.TempDir())
	code := cli.Run(t.Context(), args, env)
	return code, out.String()
}
