package rollout

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	applyv1alpha1 "github.com/sluicehq/sluice/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// Bounds of texts that come from elsewhere, in bytes.
const (
	maxMessage = 1024
	maxDetail  = 256
)

// newStatus is the status for a plan. Everything in it but the request follows from the plan and from what was seen.
func newStatus(o *observation, p plan.Plan, now time.Time) v1alpha1.RolloutStatus {
	old := o.rollout.Status
	status := v1alpha1.RolloutStatus{
		ObservedGeneration: o.rollout.Generation,
		Phase:              v1alpha1.RolloutPhase(p.Summary.Phase),
		Message:            shorten(message(o, p.Summary), maxMessage),
		Commit:             o.rollout.Annotations[v1alpha1.AnnotationCommit],
		Step:               stepText(p.Status, o.spec),
		Selector:           o.selector.String(),
		CurrentRevision:    o.revision.Name,
		StableRevision:     p.Status.Stable,
		Request:            old.Request,
	}
	writeCounts(&status, o)
	writeState(&status, p.Status, o, now)
	status.Conditions = conditions(o, p, now)
	return status
}

// message is the plan's own, with what is known of the pods where it waits for them.
func message(o *observation, s plan.Summary) string {
	if s.Phase != plan.Progressing || o.podTrouble == "" || strings.Contains(s.Message, o.podTrouble) {
		return s.Message
	}
	return s.Message + "; " + o.podTrouble
}

func stepText(s plan.State, spec plan.Spec) string {
	if s.Candidate == "" || len(spec.Steps) == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", min(int(s.Step)+1, len(spec.Steps)), len(spec.Steps))
}

func writeCounts(status *v1alpha1.RolloutStatus, o *observation) {
	for _, rs := range o.seen.ReplicaSets {
		status.Replicas += rs.Pods
		status.AvailableReplicas += rs.Available
		if rs.Revision == o.revision.Name {
			status.UpdatedReplicas = rs.Pods
		}
		if object := o.sets[rs.Revision]; object != nil {
			status.ReadyReplicas += object.Status.ReadyReplicas
		}
	}
}

// conditions are output only: no decision reads them.
func conditions(o *observation, p plan.Plan, now time.Time) []metav1.Condition {
	s := p.Summary
	reason, text := s.Reason, shorten(message(o, s), maxMessage)
	out := slices.Clone(o.rollout.Status.Conditions)
	set := func(kind string, status metav1.ConditionStatus, reason, message string) {
		meta.SetStatusCondition(&out, metav1.Condition{
			Type: kind, Status: status, Reason: reason, Message: message,
			ObservedGeneration: o.rollout.Generation, LastTransitionTime: metav1.NewTime(now),
		})
	}
	set(v1alpha1.ConditionReady, truth(s.Phase == plan.Healthy), reason, text)
	set(v1alpha1.ConditionReconciling, truth(s.Phase == plan.Progressing || s.Phase == plan.Paused), reason, text)
	set(v1alpha1.ConditionStalled, truth(s.Phase == plan.Degraded), reason, text)
	set(v1alpha1.ConditionPaused, truth(s.Phase == plan.Paused), reason, text)

	available, why := availability(o, p.Status.Stable)
	set(v1alpha1.ConditionAvailable, truth(available), availableReason(available), why)

	switch problem := o.spec.Problem; {
	case problem == nil:
		set(v1alpha1.ConditionInvalid, metav1.ConditionFalse, reasonValid, "the spec and all that it names can be used")
	case problem.Reason == reasonUnverified:
		set(v1alpha1.ConditionInvalid, metav1.ConditionUnknown, problem.Reason, shorten(problem.Message, maxMessage))
	default:
		set(v1alpha1.ConditionInvalid, metav1.ConditionTrue, problem.Reason, shorten(problem.Message, maxMessage))
	}
	return out
}

// reasonValid is the reason of Invalid while it is False.
const reasonValid = "Valid"

