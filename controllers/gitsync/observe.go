package gitsync

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/gitsync/apply"
	"github.com/sluicehq/sluice/gitsync/changeset"
)

const (
	// finalizer keeps a GitSync until what it applied is pruned or let go of.
	finalizer = "sluice.dev/gitsync"
	// defaultInterval is how often a repository is looked at if nothing is said.
	defaultInterval = time.Minute
	// maxMissDelay bounds how long a failing repository is not looked at, where the interval is not longer.
	maxMissDelay = 30 * time.Second
	// jitter spreads looks: each interval is longer by up to this part of it.
	jitter = 0.1
	// accountAge is how long a service account is taken to exist without another look.
	accountAge = time.Minute
	// unusableRetry is how soon an inventory that cannot be used is read again: somebody may have mended it.
	unusableRetry = 10 * time.Second
)

// pass is one reconcile: what was observed, and what came of it.
type pass struct {
	gs          *v1alpha1.GitSync
	name        types.NamespacedName
	memory      *memory
	now         time.Time
	accountName types.NamespacedName
	account     *account
	// request is a sync request that was not handled yet; empty if there is none.
	request string
	// answer is the latest one for this generation of the spec, if answered.
	answer   answer
	answered bool
	// obstacle is why nothing can be done; nil if there is none.
	obstacle *obstacle
	// waiting is for the watches to show something, so that nothing is compared with what is not known.
	waiting bool
	live    map[changeset.ID]changeset.Live

	done done
}

// obstacle is a state in which nothing is applied.
type obstacle struct {
	reason, message string
	// stalled says that nothing will change by itself.
	stalled bool
}

// mayAct tells whether there is something to compare the cluster with.
func (p *pass) mayAct() bool {
	return p.account != nil && p.answered && p.memory.desired != nil && !p.waiting &&
		(p.obstacle == nil || p.answer.err != nil)
}

// automated returns what may be done without being asked; nil means nothing.
func (p *pass) automated() *v1alpha1.AutomatedSync {
	if p.gs.Spec.SyncPolicy == nil {
		return nil
	}
	return p.gs.Spec.SyncPolicy.Automated
}

// status is the latest status that we know of.
func (p *pass) status() *v1alpha1.GitSyncStatus {
	if p.memory.status != nil {
		return p.memory.status
	}
	return &p.gs.Status
}

// observe gathers what a decision rests on. Its errors are the API server's, and are retried.
func (r *Reconciler) observe(ctx context.Context, gs *v1alpha1.GitSync) (*pass, error) {
	p := &pass{
		gs: gs, name: client.ObjectKeyFromObject(gs), memory: r.memories.of(gs), now: r.clock.Now(),
		live: map[changeset.ID]changeset.Live{},
	}
	if gs.Spec.Suspend {
		r.watches.forget(p.name)
		p.obstacle = &obstacle{v1alpha1.ReasonSuspended, "spec.suspend is set: nothing is fetched, applied or pruned", false}
		return p, nil
	}
	if err := r.identify(p); err != nil || p.obstacle != nil {
		return p, err
	}
	if err := r.keep(ctx, gs); err != nil {
		return nil, err
	}
	if p.memory.inventory == nil {
		stored, err := r.loadInventory(ctx, gs)
		if unusable, ok := errors.AsType[*unusableError](err); ok {
			p.obstacle = &obstacle{v1alpha1.ReasonApplyFailed, unusable.Error(), true}
			p.done.soon(unusableRetry)
			return p, nil
		}
		if err != nil {
			return nil, err
		}
		p.memory.inventory = stored
	}
	r.look(p)
	r.take(p)
	if p.memory.desired != nil {
		if p.waiting = !r.watches.use(p.name, p.accountName, p.kinds()); p.waiting {
			p.done.soon(syncPatience)
		}
		r.observeLive(p)
	}
	return p, nil
}

// identify finds the account as which the GitSync acts.
func (r *Reconciler) identify(p *pass) error {
	account := p.gs.Spec.ServiceAccountName
	if account == "" {
		account = r.account
	}
	if account == "" {
		p.obstacle = &obstacle{v1alpha1.ReasonAccountMissing, "spec.serviceAccountName is not set: name a service account " +
			"of namespace " + p.gs.Namespace + " that may read and write what is to be applied", true}
		return nil
	}
	p.accountName = types.NamespacedName{Namespace: p.gs.Namespace, Name: account}
	known, err := r.accounts.get(p.accountName)
	p.account = known
	return err
}

// accountExists looks for the service account itself: rights could be bound to one that does not exist.
func (r *Reconciler) accountExists(ctx context.Context, p *pass) (bool, error) {
	if p.memory.accountKnown == p.accountName && p.now.Sub(p.memory.accountSeen) < accountAge {
		return true, nil
	}
	found := &metav1.PartialObjectMetadata{}
	found.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ServiceAccount"))
	err := r.live.Get(ctx, p.accountName, found)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading service account %s: %w", p.accountName, err)
	}
	p.memory.accountKnown, p.memory.accountSeen = p.accountName, p.now
	return true, nil
}

