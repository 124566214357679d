package rollout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

var replicaSetKind = appsv1.SchemeGroupVersion.WithKind("ReplicaSet")

// rolloutKind is the kind that owner references name.
var rolloutKind = schema.GroupVersionKind{
	Group: v1alpha1.GroupName, Version: v1alpha1.GroupVersion.Version, Kind: "Rollout",
}

func setName(ro *v1alpha1.Rollout, revision string) string { return ro.Name + "-" + revision }

// newReplicaSet is the ReplicaSet of the wanted revision. It is made of plain JSON, so that pod fields that this
// controller's libraries do not know reach the API server.
func newReplicaSet(o *observation, replicas int32, role plan.Role) (*unstructured.Unstructured, error) {
	ro := o.rollout
	template, err := wanted.TemplateContent(o.source.template)
	if err != nil {
		return nil, err
	}
	podLabels := plainMap(o.source.template.Metadata.Labels)
	podLabels[v1alpha1.LabelPodTemplateHash] = o.revision.Name
	template["metadata"].(map[string]any)["labels"] = podLabels
	annotations := map[string]any{
		v1alpha1.AnnotationRevision:       strconv.FormatInt(highestNumber(o.seen.ReplicaSets)+1, 10),
		v1alpha1.AnnotationTemplateDigest: o.revision.Digest,
	}
	if o.effective != "" {
		annotations[v1alpha1.AnnotationEffectiveDigest] = o.effective
	}
	if commit := ro.Annotations[v1alpha1.AnnotationCommit]; commit != "" {
		annotations[v1alpha1.AnnotationCommit] = commit
	}
	if role != plan.RoleNone {
		annotations[v1alpha1.AnnotationRole] = string(role)
	}
	set := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"labels": maps.Clone(podLabels), "annotations": annotations},
		"spec": map[string]any{
			"replicas": int64(replicas), "minReadySeconds": int64(or(ro.Spec.MinReadySeconds, 0)),
			"selector": plainSelector(o.source.selector, o.revision.Name), "template": template,
		},
	}}
	set.SetGroupVersionKind(replicaSetKind)
	set.SetNamespace(ro.Namespace)
	set.SetName(setName(ro, o.revision.Name))
	set.SetOwnerReferences([]metav1.OwnerReference{*metav1.NewControllerRef(ro, rolloutKind)})
	if err := withExtras(o, set.Object); err != nil {
		return nil, err
	}
	return set, nil
}

func plainMap(in map[string]string) map[string]any {
	out := make(map[string]any, len(in))
	for k, v := range in {
		out[k] = v
	}
	return out
}

// plainSelector is the Rollout's selector with the hash of one revision.
func plainSelector(in metav1.LabelSelector, hash string) map[string]any {
	matchLabels := plainMap(in.MatchLabels)
	matchLabels[v1alpha1.LabelPodTemplateHash] = hash
	out := map[string]any{"matchLabels": matchLabels}
	var expressions []any
	for _, e := range in.MatchExpressions {
		values := make([]any, len(e.Values))
		for i, v := range e.Values {
			values[i] = v
		}
		expression := map[string]any{"key": e.Key, "operator": string(e.Operator)}
		if len(values) > 0 {
			expression["values"] = values
		}
		expressions = append(expressions, expression)
	}
	if len(expressions) > 0 {
		out["matchExpressions"] = expressions
	}
	return out
}

func highestNumber(sets []plan.ReplicaSet) int64 {
	var highest int64
	for _, set := range sets {
		highest = max(highest, set.Number)
	}
	return highest
}

func (r *Reconciler) createReplicaSet(ctx context.Context, o *observation, a plan.CreateReplicaSet, mark *plan.MarkReplicaSet) error {
	if a.Revision != o.revision.Name {
		return apierrors.NewConflict(appsv1.Resource("replicasets"), setName(o.rollout, a.Revision),
			errors.New("the spec has another template by now"))
	}
	role := plan.RoleNone
	if mark != nil {
		role = mark.Role
	}
	set, err := newReplicaSet(o, a.Replicas, role)
	if err != nil {
		return err
	}
	err = r.client.Create(ctx, set, client.FieldOwner(v1alpha1.ManagerController), client.FieldValidation(metav1.FieldValidationStrict))
	if err != nil {
		return r.notCreated(ctx, o, set.GetName(), err)
	}
	r.written.remember(client.ObjectKeyFromObject(o.rollout), kindReplicaSet, set, r.clock.Now())
	return nil
}

