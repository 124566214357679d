package rollout

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/trafficrouting"
	"github.com/sluicehq/sluice/trafficrouting/gatewayapi"
)

// routeWatch watches the kinds of routes that Rollouts name, and the grants between namespaces, each from the moment at
// which the cluster knows the kind. The controller starts without the Gateway API, its Rollouts say that it is missing,
// and it goes on when the API is installed.
type routeWatch struct {
	kinds      *gatewayapi.Kinds
	cache      cache.Cache
	controller controller.Controller
	onRoute    handler.TypedEventHandler[*unstructured.Unstructured, ctrl.Request]
	onGrant    handler.TypedEventHandler[*unstructured.Unstructured, ctrl.Request]

	mu      sync.Mutex
	started map[schema.GroupVersionKind]bool
}

// ensure begins to watch the kinds that can be watched.
func (w *routeWatch) ensure(kinds []string) error {
	for _, kind := range kinds {
		served, ok, err := w.kinds.Served(kind)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		on := w.onRoute
		if kind == gatewayapi.KindReferenceGrant {
			on = w.onGrant
		}
		if err := w.begin(served, on); err != nil {
			return err
		}
	}
	return nil
}

func (w *routeWatch) begin(
	kind schema.GroupVersionKind, on handler.TypedEventHandler[*unstructured.Unstructured, ctrl.Request],
) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.started[kind] {
		return nil
	}
	if err := w.controller.Watch(source.Kind(w.cache, gatewayapi.NewRoute(kind), on)); err != nil {
		return fmt.Errorf("watch %s: %w", kind.Kind, err)
	}
	w.started[kind] = true
	return nil
}

// The values of indexRoutes: routes that are named, what a selector looks among, and namespaces in which grants count.
func routeKey(ref trafficrouting.RouteRef) string {
	return ref.Kind + "/" + ref.Namespace + "/" + ref.Name
}

func selectedKey(kind, namespace string) string { return kind + "/" + namespace + "/*" }

func grantsKey(namespace string) string { return gatewayapi.KindReferenceGrant + "/" + namespace }

// routesOf are what a Rollout has to be looked at again for when it changes: the routes that it names or has changed,
// the namespaces in which it selects some, and those whose grants it needs.
func routesOf(o client.Object) []string {
	var keys []string
	add := func(more ...string) {
		for _, key := range more {
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	eachDrives(o, func(d v1alpha1.ReleaseDrives) {
		ro := o.(*v1alpha1.Rollout)
		in := func(namespace string) {
			if namespace != ro.Namespace {
				add(grantsKey(ro.Namespace), grantsKey(namespace))
			}
		}
		for _, ref := range targetOf(ro, d).Routes {
			add(routeKey(ref))
			in(ref.Namespace)
		}
		for _, s := range selectorsOf(ro.Namespace, d) {
			add(selectedKey(s.Kind, s.Namespace))
			in(s.Namespace)
		}
	})
	return keys
}

// routeKindsOf are the kinds that have to be watched for a Rollout.
func routeKindsOf(ro *v1alpha1.Rollout) []string {
	var kinds []string
	eachDrives(ro, func(d v1alpha1.ReleaseDrives) {
		add := func(kind, namespace string) {
			kinds = append(kinds, kind)
			if namespace != ro.Namespace {
				kinds = append(kinds, gatewayapi.KindReferenceGrant)
			}
		}
		for _, ref := range targetOf(ro, d).Routes {
			add(ref.Kind, ref.Namespace)
		}
		for _, s := range selectorsOf(ro.Namespace, d) {
			add(s.Kind, s.Namespace)
		}
	})
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// rolloutsOfRoute are the Rollouts that a change of a route concerns: those that name it or have changed it, and those
// that select it. A route that loses its labels concerns those that selected it until then.
func (r *Reconciler) rolloutsOfRoute(ctx context.Context, route *unstructured.Unstructured) []ctrl.Request {
	ref := trafficrouting.RouteRef{Kind: route.GetKind(), Namespace: route.GetNamespace(), Name: route.GetName()}
	requests := r.requestsBy(ctx, indexRoutes, "", routeKey(ref))
	found, err := r.rolloutsBy(ctx, indexRoutes, "", selectedKey(ref.Kind, ref.Namespace))
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Could not find the Rollouts that select a route", "route", ref.String())
		return requests
	}
	for i := range found {
		if selects(&found[i], ref, route.GetLabels()) {
			requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&found[i])})
		}
	}
	return requests
}

func selects(ro *v1alpha1.Rollout, ref trafficrouting.RouteRef, labels map[string]string) bool {
	found := false
	eachDrives(ro, func(d v1alpha1.ReleaseDrives) {
		found = found || slices.ContainsFunc(selectorsOf(ro.Namespace, d), func(s trafficrouting.RouteSelector) bool {
			return s.Matches(ref, labels)
		})
	})
	return found
}

// rolloutsOfGrant are the Rollouts that a change of a ReferenceGrant may concern.
func (r *Reconciler) rolloutsOfGrant(ctx context.Context, grant *unstructured.Unstructured) []ctrl.Request {
	return r.requestsBy(ctx, indexRoutes, "", grantsKey(grant.GetNamespace()))
}
