// Package worlds is what tests of the controller of Rollouts work with on a real API server: a cluster that is played, and
// in it a namespace for each test with a controller of its own.
package worlds

import (
	"context"
	"errors"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/sluicehq/sluice/controllers/rollout"
	"github.com/sluicehq/sluice/test/integration/apiserver"
	"github.com/sluicehq/sluice/test/integration/playing"
)

// Cluster is an API server, and what else a cluster has.
type Cluster struct {
	*apiserver.Server
	*playing.Stage
	// Controller has the rights of config/rbac and no others.
	Controller *rest.Config
}

// Play makes a cluster of a server until the context ends; the channel gives how that ended.
func Play(ctx context.Context, server *apiserver.Server) (*Cluster, <-chan error, error) {
	controller, err := server.AsController(ctx)
	if err != nil {
		return nil, nil, err
	}
	stage, ended, err := playing.Play(ctx, server.Config, server.Admin)
	if err != nil {
		return nil, nil, err
	}
	return &Cluster{Server: server, Stage: stage, Controller: controller}, ended, nil
}

// Main is what the TestMain of a package does that plays a cluster: use gets the cluster before the tests run, and finish,
// which may be nil, is called when the stage is empty.
func Main(m *testing.M, use func(*Cluster), finish func() error) {
	// Most of the time is waited.
	apiserver.Main(m, apiserver.Options{Parallel: 6}, func(ctx context.Context, server *apiserver.Server) (func() error, error) {
		cluster, ended, err := Play(ctx, server)
		if err != nil {
			return nil, err
		}
		use(cluster)
		return func() error {
			if finish == nil {
				return <-ended
			}
			return errors.Join(<-ended, finish())
		}, nil
	})
}

// StartController starts the controller of Rollouts for one namespace, with others beside it in the same process. The
// scheme is apiserver.Scheme's. What it returns ends the process and waits for that.
func StartController(
	t *testing.T, as *rest.Config, scheme *runtime.Scheme, namespace string, others ...func(ctrl.Manager) error,
) (stop func()) {
	t.Helper()
	mgr, err := ctrl.NewManager(as, ctrl.Options{
		Scheme: scheme, Metrics: server.Options{BindAddress: "0"}, HealthProbeBindAddress: "0",
		Controller: config.Controller{SkipNameValidation: new(true)},
		Cache: cache.Options{
			DefaultNamespaces: map[string]cache.Config{namespace: {}},
			ByObject:          rollout.CacheByObject(), DefaultTransform: rollout.CacheTransform,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := rollout.Setup(mgr, rollout.Options{SkipNameValidation: true}); err != nil {
		t.Fatal(err)
	}
	for _, setup := range others {
		if err := setup(mgr); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the controller ended with: %v", err)
		}
	})
}
