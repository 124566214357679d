package rollout

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// departures remembers since when something is so of Rollouts that are being deleted: that the Services have endpoints
// again, or that the routes are restored. When it is lost, the wait begins anew.
type departures struct {
	mu sync.Mutex
	by map[types.NamespacedName]time.Time
}

func newDepartures() *departures { return &departures{by: map[types.NamespacedName]time.Time{}} }

// since is when this was asked first.
func (d *departures) since(rollout types.NamespacedName, now time.Time) time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	at, known := d.by[rollout]
	if !known {
		at = now
		d.by[rollout] = at
	}
	return at
}

func (d *departures) forget(rollout types.NamespacedName) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.by, rollout)
}