func truth(b bool) metav1.ConditionStatus {
	if b {
		return metav1.ConditionTrue
	}
	return metav1.ConditionFalse
}

func availability(o *observation, stable string) (bool, string) {
	if stable == "" {
		return false, "no revision is stable yet"
	}
	for _, rs := range o.seen.ReplicaSets {
		if rs.Revision == stable {
			return rs.Available >= o.spec.Replicas, fmt.Sprintf("%d of %d pods of the stable revision %s are available",
				rs.Available, o.spec.Replicas, stable)
		}
	}
	return o.spec.Replicas == 0, fmt.Sprintf("the stable revision %s has no ReplicaSet", stable)
}

func availableReason(available bool) string {
	if available {
		return v1alpha1.ConditionAvailable
	}
	return v1alpha1.ReasonUnavailable
}

// unusable is the status of a Rollout whose spec cannot be read at all: what was decided before stays, and says so.
func unusable(ro *v1alpha1.Rollout, reason, text string, now time.Time) v1alpha1.RolloutStatus {
	status := *ro.Status.DeepCopy()
	status.ObservedGeneration = ro.Generation
	status.Phase, status.Message = v1alpha1.RolloutDegraded, shorten(text, maxMessage)
	for kind, value := range map[string]metav1.ConditionStatus{
		v1alpha1.ConditionReady: metav1.ConditionFalse, v1alpha1.ConditionReconciling: metav1.ConditionFalse,
		v1alpha1.ConditionStalled: metav1.ConditionTrue, v1alpha1.ConditionInvalid: metav1.ConditionTrue,
	} {
		meta.SetStatusCondition(&status.Conditions, metav1.Condition{
			Type: kind, Status: value, Reason: reason, Message: status.Message,
			ObservedGeneration: ro.Generation, LastTransitionTime: metav1.NewTime(now),
		})
	}
	slices.SortFunc(status.Conditions, func(a, b metav1.Condition) int { return cmp.Compare(a.Type, b.Type) })
	return status
}

// writeStatus writes the status if it differs, on the condition that the Rollout is the one that the plan was made
// for. It says whether it wrote, and leaves what is stored in ro.
func (r *Reconciler) writeStatus(ctx context.Context, ro *v1alpha1.Rollout, status v1alpha1.RolloutStatus) (bool, error) {
	if equality.Semantic.DeepEqual(ro.Status, status) {
		return false, nil
	}
	apply, err := applyStatus(ro, status)
	if err != nil {
		return false, err
	}
	err = r.client.Status().Apply(ctx, apply, client.FieldOwner(v1alpha1.ManagerController), client.ForceOwnership)
	if err != nil {
		return false, fmt.Errorf("write status: %w", err)
	}
	ro.Status, ro.ResourceVersion = status, or(apply.ResourceVersion, ro.ResourceVersion)
	r.written.remember(client.ObjectKeyFromObject(ro), kindRollout, ro, r.clock.Now())
	return true, nil
}

// applyStatus is the status as this controller owns it: all of it but the request, which is others' to write.
func applyStatus(ro *v1alpha1.Rollout, status v1alpha1.RolloutStatus) (*applyv1alpha1.RolloutApplyConfiguration, error) {
	status.Request = nil
	content, err := json.Marshal(status)
	if err != nil {
		return nil, fmt.Errorf("encode status: %w", err)
	}
	owned := applyv1alpha1.RolloutStatus()
	if err := json.Unmarshal(content, owned); err != nil {
		return nil, fmt.Errorf("encode status: %w", err)
	}
	return applyv1alpha1.Rollout(ro.Name, ro.Namespace).
		WithUID(ro.UID).WithResourceVersion(ro.ResourceVersion).WithStatus(owned), nil
}

// shorten cuts a text to at most limit bytes, at a character.
func shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	const mark = "…"
	cut := 0
	for i := range text {
		if i > limit-len(mark) {
			break
		}
		cut = i
	}
	return text[:cut] + mark
}
