package gitsync

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/gitsync/apply"
	"github.com/sluicehq/sluice/gitsync/changeset"
	"github.com/sluicehq/sluice/gitsync/health"
)

const (
	// parallel is how many objects of one stage are written at a time.
	parallel = 8
	// stageWait is how soon a stage that waits for what was written before it is tried again.
	stageWait = 500 * time.Millisecond
)

// done is what came of a pass.
type done struct {
	// acted says that the rest is about this pass.
	acted bool
	// created, changed, healed and deleted count objects.
	created, changed, healed, deleted int
	// healedNames are some of those that were healed.
	healedNames []string
	// differing are objects that differ from Git and may not be changed.
	differing []changeset.ID
	// waitsFor says what a stage waits for; empty if for nothing.
	waitsFor string
	prunes   changeset.PrunePlan
	health   summary
	// retry is how soon to come back; 0 means that nothing asks for it.
	retry time.Duration
}

// soon makes the pass come back no later than after d.
func (d *done) soon(in time.Duration) {
	if d.retry == 0 || in < d.retry {
		d.retry = in
	}
}

// execute brings the cluster to what Git holds, as far as it may. Failures of single objects are noted; an error is one
// of the controller's own requests.
func (r *Reconciler) execute(ctx context.Context, p *pass) error {
	p.done.acted = true
	stages := r.due(p)
	if len(stages) > 0 {
		exists, err := r.accountExists(ctx, p)
		if err != nil {
			return err
		}
		if !exists {
			p.obstacle = &obstacle{v1alpha1.ReasonAccountMissing, fmt.Sprintf("service account %s does not exist: "+
				"create it, and give it the rights to what is to be applied", p.accountName), true}
			p.done.acted = false
			return nil
		}
		if err := r.writeAll(ctx, p, stages); err != nil {
			return err
		}
	}
	r.judge(ctx, p)
	if err := r.prune(ctx, p); err != nil {
		return err
	}
	r.watches.use(p.name, p.accountName, p.kinds())
	return r.storeInventory(ctx, p)
}

// due returns what is to be written or compared now.
func (r *Reconciler) due(p *pass) [][]changeset.Write {
	m, automated := p.memory, p.automated()
	stages := changeset.Writes(changeset.WriteInput{
		Desired:   m.desired.list,
		Inventory: m.inventory.entries,
		Live:      p.live,
		Apply:     automated != nil || p.request != "",
		Heal:      automated != nil && automated.SelfHeal,
		Thorough:  m.desired.digest != p.status().AppliedDigest || p.request != "",
	})
	var out [][]changeset.Write
	for _, stage := range stages {
		var kept []changeset.Write
		for _, write := range stage {
			hash := m.desired.byID[write.ID].Hash
			rollout, adopted := m.desired.adopted[write.ID]
			switch {
			case adopted:
				p.refuseAdopted(write.ID, rollout, hash)
			case p.resting(write.ID, hash):
				p.done.soon(m.failed[write.ID].retryAt.Sub(p.now))
			case write.Report && m.reported[write.ID] == p.mark(write.ID):
				p.done.differing = append(p.done.differing, write.ID)
			case write.Reason == changeset.Unseen && m.checked[write.ID] == hash+p.request:
			default:
				kept = append(kept, write)
			}
		}
		if len(kept) > 0 {
			out = append(out, kept)
		}
	}
	return out
}

// mark names what an object should be and what it is.
func (p *pass) mark(id changeset.ID) string {
	return p.memory.desired.byID[id].Hash + " " + p.live[id].Key
}

