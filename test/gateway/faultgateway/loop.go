package faultgateway

import (
	"context"
	"maps"
	"time"

	"github.com/sluicehq/sluice/test/gateway/table"
)

// tryAgain is how long after a failure it is tried again.
const tryAgain = 200 * time.Millisecond

// followChanges looks at what the informers say has changed, and lets status and replicas follow when their lags are over.
func (g *Gateway) followChanges(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.changed:
			if err := g.look(ctx, g.options.Now()); err != nil && ctx.Err() == nil {
				g.options.Log.Error(err, "A change could not be read")
				time.AfterFunc(tryAgain, func() { nudge(g.changed) })
			}
			// Somebody may have written a status, too.
			nudge(g.due)
		case <-timer.C:
		}
		now := g.options.Now()
		if wake := g.advance(now); !wake.IsZero() {
			timer.Reset(max(wake.Sub(now), time.Millisecond))
		}
	}
}

// advance lets status and replicas follow as far as their lags let them, and says when there will be more (zero: not by
// waiting).
func (g *Gateway) advance(now time.Time) (wake time.Time) {
	faults := *g.faults.Load()
	c := &g.control
	lag := faults.StatusLag.Duration
	c.status.read(&c.routes, now, lag)
	_, wake = c.status.due(&c.routes, now, lag)
	if read, ok := c.routes.get(c.status.at); ok && g.acknowledged.Load() != read.value {
		g.acknowledged.Store(read.value)
		nudge(g.due)
	}
	oldestRoutes, oldestEndpoints := c.status.at, c.endpoints.upTo(now)
	for _, r := range g.replicas {
		before := r.endpoints.at
		followed, next := r.follow(&c.routes, &c.endpoints, faults, now)
		wake = earliest(wake, next)
		oldestRoutes, oldestEndpoints = min(oldestRoutes, r.routes.at), min(oldestEndpoints, r.endpoints.at)
		if followed {
			g.note(r, now, r.endpoints.at != before)
		}
	}
	c.routes.forget(oldestRoutes)
	c.endpoints.forget(oldestEndpoints)
	return wake
}

// note writes down what a replica serves from now on that it has not served before.
func (g *Gateway) note(r *replica, now time.Time, endpoints bool) {
	for len(g.control.served) <= r.index {
		g.control.served = append(g.control.served, nil)
	}
	serves := r.now.Load().routes.Serves
	before := g.control.served[r.index]
	g.control.served[r.index] = serves
	for route, generation := range serves {
		if before[route] != generation {
			g.followed(r, now, route, generation)
		}
	}
	for route := range maps.Keys(before) {
		if _, ok := serves[route]; !ok {
			g.followed(r, now, route, 0)
		}
	}
	if endpoints {
		g.book.moment(Moment{At: now, Event: EndpointsFollowed, Replica: r.index})
	}
}

func (g *Gateway) followed(r *replica, now time.Time, route table.RouteKey, generation int64) {
	g.book.moment(Moment{At: now, Event: RouteFollowed, Replica: r.index, Route: route, Generation: generation})
	g.metrics.followed(r.index, route, generation)
}
