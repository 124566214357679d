package rollout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
	"github.com/sluicehq/sluice/trafficrouting"
	"github.com/sluicehq/sluice/trafficrouting/gatewayapi"
)

// +kubebuilder:rbac:groups=sluice.dev,resources=rollouts,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=sluice.dev,resources=rollouts/status,verbs=patch
// +kubebuilder:rbac:groups=sluice.dev,resources=rollouts/finalizers,verbs=update
// +kubebuilder:rbac:groups=sluice.dev,resources=analysisruns,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=sluice.dev,resources=analysistemplates;clusteranalysistemplates,verbs=get;list;watch
// +kubebuilder:rbac:groups=apps,resources=replicasets,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=services,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups="",resources=pods/eviction,verbs=create
// +kubebuilder:rbac:groups=discovery.k8s.io,resources=endpointslices,verbs=get;list;watch
// +kubebuilder:rbac:groups=gateway.networking.k8s.io,resources=httproutes;grpcroutes;tcproutes;tlsroutes,verbs=get;list;watch;update
// +kubebuilder:rbac:groups=gateway.networking.k8s.io,resources=gateways;referencegrants;backendtlspolicies,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// controllerName names the controller in logs, metrics and events.
const controllerName = "sluice-rollout"

// Options are the dependencies of the controller. The zero value is the real ones.
type Options struct {
	// Clock gives the time; nil means the machine's.
	Clock clock.PassiveClock
	// Router moves the traffic; nil means Gateway API.
	Router trafficrouting.Router
	// Namespaces are those that the controller serves; none means all.
	Namespaces []string
	// Concurrency is how many Rollouts are worked on at a time; 0 means the manager's setting.
	Concurrency int
	// SkipNameValidation lets a process run the controller more than once, as tests do.
	SkipNameValidation bool
}

// The fields by which Rollouts are found in the cache.
const (
	indexServices  = "services"
	indexRoutes    = "routes"
	indexTemplates = "analysisTemplates"
)

// Setup adds the controller to the manager. The manager's scheme must know the core, apps, discovery and sluice.dev
// kinds. Its cache should be made with CacheByObject and CacheTransform: a cache that drops managed fields of routes
// makes routes look at rest that are not.
func Setup(mgr ctrl.Manager, opts Options) error {
	meters, err := newMeters(metrics.Registry)
	if err != nil {
		return err
	}
	r := &Reconciler{
		client: mgr.GetClient(), cached: mgr.GetCache(), live: mgr.GetAPIReader(),
		router: opts.Router, recorder: mgr.GetEventRecorder(controllerName), clock: opts.Clock,
		metrics: meters, memory: newMemory(),
	}
	if r.clock == nil {
		r.clock = clock.RealClock{}
	}
	r.kinds = gatewayapi.NewKinds(mgr.GetRESTMapper(), r.clock)
	if r.router == nil {
		r.router = gatewayapi.New(gatewayapi.Options{
			Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Kinds: r.kinds, Namespaces: opts.Namespaces,
		})
	}
	if err := addIndexes(mgr); err != nil {
		return err
	}
	return r.watch(mgr, opts)
}

func addIndexes(mgr ctrl.Manager) error {
	index := func(object client.Object, field string, values client.IndexerFunc) error {
		// An index outlives no manager, so that the context of the call does not matter.
		if err := mgr.GetFieldIndexer().IndexField(context.Background(), object, field, values); err != nil {
			return fmt.Errorf("index %T by %s: %w", object, field, err)
		}
		return nil
	}
	ofStrategy := func(values func(v1alpha1.RolloutStrategy) []string) client.IndexerFunc {
		return func(o client.Object) []string {
			if ro, ok := o.(*v1alpha1.Rollout); ok {
				return values(ro.Spec.Strategy)
			}
			return nil
		}
	}
	return errors.Join(
		index(&v1alpha1.Rollout{}, indexServices, servicesOf),
		index(&v1alpha1.Rollout{}, indexRoutes, routesOf),
		index(&v1alpha1.Rollout{}, indexTemplates, ofStrategy(templateNames)),
		index(&v1alpha1.Rollout{}, indexWorkloads, workloadOf),
		index(&v1alpha1.Rollout{}, indexAdopts, adoptedBy),
		index(&v1alpha1.Rollout{}, indexPodLabels, podLabelsOf),
		index(&v1alpha1.Rollout{}, indexSelector, anchorOf),
		index(&appsv1.ReplicaSet{}, indexController, controllerOf),
		index(&corev1.Pod{}, indexController, controllerOf),
		index(&corev1.Service{}, indexController, controllerOf),
		index(&v1alpha1.AnalysisRun{}, indexController, controllerOf),
		index(&discoveryv1.EndpointSlice{}, indexService, serviceOf),
	)
}

