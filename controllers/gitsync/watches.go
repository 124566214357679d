package gitsync

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/gitsync/apply"
	"github.com/sluicehq/sluice/gitsync/changeset"
	"github.com/sluicehq/sluice/gitsync/health"
)

const (
	// deniedFor is how long a watch that was refused is not tried again.
	deniedFor = 5 * time.Minute
	// syncPatience is how long a reconcile is put off for a watch that has not shown anything yet.
	syncPatience = 5 * time.Second
)

// watchKey names a watch: who watches what, where. Two GitSyncs with the same account share it.
type watchKey struct {
	account   types.NamespacedName
	group     string
	kind      string
	namespace string
}

// watchState is how far a watch is.
type watchState int

const (
	watchStarting watchState = iota
	watchSynced
	// watchDenied: the account may not list the kind, or there is no such kind.
	watchDenied
)

// watch shows the metadata of our objects of one kind in one namespace.
type watch struct {
	users   map[types.NamespacedName]struct{}
	state   watchState
	since   time.Time
	stop    context.CancelFunc
	objects map[string]shown
}

// shown is what a watch shows of an object.
type shown struct {
	live    changeset.Live
	version string
}

// watches holds the watches of all GitSyncs.
type watches struct {
	accounts *accounts
	clock    clock.PassiveClock
	wake     chan<- event.TypedGenericEvent[types.NamespacedName]

	mu     sync.Mutex
	ctx    context.Context //nolint:containedctx // It is that of the manager's run, which watches end with.
	all    map[watchKey]*watch
	routes sync.WaitGroup
	// early are those who asked before the start.
	early map[types.NamespacedName]struct{}
}

func newWatches(
	accounts *accounts, clock clock.PassiveClock, wake chan<- event.TypedGenericEvent[types.NamespacedName],
) *watches {
	return &watches{
		accounts: accounts, clock: clock, wake: wake, all: map[watchKey]*watch{},
		early: map[types.NamespacedName]struct{}{},
	}
}

func (w *watches) add(mgr ctrl.Manager) error { return mgr.Add(w) }

// Start keeps watches running until ctx ends.
func (w *watches) Start(ctx context.Context) error {
	w.mu.Lock()
	w.ctx = ctx
	early := slices.Collect(maps.Keys(w.early))
	clear(w.early)
	w.mu.Unlock()
	for _, user := range early {
		w.send(ctx, user)
	}
	<-ctx.Done()
	w.mu.Lock()   // Whoever saw the context alive is counted by now; later ones see it ended.
	w.mu.Unlock() //nolint:staticcheck // See above.
	w.routes.Wait()
	return nil
}

// use starts the watches that a GitSync needs and lets go of those that it does not need any more. It tells whether all
// of them show something, or never will.
func (w *watches) use(user types.NamespacedName, account types.NamespacedName, kinds map[watchKey]string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx == nil {
		w.early[user] = struct{}{}
		return len(kinds) == 0
	}
	if w.ctx.Err() != nil {
		return false
	}
	now := w.clock.Now()
	for key, one := range w.all {
		if _, needed := kinds[key]; !needed {
			w.leave(key, one, user)
		} else if one.state == watchDenied && now.Sub(one.since) > deniedFor {
			one.stop()
			delete(w.all, key)
		}
	}
	ready := true
	for key, version := range kinds {
		one, ok := w.all[key]
		if !ok {
			one = w.begin(account, key, version, now)
		}
		one.users[user] = struct{}{}
		if one.state == watchStarting && now.Sub(one.since) < syncPatience {
			ready = false
		}
	}
	return ready
}

// leave is called with mu held.
func (w *watches) leave(key watchKey, one *watch, user types.NamespacedName) {
	if _, used := one.users[user]; !used {
		return
	}
	delete(one.users, user)
	if len(one.users) == 0 {
		one.stop()
		delete(w.all, key)
	}
}

// forget lets go of all watches of a GitSync.
func (w *watches) forget(user types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, one := range w.all {
		w.leave(key, one, user)
	}
}

