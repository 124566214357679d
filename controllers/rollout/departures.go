package rollout

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// departures remembers since when something is so of Rollouts that are being deleted: that the Services have endpoints
// again, or that the routes are restored. When it is lost, the wait begins anew.
type departures struct{ remembered[time.Time] }

func newDepartures() *departures { return &departures{} }

// since is when this was asked first.
func (d *departures) since(rollout types.NamespacedName, now time.Time) time.Time {
	at, known := d.get(rollout)
	if !known {
		at = now
		d.put(rollout, at)
	}
	return at
}
