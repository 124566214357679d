package playing

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The images of the pods say how they do; all others become ready at once.
const (
	// ImageStuck runs and is never ready.
	ImageStuck = "app:stuck"
	// ImageCrashing crashes again and again.
	ImageCrashing = "app:crashing"
	// ImagePulling is in no registry.
	ImagePulling = "app:not-there"
)

func (s *Stage) playReplicaSets(ctx context.Context, namespace string) error {
	var sets appsv1.ReplicaSetList
	if err := s.list(ctx, namespace, &sets); err != nil {
		return err
	}
	for i := range sets.Items {
		if err := s.playReplicaSet(ctx, &sets.Items[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stage) playReplicaSet(ctx context.Context, set *appsv1.ReplicaSet) error {
	pods, err := s.podsOf(ctx, set)
	if err != nil {
		return err
	}
	want := int(*set.Spec.Replicas)
	pods, refusal, err := s.makePods(ctx, set, pods, want)
	if err != nil {
		return err
	}
	for i := want; i < len(pods); i++ {
		if err := s.client.Delete(ctx, pods[i], client.GracePeriodSeconds(0)); err != nil {
			return err
		}
	}
	pods = pods[:min(want, len(pods))]
	var ready int32
	for _, pod := range pods {
		works, err := s.playKubelet(ctx, pod)
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
	if refusal != nil {
		status.Conditions = []appsv1.ReplicaSetCondition{{
			Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: refusal.Error(),
		}}
	}
	if set.Status.Replicas == status.Replicas && set.Status.AvailableReplicas == ready &&
		set.Status.ObservedGeneration == set.Generation && len(set.Status.Conditions) == len(status.Conditions) {
		return nil
	}
	set.Status = status
	return s.client.Status().Update(ctx, set)
}

// makePods makes the pods that a ReplicaSet lacks. That one of them is forbidden is what the ReplicaSet's status says.
func (s *Stage) makePods(ctx context.Context, set *appsv1.ReplicaSet, pods []*corev1.Pod, want int) (all []*corev1.Pod, refusal, err error) {
	for i := len(pods); i < want; i++ {
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				GenerateName: set.Name + "-", Namespace: set.Namespace, Labels: set.Spec.Template.Labels,
				Annotations:     set.Spec.Template.Annotations,
				OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(set, appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))},
			},
			Spec: set.Spec.Template.Spec,
		}
		err := s.client.Create(ctx, pod)
		if apierrors.IsForbidden(err) {
			return pods, err, nil
		}
		if err != nil {
			return nil, nil, err
		}
		pods = append(pods, pod)
	}
	return pods, nil, nil
}

// podsOf lists the pods of a ReplicaSet, those last that are to go first.
func (s *Stage) podsOf(ctx context.Context, set *appsv1.ReplicaSet) ([]*corev1.Pod, error) {
	var list corev1.PodList
	if err := s.client.List(ctx, &list, client.InNamespace(set.Namespace), client.MatchingLabels(set.Spec.Selector.MatchLabels)); err != nil {
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
func (s *Stage) playKubelet(ctx context.Context, pod *corev1.Pod) (bool, error) {
	image := pod.Spec.Containers[0].Image
	container := corev1.ContainerStatus{Name: pod.Spec.Containers[0].Name, Image: image}
	ready := corev1.ConditionFalse
	switch image {
	case ImageCrashing:
		container.RestartCount = 3
		container.State.Waiting = &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}
		container.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 7}
	case ImagePulling:
		container.State.Waiting = &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "no such image"}
	case ImageStuck:
		container.State.Running = &corev1.ContainerStateRunning{}
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
	return ready == corev1.ConditionTrue, s.client.Status().Update(ctx, pod)
}

func isReady(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp == nil && slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}