// begin starts a watch. It is called with mu held.
func (w *watches) begin(account types.NamespacedName, key watchKey, version string, now time.Time) *watch {
	one := &watch{
		users: map[types.NamespacedName]struct{}{}, state: watchDenied, since: now, stop: func() {},
		objects: map[string]shown{},
	}
	w.all[key] = one
	known, err := w.accounts.get(account)
	if err != nil {
		return one
	}
	mapping, err := w.accounts.mapper.RESTMapping(schema.GroupKind{Group: key.group, Kind: key.kind}, version)
	if err != nil {
		return one
	}
	ctx, stop := context.WithCancel(w.ctx)
	one.state, one.stop = watchStarting, stop
	informer := metadatainformer.NewFilteredMetadataInformer(known.metadata, mapping.Resource, key.namespace, 0,
		cache.Indexers{}, func(o *metav1.ListOptions) { o.LabelSelector = v1alpha1.LabelGitSync }).Informer()
	w.prepare(ctx, informer, one, key)
	w.routes.Go(func() { informer.RunWithContext(ctx) })
	w.routes.Go(func() {
		if cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
			w.set(one, watchSynced)
		}
	})
	return one
}

// prepare makes an informer keep little, tell what changes, and stop where it may not watch.
func (w *watches) prepare(ctx context.Context, informer cache.SharedIndexInformer, one *watch, key watchKey) {
	// None of these fails on an informer that was not started.
	_ = informer.SetTransform(func(object any) (any, error) {
		if o, ok := object.(metav1.Object); ok {
			o.SetManagedFields(nil)
		}
		return object, nil
	})
	_ = informer.SetWatchErrorHandlerWithContext(func(_ context.Context, r *cache.Reflector, err error) {
		if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) {
			w.set(one, watchDenied)
			one.stop()
			return
		}
		cache.DefaultWatchErrorHandler(ctx, r, err)
	})
	_, _ = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { w.see(one, key, object) },
		UpdateFunc: func(_, object any) { w.see(one, key, object) },
		DeleteFunc: func(object any) {
			if last, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = last.Obj
			}
			w.lose(one, object)
		},
	})
}

// set changes the state of a watch and wakes its users.
func (w *watches) set(one *watch, state watchState) {
	w.mu.Lock()
	one.state, one.since = state, w.clock.Now()
	if state == watchDenied {
		clear(one.objects)
	}
	users := make([]types.NamespacedName, 0, len(one.users))
	for user := range one.users {
		users = append(users, user)
	}
	ctx := w.ctx
	w.mu.Unlock()
	for _, user := range users {
		w.send(ctx, user)
	}
}

// see notes an object and wakes its GitSync if that may have to do something.
func (w *watches) see(one *watch, key watchKey, object any) {
	o, ok := object.(metav1.Object)
	if !ok {
		return
	}
	now := shown{live: apply.LiveOf(o), version: o.GetResourceVersion()}
	at := o.GetNamespace() + "/" + o.GetName()
	w.mu.Lock()
	before := one.objects[at]
	one.objects[at] = now
	quiet := before.live == now.live && !health.HasStatus(key.group, key.kind)
	state := one.state
	w.mu.Unlock()
	if !quiet && state == watchSynced {
		w.wakeOwners(one, before.live.Owner, now.live.Owner)
	}
}

// lose notes that an object is gone, or is not ours any more.
func (w *watches) lose(one *watch, object any) {
	o, ok := object.(metav1.Object)
	if !ok {
		return
	}
	w.mu.Lock()
	before := one.objects[o.GetNamespace()+"/"+o.GetName()]
	delete(one.objects, o.GetNamespace()+"/"+o.GetName())
	w.mu.Unlock()
	w.wakeOwners(one, before.live.Owner, "")
}

// wakeOwners wakes the users of a watch whose label an object had or has.
func (w *watches) wakeOwners(one *watch, labels ...string) {
	w.mu.Lock()
	var users []types.NamespacedName
	for user := range one.users {
		for _, label := range labels {
			if label != "" && label == apply.OwnerLabel(user.Namespace, user.Name) {
				users = append(users, user)
				break
			}
		}
	}
	ctx := w.ctx
	w.mu.Unlock()
	for _, user := range users {
		w.send(ctx, user)
	}
}

func (w *watches) send(ctx context.Context, user types.NamespacedName) {
	select {
	case w.wake <- event.TypedGenericEvent[types.NamespacedName]{Object: user}:
	case <-ctx.Done():
	}
}

// find returns what is shown of an object. known is false where no watch shows its kind.
func (w *watches) find(account types.NamespacedName, id changeset.ID) (object shown, known bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	one, ok := w.all[keyOf(account, id)]
	if !ok || one.state != watchSynced {
		return shown{}, false
	}
	return one.objects[id.Namespace+"/"+id.Name], true
}

func keyOf(account types.NamespacedName, id changeset.ID) watchKey {
	return watchKey{account: account, group: id.Group, kind: id.Kind, namespace: id.Namespace}
}
