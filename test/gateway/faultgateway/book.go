package faultgateway

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/sluicehq/sluice/test/gateway/table"
)

// Served is one request and what became of it.
type Served struct {
	// At is when it was decided where it goes, Done when its answer had been passed on.
	At   time.Time `json:"at"`
	Done time.Time `json:"done"`
	// Replica of the data plane, from 0.
	Replica int `json:"replica"`
	// Route and the Generation of its spec by which it was decided; empty where no rule matched.
	Route      table.RouteKey `json:"route,omitzero"`
	Generation int64          `json:"generation,omitempty"`
	// Rule is the index of the rule in the route.
	Rule int `json:"rule"`
	// Service and Endpoint that it went to.
	Service  types.NamespacedName `json:"service,omitzero"`
	Endpoint table.Endpoint       `json:"endpoint,omitzero"`
	// Version is what the app calls itself in the header X-Version of its answer.
	Version string `json:"version,omitempty"`
	// Code of the answer; 0 where it was broken off.
	Code int `json:"code"`
	// Cause says why the answer is the gateway's own and not the app's; empty if it is the app's.
	Cause string `json:"cause,omitempty"`
	// Mirrored is true for a copy of a request, whose answer nobody sees.
	Mirrored bool `json:"mirrored,omitempty"`
}

// Event is what a Moment is about.
type Event string

const (
	// StatusWritten is when status says of a route that its generation was seen.
	StatusWritten Event = "StatusWritten"
	// RouteFollowed is when a replica of the data plane serves a generation of a route from then on; 0 means no longer any.
	RouteFollowed Event = "RouteFollowed"
	// EndpointsFollowed is when a replica of the data plane knows of changed endpoints.
	EndpointsFollowed Event = "EndpointsFollowed"
)

// Moment is one thing that the gateway did.
type Moment struct {
	At    time.Time `json:"at"`
	Event Event     `json:"event"`
	// Replica of the data plane; 0 for StatusWritten.
	Replica    int            `json:"replica"`
	Route      table.RouteKey `json:"route,omitzero"`
	Generation int64          `json:"generation,omitempty"`
	// Accepted is whether the status written accepts the route at all its parents.
	Accepted bool `json:"accepted,omitempty"`
}

// book remembers the last requests and moments.
type book struct {
	mu       sync.Mutex
	requests ring[Served]
	moments  ring[Moment]
}

func newBook(size int) *book {
	return &book{requests: ring[Served]{size: size}, moments: ring[Moment]{size: size}}
}

func (b *book) request(s Served) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests.add(s)
}

func (b *book) moment(m Moment) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.moments.add(m)
}

func (b *book) served(since time.Time) []Served {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.requests.list(func(s Served) bool { return !s.At.Before(since) })
}

func (b *book) timeline(since time.Time) []Moment {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.moments.list(func(m Moment) bool { return !m.At.Before(since) })
}

// ring keeps the last size values.
type ring[T any] struct {
	size   int
	values []T
	// next is where the next value goes once all places are taken.
	next int
}

func (r *ring[T]) add(value T) {
	if len(r.values) < r.size {
		r.values = append(r.values, value)
		return
	}
	r.values[r.next] = value
	r.next = (r.next + 1) % r.size
}

func (r *ring[T]) list(wanted func(T) bool) []T {
	var result []T
	for i := range r.values {
		if value := r.values[(r.next+i)%len(r.values)]; wanted(value) {
			result = append(result, value)
		}
	}
	return result
}
