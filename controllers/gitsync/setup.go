package gitsync

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/gitsync/fetch"
	"github.com/sluicehq/sluice/gitsync/render"
)

// name of the controller, in logs, metrics and events.
const name = "gitsync"

const (
	// defaultConcurrency is how many GitSyncs are worked on at a time. A reconcile waits for nothing but API requests.
	defaultConcurrency = 8
	// maxResults is how many rendered folders are kept in memory.
	maxResults = 1000
	// eventBuffer holds wake-ups between their sources and the queue, which drops doubles.
	eventBuffer = 1024
)

// Options are the choices of the controller.
type Options struct {
	// CacheDir is where the clones of repositories are kept. It is required, and is used by this process alone.
	CacheDir string
	// DefaultServiceAccount is used by GitSyncs that name none; empty means that each must name one.
	DefaultServiceAccount string
	// Concurrency is how many GitSyncs are worked on at a time; 0 means 8.
	Concurrency int
	// Clock tells the time; nil means the machine's.
	Clock clock.PassiveClock
}

// +kubebuilder:rbac:groups=sluice.dev,resources=gitsyncs,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=sluice.dev,resources=gitsyncs/status,verbs=get;patch
// +kubebuilder:rbac:groups=sluice.dev,resources=gitsyncs/finalizers,verbs=update
// +kubebuilder:rbac:groups=sluice.dev,resources=rollouts,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;create;update;delete
// +kubebuilder:rbac:groups="",resources=serviceaccounts,verbs=get
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Setup adds the controller to a manager. The error names the option or the part that failed.
func Setup(mgr ctrl.Manager, opts Options) error {
	if opts.CacheDir == "" {
		return fmt.Errorf("controller %s: %w", name, errors.New("Options.CacheDir is required"))
	}
	if opts.Clock == nil {
		opts.Clock = clock.RealClock{}
	}
	if opts.Concurrency == 0 {
		opts.Concurrency = defaultConcurrency
	}
	counts, err := newCounters(metrics.Registry)
	if err != nil {
		return fmt.Errorf("controller %s: registering metrics: %w", name, err)
	}
	repositories, err := fetch.Open(fetch.Options{Dir: opts.CacheDir, Now: opts.Clock.Now})
	if err != nil {
		return fmt.Errorf("controller %s: %w", name, err)
	}
	wake := make(chan event.TypedGenericEvent[types.NamespacedName], eventBuffer)
	accounts := newAccounts(mgr.GetConfig(), mgr.GetRESTMapper())
	r := &Reconciler{
		client:   mgr.GetClient(),
		live:     mgr.GetAPIReader(),
		mapper:   mgr.GetRESTMapper(),
		recorder: mgr.GetEventRecorder(v1alpha1.ManagerController),
		accounts: accounts,
		looker:   newLooker(repositories, render.NewCache(maxResults, render.Limits{}), accounts, opts.Clock, wake, counts),
		watches:  newWatches(accounts, opts.Clock, wake),
		memories: newMemories(),
		clock:    opts.Clock,
		counts:   counts,
		account:  opts.DefaultServiceAccount,
	}
	// An index outlives no manager, so that the context of the call does not matter.
	if err := mgr.GetFieldIndexer().IndexField(context.Background(), &v1alpha1.Rollout{}, indexRoutesIn, routesIn); err != nil {
		return fmt.Errorf("controller %s: index Rollouts by the namespaces of their routes: %w", name, err)
	}
	for _, part := range []interface{ add(ctrl.Manager) error }{r.looker, r.watches} {
		if err := part.add(mgr); err != nil {
			return fmt.Errorf("controller %s: %w", name, err)
		}
	}
	// Status is ours alone: its changes need no look. Annotations ask for syncs and approve prunes.
	changed := predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{})
	return ctrl.NewControllerManagedBy(mgr).Named(name).
		For(&v1alpha1.GitSync{}, builder.WithPredicates(changed)).
		WatchesRawSource(source.TypedChannel(wake, handler.TypedEnqueueRequestsFromMapFunc(requestOf))).
		WithOptions(controller.Options{MaxConcurrentReconciles: opts.Concurrency}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r))
}
