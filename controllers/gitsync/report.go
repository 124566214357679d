package gitsync

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	ac "github.com/sluicehq/sluice/api/v1alpha1/applyconfiguration/api/v1alpha1"
)

const (
	// maxFailures is how many failures a status names.
	maxFailures = 20
	// maxMessage bounds the message of a condition in bytes.
	maxMessage = 1024
	// shortHash is how much of a commit's hash people are shown.
	shortHash = 7
)

// condition is what is said of one condition.
type condition struct {
	status          metav1.ConditionStatus
	reason, message string
}

// outcome is what a pass says to people.
type outcome struct {
	applied, healthy condition
	reconciling      bool
	stalled          bool
}

// report writes the status if it differs, tells what changed, and says when to come back.
func (r *Reconciler) report(ctx context.Context, p *pass) (ctrl.Result, error) {
	if p.silent() {
		return p.comeBack(), nil
	}
	before := p.status()
	status := p.newStatus(before)
	if !equality.Semantic.DeepEqual(*before, status) {
		if err := r.writeStatus(ctx, p.gs, status); err != nil {
			if apierrors.IsNotFound(err) {
				return ctrl.Result{}, nil
			}
			return ctrl.Result{}, fmt.Errorf("writing the status: %w", err)
		}
		p.memory.status = &status
	}
	r.tell(p, before, &status)
	return p.comeBack(), nil
}

// silent tells whether nothing is known that is worth saying: the first answer, or the watches, are awaited.
func (p *pass) silent() bool {
	return p.obstacle == nil && !p.done.acted && len(p.status().Conditions) > 0
}

// comeBack says when this GitSync is worked on again, if nothing wakes it earlier.
func (p *pass) comeBack() ctrl.Result {
	if p.gs.Spec.Suspend || p.account == nil {
		return ctrl.Result{}
	}
	after := p.memory.nextLook.Sub(p.now)
	if p.done.retry > 0 {
		after = min(after, p.done.retry)
	}
	return ctrl.Result{RequeueAfter: max(after, 10*time.Millisecond)}
}

// newStatus derives the status from the last one and from what came of the pass.
func (p *pass) newStatus(before *v1alpha1.GitSyncStatus) v1alpha1.GitSyncStatus {
	status := *before.DeepCopy()
	status.ObservedGeneration = p.gs.Generation
	failures := p.failures()
	if len(failures) == 0 {
		failures = nil
	}
	status.Failures = failures[:min(len(failures), maxFailures)]
	if p.answered && p.answer.commit != "" {
		p.noteRevision(&status)
	}
	if p.done.acted {
		p.noteActs(&status)
	}
	p.setConditions(&status, p.judgement(&status, failures))
	return status
}

// noteRevision notes which commit was tried, and which is applied. A commit that renders to the same changes neither.
func (p *pass) noteRevision(status *v1alpha1.GitSyncStatus) {
	switch desired := p.memory.desired; {
	case p.answer.err != nil:
		status.LastAttemptedRevision = p.answer.commit
	case desired == nil || !p.done.acted || desired.digest == status.AppliedDigest:
		if desired != nil && desired.digest == status.AppliedDigest && p.done.acted {
			status.LastAttemptedRevision = status.Revision
		}
	default:
		status.LastAttemptedRevision = desired.commit
		if p.inSync() {
			status.AppliedDigest, status.Revision = desired.digest, desired.commit
		}
	}
}

// inSync tells whether all that Git holds is applied.
func (p *pass) inSync() bool {
	return p.unapplied() == 0 && p.done.waitsFor == "" && len(p.done.differing) == 0
}

// noteActs notes what was done to the cluster.
func (p *pass) noteActs(status *v1alpha1.GitSyncStatus) {
	if p.request != "" {
		status.LastHandledSyncRequest = p.request
	}
	if p.done.created+p.done.changed+p.done.healed+p.done.deleted > 0 {
		status.LastAppliedAt = new(metav1.NewMicroTime(p.now))
	}
	if inventory := p.memory.inventory; inventory != nil {
		status.Objects = int32(len(inventory.entries))
		status.Inventory = nil
		for _, part := range inventory.parts {
			status.Inventory = append(status.Inventory, v1alpha1.LocalObjectReference{Name: part.Name})
		}
	}
}

// unapplied counts the objects of Git that could not be applied.
func (p *pass) unapplied() int {
	if p.memory.desired == nil {
		return 0
	}
	count := 0
	for id := range p.memory.failed {
		if _, wanted := p.memory.desired.byID[id]; wanted {
			count++
		}
	}
	return max(count, len(p.memory.desired.problems))
}

