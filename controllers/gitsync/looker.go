package gitsync

import (
	"context"
	"errors"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/gitsync/fetch"
	"github.com/sluicehq/sluice/gitsync/render"
)

const (
	// maxLooks is how many repositories are looked at, at a time. Most of a look is waiting for a server.
	maxLooks = 32
	// credentialsAge is how long credentials are used before their Secret is read again.
	credentialsAge = 10 * time.Minute
	// maxHistory is how many commits are looked at for the one at which a result first appeared.
	maxHistory = 100
	// sweepAfter is how long after the start clones that nobody asked for are removed.
	sweepAfter = 10 * time.Minute
)

// question is what a GitSync asks about its source.
type question struct {
	// uid and generation say which GitSync, and which spec of it, asks.
	uid        types.UID
	generation int64
	// request is the sync request that made it ask, if one did.
	request string
	source  v1alpha1.GitSource
	account types.NamespacedName
	// maxAge is how old a listing of the remote may be.
	maxAge time.Duration
}

// answer is what the looker found.
type answer struct {
	question
	// at is when it was found; no two answers have the same.
	at     time.Time
	commit string
	// since is the commit at which result first appeared.
	since  string
	result *render.Result
	err    error
	// secretErr says that err is about the Secret.
	secretErr bool
}

// looker fetches and renders in the background, so that no worker waits for a server. There is one look at a time for
// each GitSync; its end wakes the GitSync.
type looker struct {
	repositories *fetch.Repositories
	results      *render.Cache
	accounts     *accounts
	clock        clock.PassiveClock
	wake         chan<- event.TypedGenericEvent[types.NamespacedName]
	counts       *counters
	slots        chan struct{}

	mu      sync.Mutex
	ctx     context.Context //nolint:containedctx // It is that of the manager's run, which looks end with.
	looks   sync.WaitGroup
	waiting map[types.NamespacedName]question
	running map[types.NamespacedName]bool
	answers map[types.NamespacedName]answer
	secrets map[types.NamespacedName]secret
}

// secret is credentials that were read.
type secret struct {
	uid         types.UID
	generation  int64
	credentials fetch.Credentials
	read        time.Time
}

func newLooker(
	repositories *fetch.Repositories, results *render.Cache, accounts *accounts, clock clock.PassiveClock,
	wake chan<- event.TypedGenericEvent[types.NamespacedName], counts *counters,
) *looker {
	return &looker{
		repositories: repositories, results: results, accounts: accounts, clock: clock, wake: wake, counts: counts,
		slots:   make(chan struct{}, maxLooks),
		waiting: map[types.NamespacedName]question{},
		running: map[types.NamespacedName]bool{},
		answers: map[types.NamespacedName]answer{},
		secrets: map[types.NamespacedName]secret{},
	}
}

func (l *looker) add(mgr ctrl.Manager) error { return mgr.Add(l) }

// Start runs looks until ctx ends, and returns when the last of them has.
func (l *looker) Start(ctx context.Context) error {
	l.mu.Lock()
	l.ctx = ctx
	for name, q := range l.waiting {
		l.launch(name, q)
	}
	clear(l.waiting)
	l.mu.Unlock()
	sweep := time.NewTimer(sweepAfter)
	defer sweep.Stop()
	select {
	case <-sweep.C:
		if err := l.repositories.Sweep(); err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "Cannot remove clones that are not used any more")
		}
		<-ctx.Done()
	case <-ctx.Done():
	}
	l.mu.Lock()   // A launch that saw the context alive is counted by now; later ones see it ended.
	l.mu.Unlock() //nolint:staticcheck // See above.
	l.looks.Wait()
	l.repositories.Close()
	return nil
}

// ask begins a look, unless one is under way for this GitSync. It tells whether it did.
func (l *looker) ask(name types.NamespacedName, q question) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running[name] {
		return false
	}
	if l.ctx == nil {
		l.waiting[name] = q
		return true
	}
	l.launch(name, q)
	return true
}

