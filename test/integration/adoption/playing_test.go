package adoption

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
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

// imageStuck is an image whose pods never become ready.
const imageStuck = "app:stuck"

// player does, for one namespace at a time, what the controllers of Kubernetes and a gateway do. It reads live and does
// one round of everything, so that it converges whatever the order of events.
type player struct{ client client.Client }

// notes are what went wrong, and what went, by namespace.
var notes = struct {
	mu sync.Mutex
	// unserved are Services that had ready endpoints and lost them all.
	unserved map[string][]string
	served   map[string]bool
	// slow are the namespaces in which the garbage collector does nothing.
	slow map[string]bool
}{unserved: map[string][]string{}, served: map[string]bool{}, slow: map[string]bool{}}

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
		Watches(&appsv1.Deployment{}, ofNamespace).
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
	for _, play := range []func(context.Context, string) error{
		p.playGarbageCollector, p.playDeployments, p.playReplicaSets, p.playEndpoints, p.playGateway,
	} {
		if err := play(ctx, request.Name); err != nil {
			return ctrl.Result{}, fmt.Errorf("again: %w", err)
		}
	}
	return ctrl.Result{}, nil
}

// playGarbageCollector lets go of what a deletion with Orphan leaves, and deletes what no owner has any more.
func (p *player) playGarbageCollector(ctx context.Context, namespace string) error {
	notes.mu.Lock()
	slow := notes.slow[namespace]
	notes.mu.Unlock()
	if slow {
		return nil
	}
	var deployments appsv1.DeploymentList
	var sets appsv1.ReplicaSetList
	var pods corev1.PodList
	for _, list := range []client.ObjectList{&deployments, &sets, &pods} {
		if err := p.client.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return err
		}
	}
	owners := map[types.UID]bool{}
	for i := range deployments.Items {
		owners[deployments.Items[i].UID] = true
		if err := p.orphan(ctx, &deployments.Items[i], sets.Items); err != nil {
			return err
		}
	}
	for i := range sets.Items {
		set := &sets.Items[i]
		owners[set.UID] = true
		if owner := metav1.GetControllerOf(set); owner != nil && owner.Kind == "Deployment" && !owners[owner.UID] {
			if err := client.IgnoreNotFound(p.client.Delete(ctx, set)); err != nil {
				return err
			}
		}
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		if owner := metav1.GetControllerOf(pod); owner != nil && !owners[owner.UID] {
			if err := client.IgnoreNotFound(p.client.Delete(ctx, pod, client.GracePeriodSeconds(0))); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *player) orphan(ctx context.Context, d *appsv1.Deployment, sets []appsv1.ReplicaSet) error {
	if d.DeletionTimestamp == nil || !slices.Contains(d.Finalizers, metav1.FinalizerOrphanDependents) {
		return nil
	}
	for i := range sets {
		if set := &sets[i]; metav1.IsControlledBy(set, d) {
			set.OwnerReferences = nil
			if err := p.client.Update(ctx, set); err != nil {
				return err
			}
		}
	}
	d.Finalizers = slices.DeleteFunc(d.Finalizers, func(f string) bool { return f == metav1.FinalizerOrphanDependents })
	return p.client.Update(ctx, d)
}

func (p *player) playDeployments(ctx context.Context, namespace string) error {
	var deployments appsv1.DeploymentList
	var sets appsv1.ReplicaSetList
	for _, list := range []client.ObjectList{&deployments, &sets} {
		if err := p.client.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return err
		}
	}
	for i := range deployments.Items {
		d := &deployments.Items[i]
		if d.DeletionTimestamp != nil {
			continue
		}
		if err := p.playDeployment(ctx, d, sets.Items); err != nil {
			return err
		}
	}
	return nil
}

// hashOf is a name for a template in the letters that the controller of Deployments uses.
func hashOf(image string) string { return "hash-" + strconv.Itoa(len(image)) + labelOf(image) }

func labelOf(image string) string {
	out := []byte(image)
	for i, c := range out {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			out[i] = '-'
		}
	}
	return string(out)
}

// playDeployment has the new ReplicaSet at full size and the others at none, one round later.
func (p *player) playDeployment(ctx context.Context, d *appsv1.Deployment, sets []appsv1.ReplicaSet) error {
	hash := hashOf(d.Spec.Template.Spec.Containers[0].Image)
	var now *appsv1.ReplicaSet
	highest := 0
	status := appsv1.DeploymentStatus{ObservedGeneration: d.Generation}
	for i := range sets {
		set := &sets[i]
		if !metav1.IsControlledBy(set, d) {
			continue
		}
		n, _ := strconv.Atoi(set.Annotations["deployment.kubernetes.io/revision"])
		highest = max(highest, n)
		status.Replicas += set.Status.Replicas
		status.AvailableReplicas += set.Status.AvailableReplicas
		status.ReadyReplicas += set.Status.ReadyReplicas
		size := int32(0)
		if set.Labels["pod-template-hash"] == hash {
			now, size, status.UpdatedReplicas = set, *d.Spec.Replicas, set.Status.Replicas
		}
		if *set.Spec.Replicas != size && !d.Spec.Paused {
			set.Spec.Replicas = &size
			if err := p.client.Update(ctx, set); err != nil {
				return err
			}
		}
	}
	if now == nil && !d.Spec.Paused {
		set := replicaSetOf(d, hash, highest+1)
		if err := p.client.Create(ctx, set); err != nil {
			return err
		}
	}
	if d.Status.ObservedGeneration == status.ObservedGeneration && d.Status.Replicas == status.Replicas &&
		d.Status.UpdatedReplicas == status.UpdatedReplicas && d.Status.AvailableReplicas == status.AvailableReplicas {
		return nil
	}
	d.Status = status
	if status.AvailableReplicas == *d.Spec.Replicas {
		d.Status.Conditions = []appsv1.DeploymentCondition{
			{Type: appsv1.DeploymentAvailable, Status: "True", Reason: "Played"},
			{Type: appsv1.DeploymentProgressing, Status: "True", Reason: "NewReplicaSetAvailable"},
		}
	}
	return p.client.Status().Update(ctx, d)
}

