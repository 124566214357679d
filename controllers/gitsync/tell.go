package gitsync

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// maxNote bounds the note of an event; the API server takes 1,024 bytes.
const maxNote = 1000

// tell makes events and metrics of what a pass changed, once for each change.
func (r *Reconciler) tell(p *pass, before, after *v1alpha1.GitSyncStatus) {
	ready := meta.FindStatusCondition(after.Conditions, v1alpha1.ConditionReady)
	r.counts.ready(p.name, ready != nil && ready.Status == metav1.ConditionTrue)
	if written := p.done.created + p.done.changed + p.done.deleted; written > 0 && p.memory.desired != nil {
		r.event(p.gs, corev1.EventTypeNormal, "Applied", "Apply", fmt.Sprintf("%s: %d created, %d changed, %d deleted",
			short(p.memory.desired.commit), p.done.created, p.done.changed, p.done.deleted))
	}
	if p.done.healed > 0 {
		names := p.done.healedNames[:min(len(p.done.healedNames), maxNamed)]
		r.event(p.gs, corev1.EventTypeNormal, "Healed", "Apply", fmt.Sprintf("%d objects that were changed past Git are as in "+
			"Git again: %s", p.done.healed, strings.Join(names, ", ")))
	}
	r.tellApplied(p, before, after)
}

// tellApplied tells of a change of the condition Applied.
func (r *Reconciler) tellApplied(p *pass, before, after *v1alpha1.GitSyncStatus) {
	now := meta.FindStatusCondition(after.Conditions, v1alpha1.ConditionApplied)
	last := meta.FindStatusCondition(before.Conditions, v1alpha1.ConditionApplied)
	if now == nil || (last != nil && last.Status == now.Status && last.Reason == now.Reason && last.Message == now.Message) {
		return
	}
	switch {
	case now.Status == metav1.ConditionFalse && now.Reason != v1alpha1.ReasonSuspended &&
		now.Reason != v1alpha1.ReasonProgressing:
		r.counts.failed(now.Reason)
		r.event(p.gs, corev1.EventTypeWarning, now.Reason, "Sync", now.Message)
	case now.Status == metav1.ConditionTrue && last != nil && last.Status == metav1.ConditionFalse:
		r.event(p.gs, corev1.EventTypeNormal, now.Reason, "Sync", now.Message)
	}
}

func (r *Reconciler) event(gs *v1alpha1.GitSync, kind, reason, action, note string) {
	r.recorder.Eventf(gs, nil, kind, reason, action, "%s", cut(note, maxNote))
}
