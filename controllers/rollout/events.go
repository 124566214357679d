package rollout

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// eventAction is what the controller was doing, for the events API.
const eventAction = "Release"

// The reasons of events that no plan gives.
const (
	eventMended      = "Mended"
	eventRelabelled  = "Relabelled"
	eventFailed      = "ActionFailed"
	eventNotRestored = "NotRestored"
	eventRestored    = "Restored"
)

// maxEventNote is what the events API allows, in bytes.
const maxEventNote = 1024

// told are the notes that become events: that a release began, how it ended, and what somebody asked for. The moves
// between are in the log, and the position is in the status: an event for each step of each release would be the larger
// part of what the controller writes. Warnings are always told.
var told = map[string]bool{
	"FirstRevision": true, "ReleaseStarted": true, "Promoted": true, "RolledBack": true, "Superseded": true,
	"Switched": true, "SwitchedBack": true, "StepsChanged": true, "StrategyChanged": true, "RequestAccepted": true,
	"Restarted": true,
}

// announce gives the notes of a plan, and a change of the condition Invalid, as events. It is called once for each
// plan whose status was written.
func (r *Reconciler) announce(ctx context.Context, ro *v1alpha1.Rollout, before []metav1.Condition, notes []plan.Note) {
	for _, note := range notes {
		log.FromContext(ctx).Info(note.Message, "reason", note.Reason)
		switch {
		case note.Warning:
			r.event(ro, corev1.EventTypeWarning, note.Reason, note.Message)
		case told[note.Reason]:
			r.event(ro, corev1.EventTypeNormal, note.Reason, note.Message)
		}
	}
	was := meta.FindStatusCondition(before, v1alpha1.ConditionInvalid)
	is := meta.FindStatusCondition(ro.Status.Conditions, v1alpha1.ConditionInvalid)
	switch {
	case is == nil:
	case is.Status == metav1.ConditionTrue && (was == nil || was.Status != is.Status || was.Message != is.Message):
		r.event(ro, corev1.EventTypeWarning, is.Reason, is.Message)
	case is.Status == metav1.ConditionFalse && was != nil && was.Status == metav1.ConditionTrue:
		r.event(ro, corev1.EventTypeNormal, eventMended, "what was wrong is mended: "+was.Message)
	}
}

func (r *Reconciler) event(ro *v1alpha1.Rollout, kind, reason, message string) {
	r.recorder.Eventf(ro, nil, kind, reason, eventAction, "%s", shorten(message, maxEventNote))
}
