package rollout

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/extras"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

// annotationDeploymentRevision is how the controller of Deployments numbers their ReplicaSets.
const annotationDeploymentRevision = "deployment.kubernetes.io/revision"

func deploymentRevision(set *unstructured.Unstructured) int64 {
	n, err := strconv.ParseInt(set.GetAnnotations()[annotationDeploymentRevision], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// sortByRevision puts those without pods first, and the newest last.
func sortByRevision(sets []*unstructured.Unstructured) {
	running := func(set *unstructured.Unstructured) int {
		if hasPods(set) {
			return 1
		}
		return 0
	}
	slices.SortFunc(sets, func(a, b *unstructured.Unstructured) int {
		return cmp.Or(cmp.Compare(running(a), running(b)), cmp.Compare(deploymentRevision(a), deploymentRevision(b)),
			cmp.Compare(a.GetName(), b.GetName()))
	})
}

func hasPods(set *unstructured.Unstructured) bool {
	wanted, found, _ := unstructured.NestedInt64(set.Object, "spec", "replicas")
	there, _, _ := unstructured.NestedInt64(set.Object, "status", "replicas")
	return !found || wanted > 0 || there > 0
}

// takeSets makes the ReplicaSets of a Deployment that is gone the Rollout's: the last of them the stable revision, the
// others, which have no pods, its history. It returns errLookAgain when all is done.
func (r *Reconciler) takeSets(ctx context.Context, o *observation, sets []*unstructured.Unstructured) error {
	stable := sets[len(sets)-1]
	if rest := sets[:len(sets)-1]; len(rest) > 0 && hasPods(rest[len(rest)-1]) {
		return refusef("spec.adopt: ReplicaSets %q and %q of Deployment %q both have pods; scale one of them to 0",
			rest[len(rest)-1].GetName(), stable.GetName(), o.rollout.Spec.Adopt.Name)
	}
	if o.rollout.Spec.Replicas == nil {
		size, _, _ := unstructured.NestedInt64(stable.Object, "spec", "replicas")
		return r.writeSize(ctx, o, int32(size))
	}
	verdict, err := r.verdictOn(ctx, o)
	if err != nil {
		return err
	}
	if err := r.stillWanted(ctx, o); err != nil {
		return err
	}
	// The stable one last: from then on the Rollout has a ReplicaSet that counts, and is not looked at for this again.
	for _, set := range sets {
		if err := r.takeSet(ctx, o, set, verdict.effective, set == stable); err != nil {
			return err
		}
	}
	r.adoptions.put(o.rollout)
	revision := stable.GetLabels()[v1alpha1.LabelPodTemplateHash]
	text := "runs what this Rollout wants"
	if revision != o.revision.Name {
		text = "is the stable revision from which the wanted one is released"
	}
	r.event(o.rollout, corev1.EventTypeNormal, eventAdopted, fmt.Sprintf("ReplicaSet %s of Deployment %q was taken over with its "+
		"pods as revision %s, which %s", stable.GetName(), o.rollout.Spec.Adopt.Name, revision, text))
	return errLookAgain
}

// writeStable has the status say which revision is stable before its ReplicaSet counts: a mark without a status means that
// the status was lost.
func (r *Reconciler) writeStable(ctx context.Context, o *observation, revision string) error {
	status := *o.rollout.Status.DeepCopy()
	status.StableRevision = revision
	_, _, err := r.writeStatus(ctx, o.rollout, status, 0)
	return err
}

// bareRevision names what an adopted ReplicaSet runs, by the user's part of its template as the API server shows it.
func bareRevision(set *unstructured.Unstructured) (wanted.Revision, error) {
	template, err := extras.Bare(set.Object)
	if err != nil {
		return wanted.Revision{}, fmt.Errorf("ReplicaSet %s: %w", set.GetName(), err)
	}
	delete(template.Metadata.Annotations, extras.AnnotationRestarted)
	return wanted.RevisionOf(template)
}

// takeSet takes one ReplicaSet over: it first, then its pods, and at last it counts. set is what is stored.
func (r *Reconciler) takeSet(ctx context.Context, o *observation, set *unstructured.Unstructured, effective string, stable bool) error {
	own, err := bareRevision(set)
	if err != nil {
		return err
	}
	revision := adoptedRevision(o, set, own, effective)
	if claim := claimOf(o, set, revision.Name); claim != nil {
		if err := r.patchUncached(ctx, set, claim); err != nil {
			return fmt.Errorf("adopt ReplicaSet %s: %w", set.GetName(), err)
		}
	}
	if hasPods(set) {
		observed, _, _ := unstructured.NestedInt64(set.Object, "status", "observedGeneration")
		if observed < set.GetGeneration() {
			return waitFor(handOverDelay, "ReplicaSet %q of Deployment %q is being taken over; waiting for the controller of "+
				"ReplicaSets", set.GetName(), o.rollout.Spec.Adopt.Name)
		}
		if err := r.labelPods(ctx, o, set, labelled(revision.Name)); err != nil {
			return err
		}
	}
	annotations := map[string]any{
		v1alpha1.AnnotationRevision:       strconv.FormatInt(max(deploymentRevision(set), 1), 10),
		v1alpha1.AnnotationTemplateDigest: revision.Digest, v1alpha1.AnnotationEffectiveDigest: own.Digest,
	}
	if commit := o.rollout.Annotations[v1alpha1.AnnotationCommit]; commit != "" && revision.Name == o.revision.Name {
		annotations[v1alpha1.AnnotationCommit] = commit
	}
	if stable {
		annotations[v1alpha1.AnnotationRole] = string(plan.RoleStable)
		if err := r.writeStable(ctx, o, revision.Name); err != nil {
			return err
		}
	}
	stored := &unstructured.Unstructured{}
	stored.SetGroupVersionKind(replicaSetKind)
	err = r.patch(ctx, o, kindReplicaSet, set, stored, map[string]any{"metadata": map[string]any{
		"labels": map[string]any{v1alpha1.LabelPodTemplateHash: revision.Name}, "annotations": annotations,
	}})
	if err != nil {
		return fmt.Errorf("adopt ReplicaSet %s: %w", set.GetName(), err)
	}
	*set = *stored
	return nil
}

// adoptedRevision names the revision of a ReplicaSet: the Rollout's own where both templates come to the same, else by
// what the ReplicaSet runs. A name that was given before stays.
func adoptedRevision(o *observation, set *unstructured.Unstructured, own wanted.Revision, effective string) wanted.Revision {
	given, _, _ := unstructured.NestedString(set.Object, "spec", "template", "metadata", "labels", v1alpha1.LabelPodTemplateHash)
	switch {
	case given == o.revision.Name, given == "" && own.Digest == effective:
		return o.revision
	case given != "":
		own.Name = given
	}
	return own
}

// claimOf is the change that makes a ReplicaSet the Rollout's, without letting it count; nil where that was done.
func claimOf(o *observation, set *unstructured.Unstructured, revision string) map[string]any {
	given, _, _ := unstructured.NestedString(set.Object, "spec", "template", "metadata", "labels", v1alpha1.LabelPodTemplateHash)
	if metav1.IsControlledBy(set, o.rollout) && given == revision {
		return nil
	}
	references := slices.DeleteFunc(set.GetOwnerReferences(), func(ref metav1.OwnerReference) bool { return ref.UID == o.rollout.UID })
	return map[string]any{
		"metadata": map[string]any{
			"ownerReferences": append(references, *metav1.NewControllerRef(o.rollout, rolloutKind)),
			"labels":          map[string]any{v1alpha1.LabelRollout: o.rollout.Name},
			"annotations":     map[string]any{v1alpha1.AnnotationAdoptedFrom: o.rollout.Spec.Adopt.Name},
		},
		"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{
			"labels": map[string]any{v1alpha1.LabelPodTemplateHash: revision},
		}}},
	}
}

// labelled gives a pod the label of its revision.
func labelled(revision string) func(labels, annotations map[string]string) map[string]any {
	return func(labels, _ map[string]string) map[string]any {
		if labels[v1alpha1.LabelPodTemplateHash] == revision {
			return nil
		}
		return map[string]any{"labels": map[string]any{v1alpha1.LabelPodTemplateHash: revision}}
	}
}

// patchUncached is a merge patch of an object that the cache does not hold, so that it is not awaited there. The object is
// then what is stored.
func (r *Reconciler) patchUncached(ctx context.Context, object *unstructured.Unstructured, change map[string]any) error {
	metadata, _ := change["metadata"].(map[string]any)
	metadata["resourceVersion"], metadata["uid"] = object.GetResourceVersion(), object.GetUID()
	content, err := json.Marshal(change)
	if err != nil {
		return fmt.Errorf("encode patch: %w", err)
	}
	return r.client.Patch(ctx, object, client.RawPatch(types.MergePatchType, content), client.FieldOwner(v1alpha1.ManagerController))
}
