package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// nodes is on how many nodes the pods are.
const nodes = 100

// podMaker makes the pods of ReplicaSets, running and ready, as far as the API server can tell. A nil one makes none.
// One ReplicaSet is worked on by one worker at a time.
type podMaker struct {
	client client.Client

	mutex sync.Mutex
	made  map[types.NamespacedName][]string
}

func newPodMaker(c client.Client) *podMaker {
	return &podMaker{client: c, made: map[types.NamespacedName][]string{}}
}

// scale makes and deletes pods until there are as many as the ReplicaSet wants; none for nil, which is one that is gone.
func (m *podMaker) scale(ctx context.Context, name types.NamespacedName, set *appsv1.ReplicaSet) error {
	if m == nil {
		return nil
	}
	m.mutex.Lock()
	made := m.made[name]
	m.mutex.Unlock()
	var want int
	if set != nil {
		want = int(*set.Spec.Replicas)
	}
	for len(made) < want {
		pod, err := m.create(ctx, set)
		if err != nil {
			return err
		}
		made = append(made, pod)
	}
	for ; len(made) > want; made = made[:len(made)-1] {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: made[len(made)-1]}}
		if err := m.client.Delete(ctx, pod, client.GracePeriodSeconds(0)); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete a pod of %s: %w", name.Name, err)
		}
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.made[name] = made
	return nil
}

// create makes one pod and reports it as a kubelet would.
func (m *podMaker) create(ctx context.Context, set *appsv1.ReplicaSet) (string, error) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: set.Namespace, GenerateName: set.Name + "-", Labels: set.Spec.Template.Labels,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(set, appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))},
		},
		Spec: set.Spec.Template.Spec,
	}
	hash := fnv.New32a()
	fmt.Fprint(hash, set.Name)
	pod.Spec.NodeName = fmt.Sprintf("node-%d", hash.Sum32()%nodes)
	if err := m.client.Create(ctx, pod); err != nil {
		return "", fmt.Errorf("create a pod of %s: %w", set.Name, err)
	}
	before := pod.DeepCopy()
	now := metav1.Now()
	pod.Status.Phase, pod.Status.StartTime = corev1.PodRunning, &now
	pod.Status.PodIP, pod.Status.PodIPs = "10.1.2.3", []corev1.PodIP{{IP: "10.1.2.3"}}
	for _, kind := range []corev1.PodConditionType{
		corev1.PodReadyToStartContainers, corev1.PodInitialized, corev1.PodReady, corev1.ContainersReady, corev1.PodScheduled,
	} {
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{
			Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: now,
		})
	}
	for _, container := range pod.Spec.Containers {
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: container.Name, Image: container.Image, ImageID: container.Image + "@sha256:" + set.Labels["app"],
			Ready: true, Started: new(true), State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}},
		})
	}
	if err := m.client.Status().Patch(ctx, pod, client.MergeFrom(before)); err != nil {
		return "", fmt.Errorf("report a pod of %s: %w", set.Name, err)
	}
	return pod.Name, nil
}