// judgement says how the GitSync is doing: the first of these that is so.
func (p *pass) judgement(status *v1alpha1.GitSyncStatus, failures []v1alpha1.ObjectFailure) outcome {
	o := outcome{healthy: p.healthOf(status)}
	no := func(reason, format string, args ...any) {
		o.applied = condition{metav1.ConditionFalse, reason, fmt.Sprintf(format, args...)}
	}
	prunes := p.done.prunes
	switch {
	case p.obstacle != nil:
		no(p.obstacle.reason, "%s%s", p.obstacle.message, lastGood(p.obstacle, status))
		o.stalled = p.obstacle.stalled
		o.reconciling = !o.stalled && p.obstacle.reason != v1alpha1.ReasonSuspended
	case !p.done.acted:
		o.applied = condition{metav1.ConditionUnknown, v1alpha1.ReasonProgressing, "the repository is being read"}
		o.reconciling = true
	case len(failures) > 0:
		no(v1alpha1.ReasonApplyFailed, "%s: %d of %d objects failed: %s: %s", short(p.memory.desired.commit), len(failures),
			len(p.memory.desired.list), failures[0].Object, failures[0].Message)
		o.reconciling = true
	case p.done.waitsFor != "":
		no(v1alpha1.ReasonProgressing, "%s: waiting for %s", short(p.memory.desired.commit), p.done.waitsFor)
		o.reconciling = true
	case len(p.done.differing) > 0:
		no(v1alpha1.ReasonOutOfSync, "%s", p.differences())
	case prunes.Blocked != nil && prunes.Blocked.Empty:
		no(v1alpha1.ReasonPruneBlocked, "source.path renders to nothing, which would delete all %d objects: set "+
			"syncPolicy.automated.allowEmpty if that is meant", prunes.Blocked.Delete)
		o.stalled = true
	case prunes.Blocked != nil:
		no(v1alpha1.ReasonPruneBlocked, "%d of %d objects would be deleted (%s): if that is meant, annotate the GitSync with "+
			"%s=%s", prunes.Blocked.Delete, prunes.Blocked.Total, listed(prunes.Blocked.Objects), v1alpha1.AnnotationApprovePrune,
			prunes.Blocked.Digest)
		o.stalled = true
	default:
		o.applied = condition{metav1.ConditionTrue, v1alpha1.ReasonSucceeded, p.success(status)}
	}
	return o
}

// lastGood says what stays in spite of an obstacle.
func lastGood(o *obstacle, status *v1alpha1.GitSyncStatus) string {
	if status.Revision == "" || o.reason == v1alpha1.ReasonSuspended {
		return ""
	}
	return "; " + short(status.Revision) + " stays applied"
}

// differences says what differs from Git and is left alone.
func (p *pass) differences() string {
	what := fmt.Sprintf("%d objects differ from Git (%s)", len(p.done.differing), listed(p.done.differing))
	if p.automated() == nil {
		return what + ": ask for a sync, or set syncPolicy.automated"
	}
	return what + ": ask for a sync, or set syncPolicy.automated.selfHeal"
}

// success says what is applied, and what left Git and stays.
func (p *pass) success(status *v1alpha1.GitSyncStatus) string {
	text := fmt.Sprintf("%s is applied: %d objects", short(status.Revision), len(p.memory.desired.list))
	prunes := p.done.prunes
	if prunes.Waiting {
		text += "; what left Git is pruned when all is healthy"
	}
	if len(prunes.Kept) > 0 {
		first := prunes.Kept[0]
		text += fmt.Sprintf("; %d that left Git stay: %s: %s", len(prunes.Kept), first.ID, first.Why)
	}
	return text
}

// healthOf says how what is applied is doing.
func (p *pass) healthOf(status *v1alpha1.GitSyncStatus) condition {
	switch s := p.done.health; {
	case !p.done.acted:
		if last := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionHealthy); last != nil {
			return condition{last.Status, last.Reason, last.Message}
		}
		return condition{metav1.ConditionUnknown, v1alpha1.ReasonProgressing, "nothing is applied yet"}
	case len(s.failed) > 0:
		return condition{metav1.ConditionFalse, v1alpha1.ReasonDegraded, s.text()}
	case len(s.progressing) > 0:
		return condition{metav1.ConditionFalse, v1alpha1.ReasonProgressing, s.text()}
	default:
		return condition{metav1.ConditionTrue, v1alpha1.ReasonHealthy, "all that is applied is healthy"}
	}
}

// setConditions derives all conditions, as kstatus reads them.
func (p *pass) setConditions(status *v1alpha1.GitSyncStatus, o outcome) {
	ready := o.applied
	if o.applied.status == metav1.ConditionTrue && o.healthy.status != metav1.ConditionTrue {
		ready = condition{metav1.ConditionFalse, o.healthy.reason, o.healthy.message}
		o.reconciling = o.healthy.reason == v1alpha1.ReasonProgressing
		o.stalled = !o.reconciling
	}
	flag := func(set bool) condition {
		if set {
			return condition{metav1.ConditionTrue, ready.reason, ready.message}
		}
		return condition{metav1.ConditionFalse, ready.reason, ""}
	}
	for _, c := range []struct {
		kind string
		condition
	}{
		{v1alpha1.ConditionReady, ready},
		{v1alpha1.ConditionReconciling, flag(o.reconciling)},
		{v1alpha1.ConditionStalled, flag(o.stalled)},
		{v1alpha1.ConditionApplied, o.applied},
		{v1alpha1.ConditionHealthy, o.healthy},
	} {
		meta.SetStatusCondition(&status.Conditions, metav1.Condition{
			Type: c.kind, Status: c.status, Reason: c.reason, Message: cut(c.message, maxMessage),
			ObservedGeneration: p.gs.Generation, LastTransitionTime: metav1.NewTime(p.now),
		})
	}
}

// writeStatus applies a status.
func (r *Reconciler) writeStatus(ctx context.Context, gs *v1alpha1.GitSync, status v1alpha1.GitSyncStatus) error {
	raw, err := json.Marshal(status)
	if err != nil {
		return err
	}
	applied := ac.GitSyncStatus()
	if err := json.Unmarshal(raw, applied); err != nil {
		return err
	}
	config := ac.GitSync(gs.Name, gs.Namespace).WithUID(gs.UID).WithStatus(applied)
	return r.client.Status().Apply(ctx, config, client.FieldOwner(v1alpha1.ManagerController), client.ForceOwnership)
}

// listed names the first of some objects, sorted.
func listed[T interface{ String() string }](ids []T) string {
	names := make([]string, 0, len(ids))
	for _, id := range ids {
		names = append(names, id.String())
	}
	slices.Sort(names)
	text := strings.Join(names[:min(len(names), maxNamed)], ", ")
	if more := len(names) - maxNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func short(commit string) string { return commit[:min(len(commit), shortHash)] }

func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit-3], "") + "…"
}
