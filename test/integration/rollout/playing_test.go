package rollout

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// The images of the pods say how they do.
const (
	imageCrashing = "app:crashing"
	imagePulling  = "app:not-there"
)

// player does, for one namespace at a time, what kubelet and the controllers of ReplicaSets, EndpointSlices and the
// gateway do. It reads live and does one round of everything, so that it converges whatever the order of events.
type player struct{ client client.Client }

// unserved are the moments at which a gateway would have had nobody to send a request to, by namespace.
var unserved = struct {
	mu   sync.Mutex
	what map[string][]string
}{what: map[string][]string{}}

// silentGateways are the namespaces in which no gateway acknowledges anything.
var silentGateways sync.Map

func startPlaying(ctx context.Context) (<-chan error, error) {
	mgr, err := ctrl.NewManager(cluster, ctrl.Options{
		Scheme: scheme, Metrics: server.Options{BindAddress: "0"}, HealthProbeBindAddress: "0",
	})
	if err != nil {
		return nil, err
	}
	ofNamespace := handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []ctrl.Request {
		return []ctrl.Request{{NamespacedName: types.NamespacedName{Name: o.GetNamespace()}}}
	})
	err = ctrl.NewControllerManagedBy(mgr).Named("player").
		Watches(&appsv1.ReplicaSet{}, ofNamespace).
		Watches(&corev1.Pod{}, ofNamespace).
		Watches(&corev1.Service{}, ofNamespace).
		Watches(&gatewayv1.HTTPRoute{}, ofNamespace).
		Complete(&player{client: direct})
	if err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	if !mgr.GetCache().WaitForCacheSync(ctx) {
		return nil, fmt.Errorf("fill the cache: %w", ctx.Err())
	}
	return ended, nil
}

func (p *player) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	namespace := client.InNamespace(request.Name)
	if err := p.watchOver(ctx, request.Name); err != nil {
		return ctrl.Result{}, err
	}
	var sets appsv1.ReplicaSetList
	if err := p.client.List(ctx, &sets, namespace); err != nil {
		return ctrl.Result{}, err
	}
	for i := range sets.Items {
		if err := p.playReplicaSet(ctx, &sets.Items[i]); err != nil {
			return ctrl.Result{}, ignoreRaces(err)
		}
	}
	var services corev1.ServiceList
	if err := p.client.List(ctx, &services, namespace); err != nil {
		return ctrl.Result{}, err
	}
	for i := range services.Items {
		if err := p.playEndpoints(ctx, &services.Items[i]); err != nil {
			return ctrl.Result{}, ignoreRaces(err)
		}
	}
	return ctrl.Result{}, ignoreRaces(p.playGateway(ctx, request.Name))
}

// ignoreRaces drops errors that another round mends.
func ignoreRaces(err error) error {
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) || apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("again: %w", err)
	}
	return err
}

func (p *player) playReplicaSet(ctx context.Context, set *appsv1.ReplicaSet) error {
	pods, err := p.podsOf(ctx, set)
	if err != nil {
		return err
	}
	want := int(*set.Spec.Replicas)
	for i := len(pods); i < want; i++ {
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				GenerateName: set.Name + "-", Namespace: set.Namespace, Labels: set.Spec.Template.Labels,
				OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(set, appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))},
			},
			Spec: set.Spec.Template.Spec,
		}
		if err := p.client.Create(ctx, pod); err != nil {
			return err
		}
		pods = append(pods, pod)
	}
	for i := want; i < len(pods); i++ {
		if err := p.client.Delete(ctx, pods[i], client.GracePeriodSeconds(0)); err != nil {
			return err
		}
	}
	pods = pods[:min(want, len(pods))]
	var ready int32
	for _, pod := range pods {
		works, err := p.playKubelet(ctx, pod)
		if err != nil {
			return err
		}
		if works {
			ready++
		}
	}
	status := appsv1.ReplicaSetStatus{
		Replicas: int32(len(pods)), ReadyReplicas: ready, AvailableReplicas: ready, FullyLabeledReplicas: int32(len(pods)),
		ObservedGeneration: set.Generation,
	}
	if set.Status.Replicas == status.Replicas && set.Status.AvailableReplicas == ready && set.Status.ObservedGeneration == set.Generation {
		return nil
	}
	set.Status = status
	return p.client.Status().Update(ctx, set)
}

func (p *player) podsOf(ctx context.Context, set *appsv1.ReplicaSet) ([]*corev1.Pod, error) {
	var list corev1.PodList
	if err := p.client.List(ctx, &list, client.InNamespace(set.Namespace), client.MatchingLabels(set.Spec.Selector.MatchLabels)); err != nil {
		return nil, err
	}
	var pods []*corev1.Pod
	for i := range list.Items {
		if metav1.IsControlledBy(&list.Items[i], set) && list.Items[i].DeletionTimestamp == nil {
			pods = append(pods, &list.Items[i])
		}
	}
	slices.SortFunc(pods, func(a, b *corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	return pods, nil
}

// playKubelet says whether the pod is ready.
func (p *player) playKubelet(ctx context.Context, pod *corev1.Pod) (bool, error) {
	image := pod.Spec.Containers[0].Image
	container := corev1.ContainerStatus{Name: pod.Spec.Containers[0].Name, Image: image}
	ready := corev1.ConditionFalse
	switch image {
	case imageCrashing:
		container.RestartCount = 3
		container.State.Waiting = &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}
		container.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 7}
	case imagePulling:
		container.State.Waiting = &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "no such image"}
	default:
		container.Ready, container.State.Running = true, &corev1.ContainerStateRunning{}
		ready = corev1.ConditionTrue
	}
	if len(pod.Status.ContainerStatuses) > 0 {
		return ready == corev1.ConditionTrue, nil
	}
	pod.Status.Phase = corev1.PodRunning
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{container}
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}}
	return ready == corev1.ConditionTrue, p.client.Status().Update(ctx, pod)
}

