package gitsync_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"

	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/sluicehq/sluice/controllers/gitsync"
)

// process is a controller that can be stopped and started again, with the same folder for clones.
type process struct {
	ctx    context.Context //nolint:containedctx // It is that of the whole run of tests.
	config *rest.Config
	dir    string

	cancel context.CancelFunc
	ended  chan error
}

func (p *process) start() error {
	ctx, cancel := context.WithCancel(p.ctx)
	manager, err := ctrl.NewManager(p.config, ctrl.Options{
		Scheme: scheme, Metrics: server.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: new(true)},
	})
	if err != nil {
		cancel()
		return err
	}
	if err := gitsync.Setup(manager, gitsync.Options{CacheDir: p.dir}); err != nil {
		cancel()
		return err
	}
	p.cancel, p.ended = cancel, make(chan error, 1)
	go func() { p.ended <- manager.Start(ctx) }()
	return nil
}

// stop ends the controller and returns its error.
func (p *process) stop() error {
	p.cancel()
	return <-p.ended
}

// recorder notes the requests that the controller makes of the API server, those that watch and discover left out.
type recorder struct {
	mu   sync.Mutex
	seen []string
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (r *recorder) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		discovery := strings.Count(request.URL.Path, "/") <= 3
		if request.URL.Query().Get("watch") == "" && !discovery {
			r.mu.Lock()
			r.seen = append(r.seen, request.Method+" "+request.URL.Path)
			r.mu.Unlock()
		}
		return next.RoundTrip(request)
	})
}

// since returns the requests after the first n, without those about events and leases.
func (r *recorder) since(n int) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.seen[n:]), func(s string) bool { return strings.Contains(s, "/events") })
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen)
}
