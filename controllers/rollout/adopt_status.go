package rollout

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// reportHeld says why nothing is planned yet: each time that it is another reason, in an event, too.
func (r *Reconciler) reportHeld(ctx context.Context, ro *v1alpha1.Rollout, held *heldError, now time.Time) error {
	before := ro.Status
	status := waiting(ro, held.message, now)
	if held.problem != nil {
		status = unusable(ro, held.problem.Reason, held.message, now)
	}
	wrote, _, err := r.writeStatus(ctx, ro, status, 0)
	if err != nil {
		return err
	}
	if wrote {
		r.announce(ctx, ro, before.Conditions, nil)
		if held.problem == nil && before.Message != status.Message {
			r.event(ro, corev1.EventTypeNormal, eventAdopting, status.Message)
		}
	}
	r.metrics.show(ro, or(ro.Spec.Replicas, 1), 0)
	return nil
}

// waiting is the status of a Rollout that waits to adopt.
func waiting(ro *v1alpha1.Rollout, text string, now time.Time) v1alpha1.RolloutStatus {
	status := *ro.Status.DeepCopy()
	status.ObservedGeneration = ro.Generation
	status.Phase, status.Message = v1alpha1.RolloutProgressing, shorten(text, maxMessage)
	for _, condition := range []struct {
		kind   string
		status metav1.ConditionStatus
	}{
		{v1alpha1.ConditionReady, metav1.ConditionFalse},
		{v1alpha1.ConditionReconciling, metav1.ConditionTrue},
		{v1alpha1.ConditionStalled, metav1.ConditionFalse},
		{v1alpha1.ConditionInvalid, metav1.ConditionFalse},
	} {
		meta.SetStatusCondition(&status.Conditions, metav1.Condition{
			Type: condition.kind, Status: condition.status, Reason: reasonAdopting, Message: status.Message,
			ObservedGeneration: ro.Generation, LastTransitionTime: metav1.NewTime(now),
		})
	}
	return status
}
