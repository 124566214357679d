package gitsync

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/gitsync/apply"
	"github.com/sluicehq/sluice/gitsync/changeset"
)

// leavingAge is how long what was read of an object that left Git is good where no watch shows it.
const leavingAge = 30 * time.Second

// prune deletes what left Git, if nothing speaks against it.
func (r *Reconciler) prune(ctx context.Context, p *pass) error {
	in, err := r.pruneInput(ctx, p)
	if err != nil {
		return err
	}
	p.done.prunes = changeset.Prunes(in)
	plan := &p.done.prunes
	r.forgetEntries(p, plan.Forget)
	for _, stage := range plan.Stages {
		for _, deletion := range stage {
			r.deleteOne(ctx, p, deletion)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// pruneInput gathers what the decision rests on.
func (r *Reconciler) pruneInput(ctx context.Context, p *pass) (changeset.PruneInput, error) {
	m, automated := p.memory, p.automated()
	in := changeset.PruneInput{
		// Only a good answer, of this generation of the spec, says what is not in Git any more.
		Complete:   p.answered && p.answer.err == nil && p.answer.result.Digest == m.desired.digest && len(m.desired.problems) == 0,
		Settled:    p.settled(),
		Desired:    m.desired.list,
		Inventory:  m.inventory.entries,
		Live:       map[changeset.ID]changeset.Live{},
		Owner:      m.owner,
		Elsewhere:  map[changeset.ID]string{},
		Enabled:    automated != nil && automated.Prune,
		AllowEmpty: automated != nil && automated.AllowEmpty,
		Approved:   p.gs.Annotations[v1alpha1.AnnotationApprovePrune],
	}
	for id, entry := range m.inventory.entries {
		if _, wanted := m.desired.byID[id]; wanted {
			continue
		}
		if live, ok := r.readLeaving(ctx, p, entry); ok {
			in.Live[id] = live
		}
		if holder := r.memories.heldBy(id, p.name); holder != "" {
			in.Elsewhere[id] = holder
		}
	}
	var err error
	in.Adopted, err = r.adopted(ctx, m.desired.adopted, in.Live)
	return in, err
}

// settled tells whether all that Git holds is applied and healthy.
func (p *pass) settled() bool {
	for id := range p.memory.failed {
		if _, wanted := p.memory.desired.byID[id]; wanted {
			return false
		}
	}
	return len(p.memory.desired.problems) == 0 && p.done.waitsFor == "" && p.done.health.ok()
}

// readLeaving reads an object that left Git, unless it was read and the watch shows no change since.
func (r *Reconciler) readLeaving(ctx context.Context, p *pass, entry changeset.Entry) (changeset.Live, bool) {
	object, known := r.watches.find(p.accountName, entry.ID)
	if last, ok := p.memory.leaving[entry.ID]; ok {
		if known && last.shown == object.version || !known && p.now.Sub(last.at) < leavingAge {
			return last.live, true
		}
	}
	live, err := r.readLive(ctx, p, entry)
	if err != nil {
		return changeset.Live{}, false
	}
	p.memory.leaving[entry.ID] = leaving{shown: object.version, live: live, at: p.now}
	return live, true
}

// readLive reads an object of the inventory. One that was only about to be created, and that the account may not even
// read, was not.
func (r *Reconciler) readLive(ctx context.Context, p *pass, entry changeset.Entry) (changeset.Live, error) {
	object, err := p.account.cluster.Get(ctx, entry.ID, entry.Version)
	if entry.UID == "" && apierrors.IsForbidden(err) {
		return changeset.Live{}, nil
	}
	if err != nil || object == nil {
		return changeset.Live{}, err
	}
	return apply.LiveOf(object), nil
}

// deleteOne deletes an object that left Git, after a last look at whose it is.
func (r *Reconciler) deleteOne(ctx context.Context, p *pass, deletion changeset.Deletion) {
	id := deletion.Entry.ID
	if p.resting(id, "") {
		p.done.soon(p.memory.failed[id].retryAt.Sub(p.now))
		return
	}
	live, err := r.readLive(ctx, p, deletion.Entry)
	if err == nil && live.Exists && (live.Owner != p.memory.owner || live.UID != deletion.UID || live.Protected) {
		delete(p.memory.leaving, id) // It changed hands since it was read.
		p.done.soon(stageWait)
		return
	}
	if err == nil && live.Exists && !live.Terminating {
		err = p.account.cluster.Delete(ctx, id, deletion.Entry.Version, deletion.UID)
	}
	if err != nil {
		p.fail(id, "", "cannot be pruned: "+apply.Explain(id, err))
		p.done.soon(p.memory.failed[id].retryAt.Sub(p.now))
		r.counts.wrote("failed")
		return
	}
	delete(p.memory.failed, id)
	delete(p.memory.leaving, id)
	p.done.deleted++
	r.counts.wrote("deleted")
	// It leaves the inventory when it is seen to be gone.
	p.done.soon(stageWait)
}

// forgetEntries takes objects out of the inventory.
func (r *Reconciler) forgetEntries(p *pass, ids []changeset.ID) {
	for _, id := range ids {
		delete(p.memory.inventory.entries, id)
		delete(p.memory.leaving, id)
		delete(p.memory.failed, id)
		delete(p.memory.health, id)
		delete(p.memory.written, id)
		delete(p.memory.checked, id)
		delete(p.memory.reported, id)
		p.memory.inventory.dirty = true
	}
}