// writeAll writes the stages, one after the other. Before that the inventory holds all that may be created.
func (r *Reconciler) writeAll(ctx context.Context, p *pass, stages [][]changeset.Write) error {
	m := p.memory
	version := func(id changeset.ID) string { return m.desired.byID[id].Content.GroupVersionKind().Version }
	intent, more := changeset.Intent(m.inventory.entries, stages, version)
	if more {
		m.inventory.entries, m.inventory.dirty = intent, true
		if err := r.storeInventory(ctx, p); err != nil {
			return err
		}
	}
	overlay, err := r.overlay(ctx, p)
	if err != nil {
		return err
	}
	tier := changeset.TierFoundation
	for _, stage := range stages {
		if next := changeset.Tier(stage[0].ID); next != tier {
			if tier = next; r.foundationsMissing(p) {
				return nil
			}
		}
		r.writeStage(ctx, p, stage, overlay)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// foundationsMissing tells whether something of the first tier, that was written, is not ready to be used yet.
func (r *Reconciler) foundationsMissing(p *pass) bool {
	for _, object := range p.memory.desired.list {
		if changeset.Tier(object.ID) != changeset.TierFoundation {
			continue
		}
		if seen, ok := p.memory.health[object.ID]; ok && seen.State == health.Progressing {
			p.done.waitsFor = object.ID.String()
			p.done.soon(stageWait)
			// What was judged is as old as its writing: look again.
			delete(p.memory.health, object.ID)
			return true
		}
	}
	return false
}

// writeStage writes or compares the objects of a stage, several at a time.
func (r *Reconciler) writeStage(ctx context.Context, p *pass, stage []changeset.Write, overlay apply.Overlay) {
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(parallel)
	for _, write := range stage {
		group.Go(func() error {
			request := r.request(p, write, overlay)
			// What the watch shows by the end may be newer than what is read here.
			shown, _ := r.watches.find(p.accountName, write.ID)
			outcome, err := p.account.cluster.Apply(ctx, request)
			mu.Lock()
			defer mu.Unlock()
			if ctx.Err() == nil {
				r.note(p, write, request, outcome, shown.version, err)
			}
			return nil
		})
	}
	_ = group.Wait() // Failures are noted object by object.
}

// request says how an object is applied.
func (r *Reconciler) request(p *pass, write changeset.Write, overlay apply.Overlay) apply.Request {
	object := p.memory.desired.byID[write.ID]
	content := object.Content
	if isRollout(write.ID) {
		entry := p.memory.inventory.entries[write.ID]
		content = apply.WithCommit(content, changeset.CommitOf(entry, object.Hash, p.answerCommit()))
	}
	return apply.Request{
		ID: write.ID, Content: content, Owner: p.memory.owner, HeldBy: r.memories.heldBy(write.ID, p.name),
		Overlay: overlay, Report: write.Report,
		Compare: write.Reason == changeset.Touched || write.Reason == changeset.Unseen,
	}
}

// answerCommit is the commit at which what is applied now was first seen.
func (p *pass) answerCommit() string { return p.memory.desired.commit }

// note takes down what became of a write. before is the version that the watch showed when the object had not been read
// for it yet.
func (r *Reconciler) note(
	p *pass, write changeset.Write, request apply.Request, outcome apply.Outcome, before string, err error,
) {
	m, hash := p.memory, p.memory.desired.byID[write.ID].Hash
	if err != nil {
		if errors.Is(err, apply.ErrTerminating) {
			p.done.waitsFor = write.ID.String() + " to be gone"
		}
		r.counts.wrote("failed")
		p.fail(write.ID, hash, apply.Explain(write.ID, err))
		p.done.soon(m.failed[write.ID].retryAt.Sub(p.now))
		return
	}
	delete(m.failed, write.ID)
	m.checked[write.ID] = hash + p.request
	if write.Report && (outcome.Created || outcome.Changed) {
		m.reported[write.ID] = p.mark(write.ID)
		p.done.differing = append(p.done.differing, write.ID)
		return
	}
	delete(m.reported, write.ID)
	p.count(r.counts, write, outcome)
	entry := changeset.Entry{ID: write.ID, Version: request.Content.GroupVersionKind().Version, Hash: hash}
	live := apply.LiveOf(outcome.Live)
	entry.UID, entry.Key = live.UID, live.Key
	if isRollout(write.ID) {
		entry.Commit = request.Content.GetAnnotations()[v1alpha1.AnnotationCommit]
	}
	stored := m.inventory.entries[write.ID]
	m.inventory.entries[write.ID] = entry
	// A key alone that has moved on is not worth a write: a stale one costs a comparison after a restart.
	compared := stored
	compared.Key = entry.Key
	m.inventory.dirty = m.inventory.dirty || compared != entry
	m.written[write.ID] = ownWrite{before: before, live: live, version: outcome.Live.GetResourceVersion()}
	p.live[write.ID] = live
	m.health[write.ID] = seenHealth{outcome.Live.GetResourceVersion(), health.Assess(outcome.Live)}
}

// count counts a write by what it did.
func (p *pass) count(counts *counters, write changeset.Write, outcome apply.Outcome) {
	healing := write.Reason == changeset.Missing || write.Reason == changeset.Touched || write.Reason == changeset.Unseen
	switch {
	case !outcome.Created && !outcome.Changed:
		counts.wrote("unchanged")
	case healing:
		p.done.healed++
		p.done.healedNames = append(p.done.healedNames, write.ID.String())
		counts.wrote("healed")
	case outcome.Created:
		p.done.created++
		counts.wrote("created")
	default:
		p.done.changed++
		counts.wrote("changed")
	}
}

func isRollout(id changeset.ID) bool { return id.Group == v1alpha1.GroupName && id.Kind == "Rollout" }
