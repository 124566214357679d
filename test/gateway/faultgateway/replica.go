package faultgateway

import (
	"sync/atomic"
	"time"

	"github.com/sluicehq/sluice/test/gateway/table"
)

// configuration is what a replica of the data plane works by.
type configuration struct {
	routes    *table.Table
	endpoints *table.Endpoints
}

// replica of the data plane: which entries of the histories it has, and since when.
type replica struct {
	index     int
	routes    reader[*table.Table]
	endpoints reader[*table.Endpoints]
	changed   time.Time
	// now is nil until there are routes and endpoints.
	now atomic.Pointer[configuration]
}

// follow takes over what the lags let through, and says when there will be more (zero: not by waiting).
func (r *replica) follow(
	routes *history[*table.Table], endpoints *history[*table.Endpoints], faults Faults, now time.Time,
) (followed bool, wake time.Time) {
	routeLag, endpointLag := faults.lags(r.index)
	routesDue, routesWake := r.routes.due(routes, now, routeLag)
	endpointsDue, endpointsWake := r.endpoints.due(endpoints, now, endpointLag)
	if !routesDue && !endpointsDue {
		return false, earliest(routesWake, endpointsWake)
	}
	if next := r.changed.Add(faults.Throttle.Duration); !r.changed.IsZero() && now.Before(next) {
		return false, next
	}
	r.routes.read(routes, now, routeLag)
	r.endpoints.read(endpoints, now, endpointLag)
	r.changed = now
	t, haveRoutes := routes.get(r.routes.at)
	e, haveEndpoints := endpoints.get(r.endpoints.at)
	if haveRoutes && haveEndpoints {
		r.now.Store(&configuration{t.value, e.value})
	}
	_, routesWake = r.routes.due(routes, now, routeLag)
	_, endpointsWake = r.endpoints.due(endpoints, now, endpointLag)
	return haveRoutes && haveEndpoints, earliest(routesWake, endpointsWake)
}

// earliest of two moments, of which zero ones do not count.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
