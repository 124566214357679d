package rollout

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// ours selects what carries both the Rollout's labels and the hash of a template.
func (o *observation) ours() client.ListOption {
	hashed, _ := ofRevisions().Requirements()
	return client.MatchingLabelsSelector{Selector: o.selector.Add(hashed...)}
}

// readReplicaSets takes the ReplicaSets that the Rollout controls, one for each revision, and those that nobody controls.
// An adopted one has a name that is not the Rollout's; of two of one revision the one with the name that it gives wins.
func (r *Reconciler) readReplicaSets(ctx context.Context, from view, o *observation) error {
	list, err := from.replicaSets(ctx, o)
	if err != nil {
		return err
	}
	for i := range list {
		set := &list[i]
		name := set.Labels[v1alpha1.LabelPodTemplateHash]
		switch owner := metav1.GetControllerOfNoCopy(set); {
		case set.DeletionTimestamp != nil || name == "":
		case owner == nil:
			o.orphans = append(o.orphans, set)
		case owner.UID == o.rollout.UID:
			o.takeSet(name, set)
		}
	}
	slices.SortFunc(o.duplicates, func(a, b *appsv1.ReplicaSet) int { return cmp.Compare(a.Name, b.Name) })
	return nil
}

func (o *observation) takeSet(revision string, set *appsv1.ReplicaSet) {
	known := o.sets[revision]
	if known == nil {
		o.sets[revision] = set
		return
	}
	if ours := setName(o.rollout, revision); known.Name != ours && (set.Name == ours || set.Name < known.Name) {
		o.sets[revision], set = set, known
	}
	o.duplicates = append(o.duplicates, set)
}

// readPods reads the pods, live where old ones are to be replaced and from the cache otherwise: what else is asked of
// them, which revision a name belongs to and what is wrong with them, is as good from there.
func (r *Reconciler) readPods(ctx context.Context, from view, o *observation) (map[types.UID][]*corev1.Pod, error) {
	if from.live && o.spec.RestartAt.Equal(o.seen.State.RestartedAt) {
		from = r.fromCache()
	}
	return from.podsOf(ctx, o)
}

func (o *observation) countPods(pods map[types.UID][]*corev1.Pod) {
	for revision, set := range o.sets {
		of := pods[set.UID]
		o.seen.ReplicaSets = append(o.seen.ReplicaSets, planReplicaSet(set, revision, of, o.spec.RestartAt))
		if revision == o.revision.Name {
			o.podTrouble = cmp.Or(podTrouble(of), refusedPods(set))
		}
	}
	slices.SortFunc(o.seen.ReplicaSets, func(a, b plan.ReplicaSet) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Revision, b.Revision))
	})
}

// revisionsOf gives the revision of each pod by its name.
func revisionsOf(pods map[types.UID][]*corev1.Pod) map[string]string {
	revisions := map[string]string{}
	for _, of := range pods {
		for _, pod := range of {
			revisions[pod.Name] = pod.Labels[v1alpha1.LabelPodTemplateHash]
		}
	}
	return revisions
}

func podTrouble(pods []*corev1.Pod) string {
	if u := unhealthy(pods); u.Reason != "" {
		return u.Reason + ": " + u.Message
	}
	return unschedulable(pods)
}

// refusedPods says why the API server refuses the pods of a ReplicaSet, such as by a quota or the security of pods, which
// no dry run of the ReplicaSet tells.
func refusedPods(set *appsv1.ReplicaSet) string {
	for _, c := range set.Status.Conditions {
		if c.Type == appsv1.ReplicaSetReplicaFailure && c.Status == corev1.ConditionTrue {
			return c.Reason + ": " + shorten(c.Message, maxDetail)
		}
	}
	return ""
}

func planReplicaSet(set *appsv1.ReplicaSet, name string, pods []*corev1.Pod, restartAt time.Time) plan.ReplicaSet {
	seen := plan.ReplicaSet{
		Revision:  name,
		Number:    revisionNumber(set),
		Desired:   or(set.Spec.Replicas, 1),
		Available: set.Status.AvailableReplicas,
		Settled:   set.Status.ObservedGeneration >= set.Generation,
		Role:      plan.Role(set.Annotations[v1alpha1.AnnotationRole]),
		Unhealthy: unhealthy(pods),
	}
	var running int32
	for _, pod := range pods {
		if !counts(pod) {
			continue
		}
		running++
		if old(pod, restartAt) {
			seen.Old++
			if ready(pod) {
				seen.OldReady++
			}
		}
	}
	// Either source may be behind the other; what is there counts until both say that it is gone.
	seen.Pods = max(running, set.Status.Replicas)
	return seen
}

// old says that a pod was made before a restart was asked for. The times of objects are in seconds: a pod of the very
// second of the restart is a new one.
func old(pod *corev1.Pod, restartAt time.Time) bool {
	return !restartAt.IsZero() && pod.CreationTimestamp.Time.Before(restartAt.Truncate(time.Second))
}

func ready(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// revisionNumber is 0 where the annotation cannot be read.
func revisionNumber(set *appsv1.ReplicaSet) int64 {
	n, err := strconv.ParseInt(set.Annotations[v1alpha1.AnnotationRevision], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (o *observation) readServices(ctx context.Context, from view, revisions map[string]string) error {
	for role, seen := range map[plan.ServiceRole]*plan.Service{
		plan.StableService: &o.seen.Stable, plan.CanaryService: &o.seen.Canary,
	} {
		key := types.NamespacedName{Namespace: o.rollout.Namespace, Name: o.serviceName(role)}
		if key.Name == "" {
			continue
		}
		seen.Named = true
		service := &corev1.Service{}
		err := from.Get(ctx, key, service)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("get Service %s: %w", key.Name, err)
		}
		if role == plan.CanaryService && o.drives.OwnCanaryService && !made(o.rollout, service) {
			o.foreignCanary = true
			continue
		}
		o.services[role] = service
		if o.taken != nil {
			continue
		}
		seen.Pinned = service.Spec.Selector[v1alpha1.LabelPodTemplateHash]
		endpoints, err := from.endpointSlices(ctx, key)
		if err != nil {
			return err
		}
		seen.Endpoints = countEndpoints(endpoints, revisions)
	}
	return nil
}
