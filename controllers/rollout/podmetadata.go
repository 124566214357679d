package rollout

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/extras"
)

// The labels and annotations of a role go onto the template of a ReplicaSet first, so that new pods are made with them,
// and when the controller of ReplicaSets has seen that, onto the pods that were there before. Annotations of pods are not
// cached: that a ReplicaSet's pods carry what they should is found out once, and remembered.

// settledPods remembers for which ReplicaSets the live pods are known to carry what the record of the ReplicaSet says.
type settledPods struct {
	mu sync.Mutex
	by map[types.NamespacedName]map[types.UID]string
}

func newSettledPods() *settledPods {
	return &settledPods{by: map[types.NamespacedName]map[types.UID]string{}}
}

func (s *settledPods) is(rollout types.NamespacedName, set *appsv1.ReplicaSet) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	record, known := s.by[rollout][set.UID]
	return known && record == set.Annotations[v1alpha1.AnnotationPodMetadata]
}

func (s *settledPods) put(rollout types.NamespacedName, set *appsv1.ReplicaSet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by[rollout] == nil {
		s.by[rollout] = map[types.UID]string{}
	}
	s.by[rollout][set.UID] = set.Annotations[v1alpha1.AnnotationPodMetadata]
}

// keep drops what is remembered of ReplicaSets that the Rollout does not have any more.
func (s *settledPods) keep(rollout types.NamespacedName, sets map[string]*appsv1.ReplicaSet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.by[rollout], func(uid types.UID, _ string) bool {
		for _, set := range sets {
			if set.UID == uid {
				return false
			}
		}
		return true
	})
}

func (s *settledPods) forget(rollout types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.by, rollout)
}

// metadataFor is what the pods of a revision are to carry. The first revision of all is a stable one from its start. An
// aborted or replaced canary keeps what it has, since it only waits for its end; a stable revision that was replaced
// does not.
func metadataFor(o *observation, revision string, recorded extras.Record) extras.Metadata {
	canary, stable := roleMetadata(o.rollout.Spec.Strategy)
	switch s := o.seen.State; {
	case s.Stable == "" || revision == s.Stable:
		return metadataOf(extras.Stable, stable)
	case revision == s.Candidate || revision == o.revision.Name && o.sets[revision] == nil:
		return metadataOf(extras.Canary, canary)
	case recorded.Role == extras.Canary:
		return recorded.Metadata
	}
	return extras.Metadata{}
}

func roleMetadata(s v1alpha1.RolloutStrategy) (canary, stable *v1alpha1.EphemeralMetadata) {
	switch {
	case s.Canary != nil:
		return s.Canary.CanaryMetadata, s.Canary.StableMetadata
	case s.BlueGreen != nil:
		return s.BlueGreen.PreviewMetadata, s.BlueGreen.ActiveMetadata
	}
	return nil, nil
}

func metadataOf(role extras.Role, m *v1alpha1.EphemeralMetadata) extras.Metadata {
	if m == nil || len(m.Labels)+len(m.Annotations) == 0 {
		return extras.Metadata{}
	}
	return extras.Metadata{Role: role, Labels: m.Labels, Annotations: m.Annotations}
}

// tendPodMetadata carries the metadata of each revision's role to its ReplicaSet and its pods.
func (r *Reconciler) tendPodMetadata(ctx context.Context, o *observation) error {
	key := client.ObjectKeyFromObject(o.rollout)
	r.podsSettled.keep(key, o.sets)
	for _, revision := range slices.Sorted(maps.Keys(o.sets)) {
		set := o.sets[revision]
		if or(set.Spec.Replicas, 1) == 0 && set.Status.Replicas == 0 {
			continue
		}
		recorded := extras.Recorded(set.Annotations)
		if wanted := metadataFor(o, revision, recorded); !recorded.Equal(wanted) {
			err := r.changeTemplate(ctx, o, revision, func(content map[string]any) error { return extras.PutMetadata(content, wanted) })
			if err != nil {
				return err
			}
			continue // until the controller of ReplicaSets has seen it
		}
		if _, ever := set.Annotations[v1alpha1.AnnotationPodMetadata]; !ever || r.podsSettled.is(key, set) ||
			set.Status.ObservedGeneration < set.Generation {
			continue
		}
		if err := r.labelPods(ctx, o, set, recorded.PodChange); err != nil {
			return err
		}
		r.podsSettled.put(key, set)
	}
	return nil
}

// labelPods patches the metadata of the live pods of a ReplicaSet. change gives the merge patch of a pod's metadata by its
// labels and annotations; nil leaves it alone. It restarts nothing.
func (r *Reconciler) labelPods(
	ctx context.Context, o *observation, set client.Object, change func(labels, annotations map[string]string) map[string]any,
) error {
	pods, err := r.podsMetadata(ctx, o, set)
	if err != nil {
		return err
	}
	for _, pod := range pods {
		if metadata := change(pod.Labels, pod.Annotations); metadata != nil && pod.DeletionTimestamp == nil {
			if err := r.patchPod(ctx, pod, metadata); err != nil {
				return err
			}
		}
	}
	return nil
}

// podsMetadata lists the pods that a ReplicaSet controls, live.
func (r *Reconciler) podsMetadata(ctx context.Context, o *observation, set client.Object) ([]*metav1.PartialObjectMetadata, error) {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("PodList"))
	err := r.live.List(ctx, list, client.InNamespace(set.GetNamespace()), client.MatchingLabelsSelector{Selector: o.selector})
	if err != nil {
		return nil, fmt.Errorf("list pods of ReplicaSet %s: %w", set.GetName(), err)
	}
	var pods []*metav1.PartialObjectMetadata
	for i := range list.Items {
		if metav1.IsControlledBy(&list.Items[i], set) {
			pods = append(pods, &list.Items[i])
		}
	}
	return pods, nil
}

// patchPod patches the metadata of a pod. The pod may go meanwhile.
func (r *Reconciler) patchPod(ctx context.Context, pod *metav1.PartialObjectMetadata, metadata map[string]any) error {
	// Its status changes all the time; that it is the same pod is enough.
	metadata["uid"] = pod.UID
	patch, err := encodePatch(map[string]any{"metadata": metadata})
	if err != nil {
		return err
	}
	pod = pod.DeepCopy()
	pod.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Pod"))
	err = r.client.Patch(ctx, pod, patch, client.FieldOwner(v1alpha1.ManagerController))
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("patch pod %s: %w", pod.Name, err)
	}
	return nil
}
