package gitsync

import (
	"maps"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/gitsync/apply"
	"github.com/sluicehq/sluice/gitsync/changeset"
	"github.com/sluicehq/sluice/gitsync/health"
)

// memory is what the controller knows of one GitSync from one reconcile to the next. All of it can be lost: it is made
// again from Git, the inventory and the watches. Only the worker that reconciles the GitSync uses it.
type memory struct {
	uid   types.UID
	owner string

	// nextLook is when Git is looked at again, and misses how often in a row that has failed.
	nextLook time.Time
	misses   int
	// answeredAt tells one answer of the looker from the next.
	answeredAt time.Time

	desired   *desired
	inventory *inventory
	// reported marks, by content and live key, what a comparison found to differ and was not allowed to change.
	reported map[changeset.ID]string
	// checked marks, by content and request, what was compared though no watch shows it.
	checked map[changeset.ID]string
	failed  map[changeset.ID]failure
	health  map[changeset.ID]seenHealth
	written map[changeset.ID]ownWrite
	leaving map[changeset.ID]leaving
	// status is what was written last; the cache may be behind it.
	status *v1alpha1.GitSyncStatus
	// accountKnown is the service account that was last known to exist, at accountSeen.
	accountKnown types.NamespacedName
	accountSeen  time.Time
}

// desired is what Git holds, ready to be applied.
type desired struct {
	// digest of what was rendered, and the commit at which this was first seen.
	digest, commit string
	namespace      string
	objects        []apply.Object
	byID           map[changeset.ID]*apply.Object
	list           []changeset.Desired
	problems       []apply.Problem
	// adopted names the Rollouts in Git that adopt a Deployment, by the Deployment.
	adopted map[changeset.ID]changeset.ID
}

// tidy forgets what was noted of objects that are neither in Git nor in the inventory.
func (m *memory) tidy() {
	gone := func(id changeset.ID) bool {
		_, wanted := m.desired.byID[id]
		_, applied := m.inventory.entries[id]
		return !wanted && !applied
	}
	maps.DeleteFunc(m.reported, func(id changeset.ID, _ string) bool { return gone(id) })
	maps.DeleteFunc(m.checked, func(id changeset.ID, _ string) bool { return gone(id) })
	maps.DeleteFunc(m.failed, func(id changeset.ID, _ failure) bool { return gone(id) })
	maps.DeleteFunc(m.health, func(id changeset.ID, _ seenHealth) bool { return gone(id) })
	maps.DeleteFunc(m.written, func(id changeset.ID, _ ownWrite) bool { return gone(id) })
	maps.DeleteFunc(m.leaving, func(id changeset.ID, _ leaving) bool { return gone(id) })
}

// failure is an object that could not be written.
type failure struct {
	hash, text string
	attempts   int
	retryAt    time.Time
}

// seenHealth is the health of an object at a resourceVersion.
type seenHealth struct {
	version string
	health.Assessment
}

// ownWrite remembers what we wrote until the watch has moved on from what it showed before.
type ownWrite struct {
	before  string
	live    changeset.Live
	version string
}

// leaving is what was read of an object that left Git, at what the watch showed of it.
type leaving struct {
	shown string
	live  changeset.Live
	at    time.Time
}

// memories holds the memory of each GitSync, and who holds which object.
type memories struct {
	mu      sync.Mutex
	byName  map[types.NamespacedName]*memory
	holders map[changeset.ID]map[types.NamespacedName]struct{}
}

func newMemories() *memories {
	return &memories{
		byName:  map[types.NamespacedName]*memory{},
		holders: map[changeset.ID]map[types.NamespacedName]struct{}{},
	}
}

// of returns the memory of a GitSync, a new one if it was made anew.
func (m *memories) of(gs *v1alpha1.GitSync) *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := types.NamespacedName{Namespace: gs.Namespace, Name: gs.Name}
	known, ok := m.byName[key]
	if !ok || known.uid != gs.UID {
		m.drop(key)
		known = &memory{
			uid: gs.UID, owner: apply.OwnerLabel(gs.Namespace, gs.Name),
			reported: map[changeset.ID]string{}, checked: map[changeset.ID]string{},
			failed: map[changeset.ID]failure{},
			health: map[changeset.ID]seenHealth{}, written: map[changeset.ID]ownWrite{},
			leaving: map[changeset.ID]leaving{},
		}
		m.byName[key] = known
	}
	return known
}

// forget drops the memory of a GitSync that is gone.
func (m *memories) forget(key types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(key)
}

func (m *memories) drop(key types.NamespacedName) {
	delete(m.byName, key)
	for id, holders := range m.holders {
		if delete(holders, key); len(holders) == 0 {
			delete(m.holders, id)
		}
	}
}

// hold notes which objects a GitSync holds in Git.
func (m *memories) hold(key types.NamespacedName, before, now []changeset.Desired) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range before {
		if holders := m.holders[d.ID]; holders != nil {
			if delete(holders, key); len(holders) == 0 {
				delete(m.holders, d.ID)
			}
		}
	}
	for _, d := range now {
		if m.holders[d.ID] == nil {
			m.holders[d.ID] = map[types.NamespacedName]struct{}{}
		}
		m.holders[d.ID][key] = struct{}{}
	}
}

// heldBy names another GitSync that holds an object; empty if there is none.
func (m *memories) heldBy(id changeset.ID, except types.NamespacedName) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	first := ""
	for holder := range m.holders[id] {
		if text := holder.String(); holder != except && (first == "" || text < first) {
			first = text
		}
	}
	return first
}