func replicaSetOf(d *appsv1.Deployment, hash string, revision int) *appsv1.ReplicaSet {
	template := *d.Spec.Template.DeepCopy()
	template.Labels["pod-template-hash"] = hash
	selector := d.Spec.Selector.DeepCopy()
	selector.MatchLabels["pod-template-hash"] = hash
	return &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: d.Namespace, Name: d.Name + "-" + hash, Labels: template.Labels,
			Annotations:     map[string]string{"deployment.kubernetes.io/revision": strconv.Itoa(revision)},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(d, appsv1.SchemeGroupVersion.WithKind("Deployment"))},
		},
		Spec: appsv1.ReplicaSetSpec{Replicas: d.Spec.Replicas, Selector: selector, Template: template},
	}
}

func (p *player) playReplicaSets(ctx context.Context, namespace string) error {
	var sets appsv1.ReplicaSetList
	if err := p.client.List(ctx, &sets, client.InNamespace(namespace)); err != nil {
		return err
	}
	for i := range sets.Items {
		if err := p.playReplicaSet(ctx, &sets.Items[i]); err != nil {
			return err
		}
	}
	return nil
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
				Annotations:     set.Spec.Template.Annotations,
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
	var works int32
	for _, pod := range pods {
		ok, err := p.playKubelet(ctx, pod)
		if err != nil {
			return err
		}
		if ok {
			works++
		}
	}
	status := appsv1.ReplicaSetStatus{
		Replicas: int32(len(pods)), ReadyReplicas: works, AvailableReplicas: works, FullyLabeledReplicas: int32(len(pods)),
		ObservedGeneration: set.Generation,
	}
	if set.Status.Replicas == status.Replicas && set.Status.AvailableReplicas == works && set.Status.ObservedGeneration == set.Generation {
		return nil
	}
	set.Status = status
	return p.client.Status().Update(ctx, set)
}

// podsOf lists the pods of a ReplicaSet, those last that are to go first.
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
	slices.SortFunc(pods, func(a, b *corev1.Pod) int {
		return cmp.Or(-cmp.Compare(deletionCost(a), deletionCost(b)), cmp.Compare(a.Name, b.Name))
	})
	return pods, nil
}

func deletionCost(pod *corev1.Pod) int {
	n, _ := strconv.Atoi(pod.Annotations[corev1.PodDeletionCost])
	return n
}

// playKubelet says whether the pod is ready.
func (p *player) playKubelet(ctx context.Context, pod *corev1.Pod) (bool, error) {
	works := pod.Spec.Containers[0].Image != imageStuck
	if len(pod.Status.Conditions) > 0 {
		return works, nil
	}
	pod.Status.Phase = corev1.PodRunning
	condition := corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionFalse}
	if works {
		condition.Status = corev1.ConditionTrue
	}
	pod.Status.Conditions = []corev1.PodCondition{condition}
	return works, p.client.Status().Update(ctx, pod)
}

func isReady(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp == nil && slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

func (p *player) playEndpoints(ctx context.Context, namespace string) error {
	var services corev1.ServiceList
	var pods corev1.PodList
	for _, list := range []client.ObjectList{&services, &pods} {
		if err := p.client.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return err
		}
	}
	for i := range services.Items {
		service := &services.Items[i]
		selector := labels.SelectorFromSet(service.Spec.Selector)
		var endpoints []discoveryv1.Endpoint
		for i := range pods.Items {
			if pod := &pods.Items[i]; isReady(pod) && selector.Matches(labels.Set(pod.Labels)) {
				endpoints = append(endpoints, discoveryv1.Endpoint{
					Addresses: []string{"10.0.0.1"}, Conditions: discoveryv1.EndpointConditions{Ready: new(true)},
					TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name},
				})
			}
		}
		note(service, len(endpoints))
		if err := p.writeEndpoints(ctx, service, endpoints); err != nil {
			return err
		}
	}
	return nil
}

// note notes that the Service that has the traffic served and has nobody to serve any more.
func note(service *corev1.Service, endpoints int) {
	if service.Name != "web" {
		return
	}
	notes.mu.Lock()
	defer notes.mu.Unlock()
	key := service.Namespace + "/" + service.Name
	if notes.served[key] && endpoints == 0 {
		notes.unserved[service.Namespace] = append(notes.unserved[service.Namespace], service.Name)
	}
	notes.served[key] = notes.served[key] || endpoints > 0
}

func (p *player) writeEndpoints(ctx context.Context, service *corev1.Service, endpoints []discoveryv1.Endpoint) error {
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
		accepted := metav1.Condition{
			Type: "Accepted", Status: metav1.ConditionTrue, Reason: "Accepted", ObservedGeneration: route.Generation,
			LastTransitionTime: metav1.NewTime(time.Now()),
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