// launch is called with mu held.
func (l *looker) launch(name types.NamespacedName, q question) {
	if l.ctx.Err() != nil {
		return
	}
	l.running[name] = true
	before := l.answers[name]
	l.looks.Go(func() {
		ctx := l.ctx
		select {
		case l.slots <- struct{}{}:
			defer func() { <-l.slots }()
		case <-ctx.Done():
			return
		}
		found := l.look(ctx, name, q, before)
		found.at = l.clock.Now()
		l.mu.Lock()
		if l.running[name] { // Otherwise the GitSync is gone meanwhile.
			delete(l.running, name)
			l.answers[name] = found
		}
		l.mu.Unlock()
		l.counts.look(found)
		select {
		case l.wake <- event.TypedGenericEvent[types.NamespacedName]{Object: name}:
		case <-ctx.Done():
		}
	})
}

// answer returns the last answer for this generation of the spec of this GitSync.
func (l *looker) answer(name types.NamespacedName, uid types.UID, generation int64) (answer, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a, ok := l.answers[name]
	return a, ok && a.uid == uid && a.generation == generation
}

// forget drops what is known of a GitSync that is gone.
func (l *looker) forget(name types.NamespacedName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.answers, name)
	delete(l.running, name)
	delete(l.secrets, name)
	delete(l.waiting, name)
}

// look answers a question.
func (l *looker) look(ctx context.Context, name types.NamespacedName, q question, before answer) answer {
	found := answer{question: q}
	source := fetch.Source{URL: q.source.RepoURL}
	if source.Credentials, found.err = l.credentials(ctx, name, q); found.err != nil {
		found.secretErr = true
		return found
	}
	snapshot, err := l.repositories.Snapshot(ctx, source, q.source.TargetRevision, q.maxAge)
	if err != nil {
		if failure, ok := errors.AsType[*fetch.Error](err); ok && failure.Kind == fetch.Unauthorized {
			l.forgetSecret(name) // It may have been changed: read it again next time.
		}
		found.err = err
		return found
	}
	defer snapshot.Close()
	found.commit = snapshot.Commit()
	if before.uid == q.uid && before.generation == q.generation && before.commit == found.commit && lasting(before.err) {
		found.err = before.err
		return found
	}
	var built bool
	found.result, built, found.err = l.results.Render(ctx, q.source.RepoURL+" "+q.source.TargetRevision, snapshot, snapshot.Root(), q.source.Path)
	l.counts.rendered(built)
	if found.err == nil {
		found.since = l.since(snapshot, found, before)
	}
	return found
}

// since returns the commit at which the result first appeared.
func (l *looker) since(snapshot *fetch.Snapshot, found, before answer) string {
	stop := ""
	if before.uid == found.uid && before.generation == found.generation && before.err == nil && before.result != nil {
		if before.result == found.result {
			return before.since
		}
		stop = before.commit
	}
	return snapshot.Since(stop, maxHistory, func(root string) bool { return found.result.Inputs.Same(snapshot, root) })
}

// lasting tells whether a failure to render stays the same as long as the commit does.
func lasting(err error) bool {
	failure, ok := errors.AsType[*render.Error](err)
	return ok && failure.Kind != render.Unreadable
}

// credentials returns those of a repository; its Secret is read anew after a while, or if it did not let us in.
func (l *looker) credentials(ctx context.Context, name types.NamespacedName, q question) (fetch.Credentials, error) {
	if q.source.SecretRef == nil {
		return fetch.Credentials{}, nil
	}
	l.mu.Lock()
	known, ok := l.secrets[name]
	l.mu.Unlock()
	if ok && known.uid == q.uid && known.generation == q.generation && q.request == "" && l.clock.Since(known.read) < credentialsAge {
		return known.credentials, nil
	}
	credentials, err := l.accounts.credentials(ctx, q.account, q.source.SecretRef.Name)
	if err != nil {
		return fetch.Credentials{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.running[name] {
		return credentials, nil // The GitSync is gone meanwhile: nothing of it is kept.
	}
	l.secrets[name] = secret{uid: q.uid, generation: q.generation, credentials: credentials, read: l.clock.Now()}
	return credentials, nil
}

func (l *looker) forgetSecret(name types.NamespacedName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.secrets, name)
}

// requestOf is what the queue works on for a GitSync that is woken.
func requestOf(_ context.Context, name types.NamespacedName) []reconcile.Request {
	return []reconcile.Request{{NamespacedName: name}}
}