func (p *player) playEndpoints(ctx context.Context, service *corev1.Service) error {
	var pods corev1.PodList
	selector := labels.SelectorFromSet(service.Spec.Selector)
	if len(service.Spec.Selector) == 0 {
		return nil
	}
	if err := p.client.List(ctx, &pods, client.InNamespace(service.Namespace), client.MatchingLabelsSelector{Selector: selector}); err != nil {
		return err
	}
	var endpoints []discoveryv1.Endpoint
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp == nil && slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		}) {
			endpoints = append(endpoints, discoveryv1.Endpoint{
				Addresses:  []string{"10.0.0.1"},
				Conditions: discoveryv1.EndpointConditions{Ready: new(true)},
				TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name},
			})
		}
	}
	slice := &discoveryv1.EndpointSlice{}
	err := p.client.Get(ctx, client.ObjectKeyFromObject(service), slice)
	if apierrors.IsNotFound(err) {
		return p.client.Create(ctx, &discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: service.Namespace, Name: service.Name, Labels: map[string]string{discoveryv1.LabelServiceName: service.Name},
			},
			AddressType: discoveryv1.AddressTypeIPv4, Endpoints: endpoints,
		})
	}
	if err != nil || slices.EqualFunc(slice.Endpoints, endpoints, func(a, b discoveryv1.Endpoint) bool {
		return a.TargetRef.Name == b.TargetRef.Name
	}) {
		return err
	}
	slice.Endpoints = endpoints
	return p.client.Update(ctx, slice)
}

// playGateway accepts every route as it is.
func (p *player) playGateway(ctx context.Context, namespace string) error {
	if _, silent := silentGateways.Load(namespace); silent {
		return nil
	}
	var routes gatewayv1.HTTPRouteList
	if err := p.client.List(ctx, &routes, client.InNamespace(namespace)); err != nil {
		return err
	}
	for i := range routes.Items {
		route := &routes.Items[i]
		parents := route.Status.Parents
		if len(parents) == 1 && parents[0].Conditions[0].ObservedGeneration == route.Generation {
			continue
		}
		now := metav1.NewTime(time.Now())
		accepted := metav1.Condition{
			Type: "Accepted", Status: metav1.ConditionTrue, Reason: "Accepted", ObservedGeneration: route.Generation, LastTransitionTime: now,
		}
		resolved := accepted
		resolved.Type, resolved.Reason = "ResolvedRefs", "ResolvedRefs"
		route.Status.Parents = []gatewayv1.RouteParentStatus{{
			ParentRef: route.Spec.ParentRefs[0], ControllerName: "test.dev/gateway", Conditions: []metav1.Condition{accepted, resolved},
		}}
		if err := p.client.Status().Update(ctx, route); err != nil {
			return err
		}
	}
	return nil
}

// watchOver looks for a share of the traffic with nobody to serve it. It runs before anything is played, so that
// nothing has been acknowledged that would let the controller go on meanwhile.
func (p *player) watchOver(ctx context.Context, namespace string) error {
	var routes gatewayv1.HTTPRouteList
	if err := p.client.List(ctx, &routes, client.InNamespace(namespace)); err != nil {
		return err
	}
	if len(routes.Items) == 0 {
		err := p.client.Get(ctx, types.NamespacedName{Namespace: namespace, Name: "web"}, &corev1.Service{})
		if err != nil {
			return client.IgnoreNotFound(err)
		}
		return p.watchOverBackend(ctx, namespace, "web")
	}
	for _, route := range routes.Items {
		for _, rule := range route.Spec.Rules {
			for _, backend := range rule.BackendRefs {
				if backend.Weight != nil && *backend.Weight == 0 {
					continue
				}
				if err := p.watchOverBackend(ctx, namespace, string(backend.Name)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (p *player) watchOverBackend(ctx context.Context, namespace, service string) error {
	var sets appsv1.ReplicaSetList
	if err := p.client.List(ctx, &sets, client.InNamespace(namespace)); err != nil {
		return err
	}
	if !slices.ContainsFunc(sets.Items, func(s appsv1.ReplicaSet) bool { return s.Annotations["sluice.dev/role"] == "stable" }) {
		return nil // before the first revision nobody serves
	}
	slice := &discoveryv1.EndpointSlice{}
	err := p.client.Get(ctx, types.NamespacedName{Namespace: namespace, Name: service}, slice)
	if client.IgnoreNotFound(err) != nil {
		return err
	}
	if len(slice.Endpoints) == 0 {
		unserved.mu.Lock()
		defer unserved.mu.Unlock()
		unserved.what[namespace] = append(unserved.what[namespace], "Service "+service+" has a share of the traffic and no endpoint")
	}
	return nil
}