// servicesOf are the Services that a Rollout names, or that a release of it still drives.
func servicesOf(o client.Object) []string {
	var names []string
	eachDrives(o, func(d v1alpha1.ReleaseDrives) {
		for _, name := range []string{d.StableService, d.CanaryService} {
			if name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	})
	return names
}

func eachDrives(o client.Object, do func(v1alpha1.ReleaseDrives)) {
	ro, ok := o.(*v1alpha1.Rollout)
	if !ok {
		return
	}
	do(wanted.Drives(ro.Spec.Strategy))
	if begun, ok := recordedDrives(ro.Status); ok {
		do(begun)
	}
}

func templateNames(strategy v1alpha1.RolloutStrategy) []string {
	var names []string
	for _, at := range strategy.Analyses() {
		for _, ref := range at.Analysis.Templates {
			names = append(names, templateKey(ref.ClusterScope, ref.TemplateName))
		}
	}
	return names
}

func templateKey(cluster bool, name string) string {
	if cluster {
		return "cluster/" + name
	}
	return "namespace/" + name
}

func (r *Reconciler) watch(mgr ctrl.Manager, opts Options) error {
	onOwned := handler.EnqueueRequestsFromMapFunc(rolloutOf)
	onService := r.enqueueBy(indexServices, func(o client.Object) string { return o.GetName() })
	onSlice := r.enqueueBy(indexServices, func(o client.Object) string { return o.GetLabels()[discoveryv1.LabelServiceName] })
	onTemplate := r.enqueueBy(indexTemplates, func(o client.Object) string {
		_, cluster := o.(*v1alpha1.ClusterAnalysisTemplate)
		return templateKey(cluster, o.GetName())
	})
	built, err := ctrl.NewControllerManagedBy(mgr).
		Named(controllerName).
		For(&v1alpha1.Rollout{}).
		Watches(&appsv1.ReplicaSet{}, onOwned, builder.WithPredicates(setChanged())).
		Watches(&v1alpha1.AnalysisRun{}, onOwned).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(r.rolloutOfPod), builder.WithPredicates(podChanged())).
		Watches(&corev1.Service{}, onService).
		Watches(&discoveryv1.EndpointSlice{}, onSlice).
		Watches(&v1alpha1.AnalysisTemplate{}, onTemplate).
		Watches(&v1alpha1.ClusterAnalysisTemplate{}, onTemplate).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: opts.Concurrency, SkipNameValidation: new(opts.SkipNameValidation),
		}).
		Build(r)
	if err != nil {
		return fmt.Errorf("add the controller of Rollouts: %w", err)
	}
	r.routes = &routeWatch{
		kinds: r.kinds, cache: mgr.GetCache(), controller: built, started: map[schema.GroupVersionKind]bool{},
		onRoute: handler.TypedEnqueueRequestsFromMapFunc(r.rolloutsOfRoute),
		onGrant: handler.TypedEnqueueRequestsFromMapFunc(r.rolloutsOfGrant),
	}
	r.deployments = r.newDeploymentWatch(mgr, built)
	return nil
}

// rolloutOf is the Rollout that controls an object. It does what Owns of the builder would do, without asking at each
// event which kinds there are.
func rolloutOf(_ context.Context, object client.Object) []ctrl.Request {
	owner := metav1.GetControllerOfNoCopy(object)
	if owner == nil || owner.Kind != rolloutKind.Kind || !strings.HasPrefix(owner.APIVersion, v1alpha1.GroupName+"/") {
		return nil
	}
	return []ctrl.Request{{NamespacedName: types.NamespacedName{Namespace: object.GetNamespace(), Name: owner.Name}}}
}

// rolloutOfPod finds the Rollout by the pod's ReplicaSet. The pods of a ReplicaSet that is gone concern nobody.
func (r *Reconciler) rolloutOfPod(ctx context.Context, pod client.Object) []ctrl.Request {
	owner := metav1.GetControllerOfNoCopy(pod)
	if owner == nil || owner.Kind != replicaSetKind.Kind {
		return nil
	}
	set := &appsv1.ReplicaSet{}
	name := types.NamespacedName{Namespace: pod.GetNamespace(), Name: owner.Name}
	if err := r.cached.Get(ctx, name, set, client.UnsafeDisableDeepCopy); err != nil {
		return nil
	}
	return rolloutOf(ctx, set)
}

// setChanged lets an update of a ReplicaSet through when its controller has seen what is asked of it: until then nothing is
// decided on it, and that it has seen it is an update too. One on its way out is always let through.
func setChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		set, ok := e.ObjectNew.(*appsv1.ReplicaSet)
		return !ok || set.DeletionTimestamp != nil || set.Status.ObservedGeneration >= set.Generation
	}}
}

// podChanged lets through what changes a decision: most updates of a pod do not.
func podChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		was, ok := e.ObjectOld.(*corev1.Pod)
		is, okNew := e.ObjectNew.(*corev1.Pod)
		if !ok || !okNew {
			return true
		}
		return (was.DeletionTimestamp == nil) != (is.DeletionTimestamp == nil) ||
			!maps.Equal(was.Labels, is.Labels) || !equality.Semantic.DeepEqual(was.Status, is.Status)
	}}
}

// enqueueBy enqueues the Rollouts that name an object. An object without a namespace concerns all of them.
func (r *Reconciler) enqueueBy(field string, value func(client.Object) string) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []ctrl.Request {
		return r.requestsBy(ctx, field, o.GetNamespace(), value(o))
	})
}

func (r *Reconciler) requestsBy(ctx context.Context, field, namespace, value string) []ctrl.Request {
	found, err := r.rolloutsBy(ctx, field, namespace, value)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Could not find the Rollouts that name an object", "field", field, "value", value)
		return nil
	}
	requests := make([]ctrl.Request, len(found))
	for i := range found {
		requests[i] = ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&found[i])}
	}
	return requests
}

// rolloutsBy lists the Rollouts that name something, in one namespace or, with "", in all.
func (r *Reconciler) rolloutsBy(ctx context.Context, field, namespace, value string) ([]v1alpha1.Rollout, error) {
	var list v1alpha1.RolloutList
	err := r.cached.List(ctx, &list, client.InNamespace(namespace), client.MatchingFields{field: value}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("list Rollouts by %s: %w", field, err)
	}
	return list.Items, nil
}
