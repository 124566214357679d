package rollout

import (
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/sluicehq/sluice/trafficrouting/gatewayapi"
)

// routeWatch watches routes from the moment at which the cluster knows the kind. The controller starts without the
// Gateway API, its Rollouts say that it is missing, and it goes on when the API is installed.
type routeWatch struct {
	mapper     meta.RESTMapper
	cache      cache.Cache
	controller controller.Controller
	handler    handler.TypedEventHandler[*unstructured.Unstructured, ctrl.Request]

	mu      sync.Mutex
	started bool
}

// ensure begins to watch once it can. It asks memory alone when it has begun; until then it asks the API server, so that
// only Rollouts with routes call it.
func (w *routeWatch) ensure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.started {
		return nil
	}
	kind := gatewayapi.HTTPRoute
	_, err := w.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if meta.IsNoMatchError(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("ask whether the cluster serves %s: %w", kind.Kind, err)
	}
	if err := w.controller.Watch(source.Kind(w.cache, gatewayapi.NewRoute(), w.handler)); err != nil {
		return fmt.Errorf("watch %s: %w", kind.Kind, err)
	}
	w.started = true
	return nil
}
