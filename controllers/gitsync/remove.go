package gitsync

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/gitsync/apply"
	"github.com/sluicehq/sluice/gitsync/changeset"
)

// removalRetry is how soon a removal that could not delete everything goes on.
const removalRetry = 5 * time.Second

// remove prunes what a deleted GitSync applied, or lets go of it, and then lets go of the GitSync.
func (r *Reconciler) remove(ctx context.Context, gs *v1alpha1.GitSync) (ctrl.Result, error) {
	p := &pass{gs: gs, name: client.ObjectKeyFromObject(gs), memory: r.memories.of(gs), now: r.clock.Now()}
	if !controllerutil.ContainsFinalizer(gs, finalizer) {
		r.forget(p.name)
		return ctrl.Result{}, nil
	}
	orphan, err := r.orphans(ctx, p)
	if err != nil {
		return ctrl.Result{}, err
	}
	stored, err := r.loadInventory(ctx, gs)
	if unusable, ok := errors.AsType[*unusableError](err); ok {
		stored, orphan = &inventory{}, unusable.Error()
	} else if err != nil {
		return ctrl.Result{}, err
	}
	if orphan != "" {
		r.event(gs, corev1.EventTypeNormal, "Orphaned", "Remove", "what was applied stays in the cluster: "+orphan)
	} else if rest, err := r.pruneAll(ctx, p, stored); err != nil {
		return ctrl.Result{}, err
	} else if rest != "" {
		return ctrl.Result{RequeueAfter: removalRetry}, r.reportRemoval(ctx, p, rest)
	}
	if err := r.dropInventory(ctx, stored); err != nil {
		return ctrl.Result{}, err
	}
	before := gs.DeepCopy()
	controllerutil.RemoveFinalizer(gs, finalizer)
	err = r.client.Patch(ctx, gs, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}),
		client.FieldOwner(v1alpha1.ManagerController))
	if client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, fmt.Errorf("removing the finalizer: %w", err)
	}
	r.forget(p.name)
	return ctrl.Result{}, nil
}

// forget drops all that is known of a GitSync that is gone.
func (r *Reconciler) forget(name types.NamespacedName) {
	r.watches.forget(name)
	r.looker.forget(name)
	r.memories.forget(name)
	r.counts.forget(name)
}

// orphans says why what was applied stays; empty if it is to be pruned.
func (r *Reconciler) orphans(ctx context.Context, p *pass) (string, error) {
	automated := p.automated()
	switch {
	case p.gs.Spec.Suspend:
		return "the GitSync was suspended", nil
	case automated == nil || !automated.Prune:
		return "syncPolicy.automated.prune is not set", nil
	}
	if err := r.identify(p); err != nil {
		return "", err
	}
	if p.obstacle != nil {
		return "the GitSync names no service account", nil
	}
	p.memory.accountSeen = time.Time{} // A namespace that goes away takes its accounts along at any moment.
	exists, err := r.accountExists(ctx, p)
	if err != nil {
		return "", err
	}
	if !exists {
		return fmt.Sprintf("service account %s does not exist any more", p.accountName), nil
	}
	return "", nil
}

// pruneAll deletes what the GitSync applied. It returns what could not be deleted yet, and why; in a namespace that is
// going away nothing is worth waiting for.
func (r *Reconciler) pruneAll(ctx context.Context, p *pass, stored *inventory) (rest string, err error) {
	in := changeset.PruneInput{
		Inventory: stored.entries, Owner: p.memory.owner,
		Live: map[changeset.ID]changeset.Live{}, Elsewhere: map[changeset.ID]string{},
	}
	for id, entry := range stored.entries {
		live, err := r.readLive(ctx, p, entry)
		if err != nil {
			rest = id.String() + " cannot be read: " + apply.Explain(id, err)
			continue
		}
		in.Live[id] = live
		if holder := r.memories.heldBy(id, p.name); holder != "" {
			in.Elsewhere[id] = holder
		}
	}
	if in.Adopted, err = r.adopted(ctx, nil, in.Live); err != nil {
		return "", err
	}
	stages, orphaned := changeset.Removal(in)
	deleted := 0
	for _, stage := range stages {
		for _, deletion := range stage {
			id := deletion.Entry.ID
			if err := p.account.cluster.Delete(ctx, id, deletion.Entry.Version, deletion.UID); err != nil {
				rest = id.String() + " cannot be deleted: " + apply.Explain(id, err)
				continue
			}
			deleted++
			r.counts.wrote("deleted")
		}
		if rest != "" {
			break // What is deleted later may be what these need: the account's own rights come last.
		}
	}
	if rest != "" {
		going, err := r.namespaceGoing(ctx, p.gs.Namespace)
		if err != nil || !going {
			return rest, err
		}
	}
	note := fmt.Sprintf("%d objects deleted", deleted)
	if len(orphaned) > 0 {
		note += fmt.Sprintf("; %d stay: %s: %s", len(orphaned), orphaned[0].ID, orphaned[0].Why)
	}
	r.event(p.gs, corev1.EventTypeNormal, "Pruned", "Remove", note)
	return "", nil
}

// namespaceGoing tells whether a namespace is being deleted, or is gone. It asks whether something could be created in
// it, which takes no right to read namespaces.
func (r *Reconciler) namespaceGoing(ctx context.Context, namespace string) (bool, error) {
	probe := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: "sluice-probe-"}}
	err := r.client.Create(ctx, probe, client.DryRunAll, client.FieldOwner(v1alpha1.ManagerController))
	if apierrors.IsNotFound(err) || apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("finding out whether namespace %s is being deleted: %w", namespace, err)
	}
	return false, nil
}

// reportRemoval says why a GitSync that is being deleted is still there.
func (r *Reconciler) reportRemoval(ctx context.Context, p *pass, rest string) error {
	before := p.status()
	status := *before.DeepCopy()
	message := "being deleted: " + rest + "; give the service account the right to, or set spec.suspend to leave what was " +
		"applied in the cluster"
	p.setConditions(&status, outcome{
		applied:     condition{metav1.ConditionFalse, v1alpha1.ReasonApplyFailed, message},
		healthy:     p.healthOf(&status),
		reconciling: true,
	})
	if err := r.writeStatus(ctx, p.gs, status); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("writing the status: %w", err)
	}
	p.memory.status = &status
	r.tell(p, before, &status)
	return nil
}
