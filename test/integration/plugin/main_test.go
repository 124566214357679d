package plugin

import (
	"context"
	"errors"
	"os"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/test/integration/apiserver"
	"github.com/sluicehq/sluice/test/integration/people"
	"github.com/sluicehq/sluice/test/integration/playing"
)

var (
	// server is the API server that all tests of the package share; each test has a namespace of its own.
	server *apiserver.Server
	admin  client.Client
	// alice may do everything.
	alice *people.Person
)

func TestMain(m *testing.M) {
	apiserver.Main(m, apiserver.Options{}, func(ctx context.Context, started *apiserver.Server) (func() error, error) {
		server, admin = started, started.Admin
		_, ended, err := playing.Play(ctx, server.Config, admin)
		if err != nil {
			return nil, err
		}
		folder, err := os.MkdirTemp("", "alice-*")
		if err != nil {
			return nil, err
		}
		alice, err = people.New(server, folder, "alice", "system:masters")
		return func() error { return errors.Join(<-ended, os.RemoveAll(folder)) }, err
	})
}

// namespace makes a namespace for a test.
func namespace(t *testing.T) string {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "plugin-"}}
	NewWithT(t).Expect(admin.Create(t.Context(), ns)).To(Succeed())
	return ns.Name
}
