package rollout

import (
	"context"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/trafficrouting"
	"github.com/sluicehq/sluice/trafficrouting/gatewayapi"
)

// +kubebuilder:rbac:groups=sluice.dev,resources=rollouts,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=sluice.dev,resources=rollouts/status,verbs=patch
// +kubebuilder:rbac:groups=sluice.dev,resources=rollouts/finalizers,verbs=update
// +kubebuilder:rbac:groups=sluice.dev,resources=analysisruns,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=sluice.dev,resources=analysistemplates;clusteranalysistemplates,verbs=get;list;watch
// +kubebuilder:rbac:groups=apps,resources=replicasets,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=services,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch
// +kubebuilder:rbac:groups=discovery.k8s.io,resources=endpointslices,verbs=get;list;watch
// +kubebuilder:rbac:groups=gateway.networking.k8s.io,resources=httproutes,verbs=get;list;watch;update
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// controllerName names the controller in logs, metrics and events.
const controllerName = "sluice-rollout"

// Options are the dependencies of the controller. The zero value is the real ones.
type Options struct {
	// Clock gives the time; nil means the machine's.
	Clock clock.PassiveClock
	// Router moves the traffic; nil means Gateway API.
	Router trafficrouting.Router
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
	if r.router == nil {
		r.router = gatewayapi.New(mgr.GetClient(), mgr.GetAPIReader())
	}
	if err := addIndexes(mgr); err != nil {
		return err
	}
	return r.watch(mgr, opts)
}

func addIndexes(mgr ctrl.Manager) error {
	for field, values := range map[string]func(*v1alpha1.CanaryStrategy) []string{
		indexServices: serviceNames, indexRoutes: routeNames, indexTemplates: templateNames,
	} {
		// An index outlives no manager, so that the context of the call does not matter.
		err := mgr.GetFieldIndexer().IndexField(context.Background(), &v1alpha1.Rollout{}, field, func(o client.Object) []string {
			ro, ok := o.(*v1alpha1.Rollout)
			if !ok || ro.Spec.Strategy.Canary == nil {
				return nil
			}
			return values(ro.Spec.Strategy.Canary)
		})
		if err != nil {
			return fmt.Errorf("index Rollouts by their %s: %w", field, err)
		}
	}
	return nil
}

func serviceNames(c *v1alpha1.CanaryStrategy) []string {
	return []string{c.StableService, c.CanaryService}
}

func routeNames(c *v1alpha1.CanaryStrategy) []string {
	var names []string
	for _, route := range c.TrafficRouting.GatewayAPI.HTTPRoutes {
		names = append(names, route.Name)
	}
	return names
}

func templateNames(c *v1alpha1.CanaryStrategy) []string {
	var names []string
	for _, step := range c.Steps {
		if step.Analysis == nil {
			continue
		}
		for _, ref := range step.Analysis.Templates {
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
	onService := r.enqueueBy(indexServices, func(o client.Object) string { return o.GetName() })
	onSlice := r.enqueueBy(indexServices, func(o client.Object) string { return o.GetLabels()[discoveryv1.LabelServiceName] })
	onRoute := handler.TypedEnqueueRequestsFromMapFunc(func(ctx context.Context, route *unstructured.Unstructured) []ctrl.Request {
		return r.requestsBy(ctx, indexRoutes, route.GetNamespace(), route.GetName())
	})
	onTemplate := r.enqueueBy(indexTemplates, func(o client.Object) string {
		_, cluster := o.(*v1alpha1.ClusterAnalysisTemplate)
		return templateKey(cluster, o.GetName())
	})
	built, err := ctrl.NewControllerManagedBy(mgr).
		Named(controllerName).
		For(&v1alpha1.Rollout{}).
		Owns(&appsv1.ReplicaSet{}).
		Owns(&v1alpha1.AnalysisRun{}).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(rolloutOfPod)).
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
	r.routes = &routeWatch{mapper: mgr.GetRESTMapper(), cache: mgr.GetCache(), controller: built, handler: onRoute}
	return r.routes.ensure()
}

// rolloutOfPod finds the Rollout by the name of the pod's ReplicaSet, which is the Rollout's and the hash.
func rolloutOfPod(_ context.Context, pod client.Object) []ctrl.Request {
	owner := metav1.GetControllerOfNoCopy(pod)
	hash := pod.GetLabels()[v1alpha1.LabelPodTemplateHash]
	if owner == nil || owner.Kind != replicaSetKind.Kind || hash == "" {
		return nil
	}
	name, ours := strings.CutSuffix(owner.Name, "-"+hash)
	if !ours {
		return nil
	}
	return []ctrl.Request{{NamespacedName: types.NamespacedName{Namespace: pod.GetNamespace(), Name: name}}}
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
