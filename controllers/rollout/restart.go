package rollout

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

const (
	// eventEvictionRefused is the reason of the event that a PodDisruptionBudget holds a restart up.
	eventEvictionRefused = "EvictionRefused"
	// evictionPatience bounds one eviction: the API server may ask the client to come again, which must not hold a
	// worker up.
	evictionPatience = 5 * time.Second
	// firstEvictionRetry and lastEvictionRetry bound how long a refused eviction is left alone.
	firstEvictionRetry, lastEvictionRetry = 2 * time.Second, 30 * time.Second
	// leastDeletionCost makes a ReplicaSet that shrinks delete a pod before all others that are as ready.
	leastDeletionCost = "-2147483648"
)

// refusals remember, for each Rollout, that an eviction was refused.
type refusals struct {
	mu sync.Mutex
	by map[types.NamespacedName]refusal
}

type refusal struct {
	restart  time.Time // whose evictions are refused
	attempts int
	until    time.Time
}

func newRefusals() *refusals { return &refusals{by: map[types.NamespacedName]refusal{}} }

// resting says how long no eviction is tried.
func (f *refusals) resting(rollout types.NamespacedName, restart, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last := f.by[rollout]; last.restart.Equal(restart) && now.Before(last.until) {
		return last.until.Sub(now)
	}
	return 0
}

// refused notes a refusal, and says whether it is the first of the restart and how long to wait.
func (f *refusals) refused(rollout types.NamespacedName, restart, now time.Time) (first bool, wait time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := f.by[rollout]
	if !last.restart.Equal(restart) {
		last = refusal{restart: restart}
	}
	wait = min(firstEvictionRetry<<min(last.attempts, 10), lastEvictionRetry)
	first = last.attempts == 0
	last.attempts++
	last.until = now.Add(wait)
	f.by[rollout] = last
	return first, wait
}

// granted lets the next refusal wait as short as a first one.
func (f *refusals) granted(rollout types.NamespacedName) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last, known := f.by[rollout]; known {
		last.attempts = min(last.attempts, 1)
		f.by[rollout] = last
	}
}

func (f *refusals) forget(rollout types.NamespacedName) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.by, rollout)
}

// evictPods evicts pods that were made before the restart was asked for: those that are not ready first, then the oldest.
// A PodDisruptionBudget that refuses is no error: it is said once, and the rest waits.
func (r *Reconciler) evictPods(ctx context.Context, o *observation, a plan.EvictPods) error {
	key, restart := client.ObjectKeyFromObject(o.rollout), o.spec.RestartAt
	if o.later = r.refusals.resting(key, restart, r.clock.Now()); o.later > 0 {
		return nil
	}
	set, err := o.set(a.Revision)
	if err != nil {
		return err
	}
	var list corev1.PodList
	if err := r.live.List(ctx, &list, o.inNamespace(), o.ours()); err != nil {
		return fmt.Errorf("list pods: %w", err)
	}
	pods := slices.DeleteFunc(list.Items, func(pod corev1.Pod) bool {
		return !metav1.IsControlledBy(&pod, set) || !counts(&pod) || !old(&pod, restart)
	})
	slices.SortFunc(pods, evictedFirst)
	for i := range pods[:min(len(pods), int(a.Count))] {
		err := r.evict(ctx, &pods[i])
		if isRefusal(err) {
			first, wait := r.refusals.refused(key, restart, r.clock.Now())
			if o.later = wait; first {
				r.event(o.rollout, corev1.EventTypeWarning, eventEvictionRefused, fmt.Sprintf("the restart waits: pod %s may not be "+
					"evicted, and is tried again: %v", pods[i].Name, err))
			}
			return nil
		}
		if client.IgnoreNotFound(err) != nil && !apierrors.IsConflict(err) {
			return fmt.Errorf("evict pod %s: %w", pods[i].Name, err)
		}
		r.refusals.granted(key)
	}
	return nil
}

func evictedFirst(a, b corev1.Pod) int {
	notReady := func(pod corev1.Pod) int {
		if ready(&pod) {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(notReady(a), notReady(b)), a.CreationTimestamp.Compare(b.CreationTimestamp.Time),
		cmp.Compare(a.Name, b.Name))
}

func (r *Reconciler) evict(ctx context.Context, pod *corev1.Pod) error {
	ctx, cancel := context.WithTimeout(ctx, evictionPatience)
	defer cancel()
	of := &unstructured.Unstructured{}
	of.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Pod"))
	of.SetNamespace(pod.Namespace)
	of.SetName(pod.Name)
	eviction := &unstructured.Unstructured{Object: map[string]any{
		"deleteOptions": map[string]any{"preconditions": map[string]any{"uid": string(pod.UID)}},
	}}
	eviction.SetGroupVersionKind(policyv1.SchemeGroupVersion.WithKind("Eviction"))
	eviction.SetNamespace(pod.Namespace)
	eviction.SetName(pod.Name)
	return r.client.SubResource("eviction").Create(ctx, of, eviction)
}

// isRefusal says that a PodDisruptionBudget, or two of them on one pod, do not let a pod go now.
func isRefusal(err error) bool {
	return apierrors.IsTooManyRequests(err) || apierrors.IsInternalError(err)
}

// preferOldPods lets the ReplicaSet delete the pods first that were made before the restart was asked for.
func (r *Reconciler) preferOldPods(ctx context.Context, o *observation, a plan.PreferOldPods) error {
	set, err := o.set(a.Revision)
	if err != nil {
		return err
	}
	pods, err := r.podsMetadata(ctx, o, set)
	if err != nil {
		return err
	}
	for _, pod := range pods {
		made := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: pod.CreationTimestamp}}
		if !old(made, o.spec.RestartAt) || pod.DeletionTimestamp != nil || pod.Annotations[corev1.PodDeletionCost] == leastDeletionCost {
			continue
		}
		change := map[string]any{"annotations": map[string]any{corev1.PodDeletionCost: leastDeletionCost}}
		if err := r.patchPod(ctx, pod, change); err != nil {
			return err
		}
	}
	return nil
}