// keep adds the finalizer.
func (r *Reconciler) keep(ctx context.Context, gs *v1alpha1.GitSync) error {
	if controllerutil.ContainsFinalizer(gs, finalizer) {
		return nil
	}
	before := gs.DeepCopy()
	controllerutil.AddFinalizer(gs, finalizer)
	err := r.client.Patch(ctx, gs, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}),
		client.FieldOwner(v1alpha1.ManagerController))
	if err != nil {
		return fmt.Errorf("adding the finalizer: %w", err)
	}
	return nil
}

// look asks the looker where it is time to, and notes its latest answer.
func (r *Reconciler) look(p *pass) {
	m := p.memory
	asked := p.gs.Annotations[v1alpha1.AnnotationSyncRequestedAt]
	if asked != p.status().LastHandledSyncRequest {
		p.request = asked
	}
	p.answer, p.answered = r.looker.answer(p.name, p.gs.UID, p.gs.Generation)
	fresh := p.answered && (p.request == "" || p.answer.request == p.request)
	if !fresh || !p.now.Before(m.nextLook) {
		q := question{
			uid: p.gs.UID, generation: p.gs.Generation, request: p.request, source: p.gs.Spec.Source,
			account: p.accountName,
		}
		if fresh {
			q.maxAge = p.interval() / 2
		}
		if r.looker.ask(p.name, q) {
			m.nextLook = p.now.Add(p.delay())
		}
	}
	if !fresh {
		// What is asked for is a sync to what is in Git now, not to what was there at the last look.
		p.request = ""
	}
}

func (p *pass) interval() time.Duration {
	if p.gs.Spec.Interval == nil {
		return defaultInterval
	}
	interval, err := p.gs.Spec.Interval.Parse()
	if err != nil {
		return defaultInterval // The schema lets none through that is malformed.
	}
	return max(interval, time.Second)
}

// delay is how long after now Git is looked at again: the interval and a little more, longer after failures.
func (p *pass) delay() time.Duration {
	delay := p.interval()
	if p.memory.misses > 0 {
		delay = min(delay<<min(p.memory.misses-1, 10), max(maxMissDelay, delay))
	}
	return delay + time.Duration(rand.Float64()*jitter*float64(delay)) //nolint:gosec // It only spreads load.
}

// take makes what Git holds of the latest answer. One that failed leaves what is there.
func (r *Reconciler) take(p *pass) {
	if !p.answered {
		return
	}
	news := p.answer.at != p.memory.answeredAt
	p.memory.answeredAt = p.answer.at
	if p.answer.err != nil {
		p.obstacle = explain(p.answer)
		if news {
			p.memory.misses++
		}
		return
	}
	p.memory.misses = 0
	namespace := p.gs.Spec.Destination.Namespace
	if namespace == "" {
		namespace = p.gs.Namespace
	}
	old := p.memory.desired
	same := old != nil && old.digest == p.answer.result.Digest && old.namespace == namespace
	if same && !p.problemsDue(old) {
		return
	}
	now := &desired{
		digest: p.answer.result.Digest, commit: p.answer.since, namespace: namespace,
		byID: map[changeset.ID]*apply.Object{},
	}
	if same {
		now.commit = old.commit
	}
	now.objects, now.problems = apply.Prepare(p.answer.result.Objects, r.mapper, namespace, p.memory.owner)
	for i := range now.objects {
		object := &now.objects[i]
		now.byID[object.ID] = object
		now.list = append(now.list, changeset.Desired{ID: object.ID, Hash: object.Hash})
	}
	now.adopted = adoptions(now.objects)
	var before []changeset.Desired
	if old != nil {
		before = old.list
	}
	r.memories.hold(p.name, before, now.list)
	p.memory.desired = now
	p.memory.tidy()
}

// problemsDue tells whether what could not be prepared is tried again now, which is when it would be written again.
func (p *pass) problemsDue(of *desired) bool {
	for _, problem := range of.problems {
		if last, failed := p.memory.failed[problem.ID]; !failed || p.request != "" || !p.now.Before(last.retryAt) {
			return true
		}
	}
	return false
}

// kinds are the watches that the GitSync needs: of what was applied, with the version of the API.
func (p *pass) kinds() map[watchKey]string {
	kinds := map[watchKey]string{}
	for id, entry := range p.memory.inventory.entries {
		kinds[keyOf(p.accountName, id)] = entry.Version
	}
	return kinds
}

// observeLive gathers what the watches show, and our own writes that they do not show yet.
func (r *Reconciler) observeLive(p *pass) {
	for id := range p.memory.inventory.entries {
		if object, known := r.seen(p, id); known {
			p.live[id] = object.live
		}
	}
}

// seen returns what is known of an object without a request.
func (r *Reconciler) seen(p *pass, id changeset.ID) (shown, bool) {
	object, known := r.watches.find(p.accountName, id)
	if own, wrote := p.memory.written[id]; wrote && known {
		if own.before == object.version {
			return shown{live: own.live, version: own.version}, true
		}
		delete(p.memory.written, id)
	}
	return object, known
}

// explain says why a look failed.
func explain(a answer) *obstacle {
	reason, stalled := classify(a)
	return &obstacle{reason: reason, message: a.err.Error(), stalled: stalled}
}