// changeReplicaSet sets the size and the role in one write; either may be nil. A revision that gets pods again takes the
// highest number, as a new one does.
func (r *Reconciler) changeReplicaSet(
	ctx context.Context, o *observation, revision string, scale *plan.ScaleReplicaSet, mark *plan.MarkReplicaSet,
) error {
	set, err := o.set(revision)
	if err != nil {
		return err
	}
	if scale != nil && scale.To > 0 && or(set.Spec.Replicas, 1) == 0 {
		if err := r.redress(ctx, o, revision); err != nil {
			return err
		}
		set = o.sets[revision]
	}
	change, annotations := map[string]any{}, map[string]any{}
	if scale != nil {
		change["spec"] = map[string]any{"replicas": scale.To, "minReadySeconds": or(o.rollout.Spec.MinReadySeconds, 0)}
		highest := highestNumber(o.seen.ReplicaSets)
		if scale.To > 0 && or(set.Spec.Replicas, 1) == 0 && revisionNumber(set) < highest {
			annotations[v1alpha1.AnnotationRevision] = strconv.FormatInt(highest+1, 10)
		}
	}
	if mark != nil {
		annotations[v1alpha1.AnnotationRole] = nil
		if mark.Role != plan.RoleNone {
			annotations[v1alpha1.AnnotationRole] = string(mark.Role)
		}
	}
	if len(annotations) > 0 {
		change["metadata"] = map[string]any{"annotations": annotations}
	}
	return r.patchSet(ctx, o, revision, set, change)
}

// patchSet patches the ReplicaSet of a revision, which the observation then has as it is stored.
func (r *Reconciler) patchSet(ctx context.Context, o *observation, revision string, set *appsv1.ReplicaSet, change map[string]any) error {
	stored := &appsv1.ReplicaSet{}
	if err := r.patch(ctx, o, kindReplicaSet, set, stored, change); err != nil {
		return err
	}
	o.sets[revision] = stored
	return nil
}

func (r *Reconciler) deleteReplicaSet(ctx context.Context, o *observation, a plan.DeleteReplicaSet) error {
	set, err := o.set(a.Revision)
	if err != nil {
		return err
	}
	err = r.client.Delete(ctx, set, client.PropagationPolicy(metav1.DeletePropagationBackground),
		client.Preconditions{UID: new(set.UID), ResourceVersion: new(set.ResourceVersion)})
	if err != nil {
		return fmt.Errorf("delete ReplicaSet %s: %w", set.Name, err)
	}
	r.written.forgetObject(client.ObjectKeyFromObject(o.rollout), kindReplicaSet, set, r.clock.Now())
	return nil
}

// set is the ReplicaSet of a revision as it was observed. A missing one is a NotFound error.
func (o *observation) set(revision string) (*appsv1.ReplicaSet, error) {
	if set := o.sets[revision]; set != nil {
		return set, nil
	}
	return nil, apierrors.NewNotFound(appsv1.Resource("replicasets"), setName(o.rollout, revision))
}

// tendReplicaSets carries a changed minReadySeconds to the ReplicaSets that have pods. It touches no pod.
func (r *Reconciler) tendReplicaSets(ctx context.Context, o *observation) error {
	wanted := or(o.rollout.Spec.MinReadySeconds, 0)
	for _, revision := range slices.Sorted(maps.Keys(o.sets)) {
		set := o.sets[revision]
		if set.Spec.MinReadySeconds == wanted || or(set.Spec.Replicas, 1) == 0 {
			continue
		}
		if err := r.patchSet(ctx, o, revision, set, map[string]any{"spec": map[string]any{"minReadySeconds": wanted}}); err != nil {
			return err
		}
	}
	return nil
}

// adopt takes over the ReplicaSets of a Rollout of the same name that was deleted without them, and returns
// errLookAgain: nothing is planned before that is done, since without ReplicaSets a Rollout looks new.
func (r *Reconciler) adopt(ctx context.Context, o *observation) error {
	if len(o.orphans) == 0 {
		return nil
	}
	// A Rollout that is being deleted must not take what its deletion has just let go of.
	live := &v1alpha1.Rollout{}
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(o.rollout), live); err != nil {
		return fmt.Errorf("get Rollout: %w", err)
	}
	if live.UID != o.rollout.UID || live.DeletionTimestamp != nil {
		return apierrors.NewConflict(v1alpha1.GroupVersion.WithResource("rollouts").GroupResource(), live.Name,
			errors.New("it is being deleted"))
	}
	for _, set := range o.orphans {
		references := append(slices.Clone(set.OwnerReferences), *metav1.NewControllerRef(o.rollout, rolloutKind))
		err := r.patch(ctx, o, kindReplicaSet, set, &appsv1.ReplicaSet{},
			map[string]any{"metadata": map[string]any{"ownerReferences": references}})
		if err != nil {
			return fmt.Errorf("adopt: %w", err)
		}
	}
	return errLookAgain
}
