package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
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
		Message:            shorten(message(o, p), maxMessage),
		Commit:             o.rollout.Annotations[v1alpha1.AnnotationCommit],
		Step:               stepText(p.Status, o.release),
		Selector:           o.selector.String(),
		CurrentRevision:    o.revision.Name,
		StableRevision:     p.Status.Stable,
		History:            history(o, p.Ended),
		Request:            old.Request,
	}
	writeCounts(&status, o)
	writeState(&status, p.Status, o, now)
	if p.Engaged {
		writeDrives(&status, o.drives)
	}
	status.Conditions = conditions(o, p, now)
	return status
}

// writeDrives records what a release moves traffic by, as long as anything of it is not at rest.
func writeDrives(status *v1alpha1.RolloutStatus, drives v1alpha1.ReleaseDrives) {
	if status.Release == nil {
		status.Release = &v1alpha1.ReleaseStatus{}
	}
	status.Release.Drives = &drives
}

// message is the plan's own, with what is known of the pods where it waits for them, and what is gone for good.
func message(o *observation, p plan.Plan) string {
	text := p.Summary.Message
	add := func(more string) {
		if more != "" && !strings.Contains(text, more) {
			text += "; " + more
		}
	}
	if p.Summary.Phase == plan.Progressing {
		add(o.podTrouble)
	}
	add(stableGone(o, p.Status.Stable))
	return text
}

// stableGone says that the stable revision has lost its ReplicaSet, and that nothing can make it again, since the spec has
// another template; empty where it is there, or will be.
func stableGone(o *observation, stable string) string {
	if stable == "" || o.sets[stable] != nil || stable == o.revision.Name {
		return ""
	}
	return fmt.Sprintf("the ReplicaSet of the stable revision %s is gone, and the spec has another template: put the former "+
		"template back, or promote with --full", stable)
}

// stepText is the position for people, such as "2/5", and with its name where the steps have names: "1/3 preview".
func stepText(s plan.State, release wanted.Release) string {
	count := len(release.Spec.Steps)
	if s.Candidate == "" || count == 0 {
		return ""
	}
	index := min(int(s.Step), count-1)
	text := fmt.Sprintf("%d/%d", index+1, count)
	if index < len(release.StepNames) {
		text += " " + release.StepNames[index]
	}
	return text
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
	reason, text := s.Reason, shorten(message(o, p), maxMessage)
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

	switch problem, doubts := o.spec.Problem, o.routeDoubts(); {
	case problem == nil && doubts != "":
		set(v1alpha1.ConditionInvalid, metav1.ConditionFalse, v1alpha1.ReasonFeaturesUnknown, shorten(doubts, maxMessage))
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
