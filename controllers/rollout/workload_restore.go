package rollout

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/trafficrouting/ownership"
)

const replicasField = ownership.Field("replicas")

// defaultRestoreSeconds bounds how long a Rollout that is being deleted waits for its workload's pods, where it has no
// progress deadline of its own.
const defaultRestoreSeconds = 600

// restoreWorkload gives the workload of a Rollout that is being deleted its pods back, and waits for them: the Rollout's
// own go with it. It returns errLookAgain while it waits. A workload that is gone, or that does not come up in time, holds
// nothing up.
func (r *Reconciler) restoreWorkload(ctx context.Context, o *observation) error {
	ref := o.rollout.Spec.WorkloadRef
	if ref == nil {
		return nil
	}
	d := &unstructured.Unstructured{}
	d.SetGroupVersionKind(deploymentKind)
	err := r.live.Get(ctx, types.NamespacedName{Namespace: o.rollout.Namespace, Name: ref.Name}, d)
	if apierrors.IsNotFound(err) {
		r.event(o.rollout, corev1.EventTypeWarning, eventNotRestored, fmt.Sprintf("Deployment %q is gone", ref.Name))
		return nil
	}
	if err != nil {
		return fmt.Errorf("get Deployment %s: %w", ref.Name, err)
	}
	w, err := readDeployment(d)
	if err != nil || w.original == nil || w.deleting {
		return nil //nolint:nilerr // what cannot be read was never scaled
	}
	if w.smaller() {
		err := r.patch(ctx, o, kindDeployment, w.metadata(), newDeploymentMetadata(),
			map[string]any{"spec": map[string]any{"replicas": *w.original}})
		return lookAgain(err)
	}
	late := r.restoreIsLate(o.rollout)
	if w.available < *w.original && !late {
		return errLookAgain
	}
	if late && w.available < *w.original {
		r.event(o.rollout, corev1.EventTypeWarning, eventNotRestored, fmt.Sprintf("%d of the %d pods of Deployment %q are available; "+
			"the Rollout does not wait for them any longer", w.available, *w.original, ref.Name))
	}
	return r.letGoOf(ctx, o, w)
}

// restoreIsLate says that the wait for the workload's pods is over.
func (r *Reconciler) restoreIsLate(ro *v1alpha1.Rollout) bool {
	patience := time.Duration(or(ro.Spec.ProgressDeadlineSeconds, defaultRestoreSeconds)) * time.Second
	return r.clock.Now().Sub(ro.DeletionTimestamp.Time) > patience
}

// letGoOf takes the note off a workload that has its pods again, and this controller out of its managed fields, so that
// its owner's next change of the size meets no conflict.
func (r *Reconciler) letGoOf(ctx context.Context, o *observation, w *workload) error {
	bare := newDeploymentMetadata()
	err := r.patch(ctx, o, kindDeployment, w.metadata(), bare, map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{v1alpha1.AnnotationWorkloadReplicas: nil}},
	})
	if err != nil {
		return err
	}
	entries, err := replicasField.GiveBack(bare.ManagedFields, v1alpha1.ManagerController, nil, false)
	if err != nil {
		return fmt.Errorf("give Deployment %s back: %w", w.name.Name, err)
	}
	return r.patch(ctx, o, kindDeployment, bare, newDeploymentMetadata(), map[string]any{
		"metadata": map[string]any{"managedFields": entries},
	})
}

// lookAgain is errLookAgain where there is no other error.
func lookAgain(err error) error {
	if err != nil {
		return err
	}
	return errLookAgain
}
