// Package playing plays what a cluster has beside the API server and Sluice, for integration tests: kubelet, the
// controllers of Deployments, ReplicaSets and EndpointSlices, the garbage collector, and a gateway that accepts every
// route. It watches over what that gateway would serve meanwhile.
package playing

import (
	"context"
	"fmt"
	"slices"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/source"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// Stage plays all namespaces of an API server. It reads live and does one round of everything for one namespace at a
// time, so that it converges whatever the order of events.
type Stage struct {
	client client.Client
	// again has the namespaces that are to be played again though nothing changed in them.
	again chan event.GenericEvent

	mu sync.Mutex
	by map[string]*notes
}

// notes are what is remembered of a namespace.
type notes struct {
	silentGateway, slowCollector bool
	// served are the Services that had an endpoint once.
	served map[string]bool
	// unserved are the moments at which a share of the traffic met nobody.
	unserved []string
}

// Play plays until the context ends; the channel gives how that ended. The client must know the kinds of
// apiserver.Scheme, and reads without a cache.
func Play(ctx context.Context, config *rest.Config, direct client.Client) (*Stage, <-chan error, error) {
	s := &Stage{client: direct, again: make(chan event.GenericEvent), by: map[string]*notes{}}
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: direct.Scheme(), Metrics: server.Options{BindAddress: "0"}, HealthProbeBindAddress: "0",
	})
	if err != nil {
		return nil, nil, err
	}
	ofNamespace := handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []ctrl.Request {
		return []ctrl.Request{{NamespacedName: types.NamespacedName{Name: o.GetNamespace()}}}
	})
	err = ctrl.NewControllerManagedBy(mgr).Named("stage").
		Watches(&appsv1.Deployment{}, ofNamespace).
		Watches(&appsv1.ReplicaSet{}, ofNamespace).
		Watches(&corev1.Pod{}, ofNamespace).
		Watches(&corev1.Service{}, ofNamespace).
		Watches(&gatewayv1.HTTPRoute{}, ofNamespace).
		WatchesRawSource(source.Channel(s.again, ofNamespace)).
		Complete(s)
	if err != nil {
		return nil, nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	if !mgr.GetCache().WaitForCacheSync(ctx) {
		return nil, nil, fmt.Errorf("fill the cache: %w", ctx.Err())
	}
	return s, ended, nil
}

// Reconcile plays one round for a namespace, which is the name in the request. A race with somebody else is an error,
// after which it is tried again.
func (s *Stage) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	// Before anything is played nothing has been acknowledged that would let a controller go on meanwhile.
	for _, play := range []func(context.Context, string) error{
		s.watchOver, s.collectGarbage, s.playDeployments, s.playReplicaSets, s.playEndpoints, s.playGateway,
	} {
		if err := play(ctx, request.Name); err != nil {
			return ctrl.Result{}, fmt.Errorf("again: %w", err)
		}
	}
	return ctrl.Result{}, nil
}

// note reads and writes what is remembered of a namespace.
func (s *Stage) note(namespace string, do func(*notes)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by[namespace] == nil {
		s.by[namespace] = &notes{served: map[string]bool{}}
	}
	do(s.by[namespace])
}

// SilenceGateway lets the gateway of a namespace acknowledge nothing any more, or all again.
func (s *Stage) SilenceGateway(namespace string, silent bool) {
	s.note(namespace, func(n *notes) { n.silentGateway = silent })
	s.look(namespace)
}

// SlowGarbageCollector lets the garbage collector of a namespace do nothing any more, or all again.
func (s *Stage) SlowGarbageCollector(namespace string, slow bool) {
	s.note(namespace, func(n *notes) { n.slowCollector = slow })
	s.look(namespace)
}

// look has a namespace played again.
func (s *Stage) look(namespace string) {
	s.again <- event.GenericEvent{Object: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace}}}
}

// Unserved are the moments, as far as they were seen, at which a gateway of a namespace would have had nobody to send a
// request to: something that had endpoints, or that a release gave a share to, has none. Equal ones are named once.
func (s *Stage) Unserved(namespace string) (moments []string) {
	s.note(namespace, func(n *notes) { moments = slices.Compact(slices.Clone(n.unserved)) })
	return moments
}

// ForgetUnserved forgets what was not served until now.
func (s *Stage) ForgetUnserved(namespace string) {
	s.note(namespace, func(n *notes) { n.unserved = nil })
}
