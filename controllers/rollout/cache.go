package rollout

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/trafficrouting/gatewayapi"
)

// CacheByObject narrows the manager's cache to the pods and ReplicaSets of Rollouts. It is meant for cache.Options.
func CacheByObject() map[client.Object]cache.ByObject {
	ours := cache.ByObject{Label: ofRevisions()}
	return map[client.Object]cache.ByObject{&corev1.Pod{}: ours, &appsv1.ReplicaSet{}: ours}
}

// CacheTransform drops what this package never reads before it is kept in memory. It is meant for
// cache.Options.DefaultTransform: managed fields go from every kind but those of routes, whose router needs them.
func CacheTransform(in any) (any, error) {
	object, err := meta.Accessor(in)
	if err != nil {
		return in, nil //nolint:nilerr // a tombstone, which is passed on as it is
	}
	if !isRoute(in) && object.GetManagedFields() != nil {
		object.SetManagedFields(nil)
	}
	switch o := in.(type) {
	case *corev1.Pod:
		stripPod(o)
	case *appsv1.ReplicaSet:
		o.Spec.Template = corev1.PodTemplateSpec{}
	case *metav1.PartialObjectMetadata:
		stripDeployment(o)
	case *discoveryv1.EndpointSlice:
		stripSlice(o)
	}
	return in, nil
}

// isRoute says whether an object is a route as the router reads it.
func isRoute(in any) bool {
	route, ok := in.(*unstructured.Unstructured)
	return ok && gatewayapi.IsRoute(route.GroupVersionKind())
}

// ofRevisions selects what carries the hash of a pod template.
func ofRevisions() labels.Selector {
	hashed, err := labels.NewRequirement(v1alpha1.LabelPodTemplateHash, selection.Exists, nil)
	if err != nil {
		panic(err) // the label is a constant
	}
	return labels.NewSelector().Add(*hashed)
}

func stripPod(pod *corev1.Pod) {
	pod.Annotations = nil
	pod.Spec = corev1.PodSpec{}
	pod.Status = corev1.PodStatus{
		Phase:                 pod.Status.Phase,
		Conditions:            pod.Status.Conditions,
		InitContainerStatuses: stripContainers(pod.Status.InitContainerStatuses),
		ContainerStatuses:     stripContainers(pod.Status.ContainerStatuses),
	}
}

func stripContainers(in []corev1.ContainerStatus) []corev1.ContainerStatus {
	out := make([]corev1.ContainerStatus, len(in))
	for i, s := range in {
		out[i] = corev1.ContainerStatus{
			Name: s.Name, RestartCount: s.RestartCount, State: s.State, LastTerminationState: s.LastTerminationState,
		}
	}
	return out
}

func stripSlice(slice *discoveryv1.EndpointSlice) {
	slice.Annotations, slice.Ports, slice.OwnerReferences = nil, nil, nil
	for i, endpoint := range slice.Endpoints {
		slice.Endpoints[i] = discoveryv1.Endpoint{TargetRef: endpoint.TargetRef, Conditions: endpoint.Conditions}
	}
}
