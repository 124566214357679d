package playing

import (
	"context"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// list lists several kinds in a namespace.
func (s *Stage) list(ctx context.Context, namespace string, lists ...client.ObjectList) error {
	for _, list := range lists {
		if err := s.client.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return err
		}
	}
	return nil
}

// collectGarbage lets go of what a deletion with Orphan leaves, and deletes what no Deployment and no ReplicaSet owns any
// more.
func (s *Stage) collectGarbage(ctx context.Context, namespace string) error {
	slow := false
	if s.note(namespace, func(n *notes) { slow = n.slowCollector }); slow {
		return nil
	}
	var deployments appsv1.DeploymentList
	var sets appsv1.ReplicaSetList
	var pods corev1.PodList
	if err := s.list(ctx, namespace, &deployments, &sets, &pods); err != nil {
		return err
	}
	owners := map[types.UID]bool{}
	for i := range deployments.Items {
		owners[deployments.Items[i].UID] = true
		if err := s.orphan(ctx, &deployments.Items[i], sets.Items); err != nil {
			return err
		}
	}
	for i := range sets.Items {
		set := &sets.Items[i]
		owners[set.UID] = true
		if owner := metav1.GetControllerOf(set); owner != nil && owner.Kind == "Deployment" && !owners[owner.UID] {
			if err := client.IgnoreNotFound(s.client.Delete(ctx, set)); err != nil {
				return err
			}
		}
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		if owner := metav1.GetControllerOf(pod); owner != nil && !owners[owner.UID] {
			if err := client.IgnoreNotFound(s.client.Delete(ctx, pod, client.GracePeriodSeconds(0))); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Stage) orphan(ctx context.Context, d *appsv1.Deployment, sets []appsv1.ReplicaSet) error {
	if d.DeletionTimestamp == nil || !slices.Contains(d.Finalizers, metav1.FinalizerOrphanDependents) {
		return nil
	}
	for i := range sets {
		if set := &sets[i]; metav1.IsControlledBy(set, d) {
			set.OwnerReferences = nil
			if err := s.client.Update(ctx, set); err != nil {
				return err
			}
		}
	}
	d.Finalizers = slices.DeleteFunc(d.Finalizers, func(f string) bool { return f == metav1.FinalizerOrphanDependents })
	return s.client.Update(ctx, d)
}

func (s *Stage) playDeployments(ctx context.Context, namespace string) error {
	var deployments appsv1.DeploymentList
	var sets appsv1.ReplicaSetList
	if err := s.list(ctx, namespace, &deployments, &sets); err != nil {
		return err
	}
	for i := range deployments.Items {
		d := &deployments.Items[i]
		if d.DeletionTimestamp != nil {
			continue
		}
		if err := s.playDeployment(ctx, d, sets.Items); err != nil {
			return err
		}
	}
	return nil
}

// HashOf is the pod-template-hash that a Deployment's pods with an image get: what its ReplicaSet is named by.
func HashOf(image string) string {
	out := []byte(image)
	for i, c := range out {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			out[i] = '-'
		}
	}
	return "hash-" + strconv.Itoa(len(image)) + string(out)
}

// playDeployment has the new ReplicaSet at full size and the others at none, one round later.
func (s *Stage) playDeployment(ctx context.Context, d *appsv1.Deployment, sets []appsv1.ReplicaSet) error {
	hash := HashOf(d.Spec.Template.Spec.Containers[0].Image)
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
		if set.Labels[appsv1.DefaultDeploymentUniqueLabelKey] == hash {
			now, size, status.UpdatedReplicas = set, *d.Spec.Replicas, set.Status.Replicas
		}
		if *set.Spec.Replicas != size && !d.Spec.Paused {
			set.Spec.Replicas = &size
			if err := s.client.Update(ctx, set); err != nil {
				return err
			}
		}
	}
	if now == nil && !d.Spec.Paused {
		if err := s.client.Create(ctx, replicaSetOf(d, hash, highest+1)); err != nil {
			return err
		}
	}
	return s.writeDeploymentStatus(ctx, d, status)
}

func (s *Stage) writeDeploymentStatus(ctx context.Context, d *appsv1.Deployment, status appsv1.DeploymentStatus) error {
	if d.Status.ObservedGeneration == status.ObservedGeneration && d.Status.Replicas == status.Replicas &&
		d.Status.UpdatedReplicas == status.UpdatedReplicas && d.Status.AvailableReplicas == status.AvailableReplicas {
		return nil
	}
	if d.Status = status; status.AvailableReplicas == *d.Spec.Replicas {
		d.Status.Conditions = []appsv1.DeploymentCondition{
			{Type: appsv1.DeploymentAvailable, Status: "True", Reason: "Played"},
			{Type: appsv1.DeploymentProgressing, Status: "True", Reason: "NewReplicaSetAvailable"},
		}
	}
	return s.client.Status().Update(ctx, d)
}

func replicaSetOf(d *appsv1.Deployment, hash string, revision int) *appsv1.ReplicaSet {
	template := *d.Spec.Template.DeepCopy()
	template.Labels[appsv1.DefaultDeploymentUniqueLabelKey] = hash
	selector := d.Spec.Selector.DeepCopy()
	selector.MatchLabels[appsv1.DefaultDeploymentUniqueLabelKey] = hash
	return &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: d.Namespace, Name: d.Name + "-" + hash, Labels: template.Labels,
			Annotations:     map[string]string{"deployment.kubernetes.io/revision": strconv.Itoa(revision)},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(d, appsv1.SchemeGroupVersion.WithKind("Deployment"))},
		},
		Spec: appsv1.ReplicaSetSpec{Replicas: d.Spec.Replicas, Selector: selector, Template: template},
	}
}
