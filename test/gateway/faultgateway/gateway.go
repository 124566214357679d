package faultgateway

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/test/gateway/table"
)

// ControllerName is what a GatewayClass names to be served, unless Options say otherwise.
const ControllerName = "sluice.dev/fault-gateway"

// maxReplicas bounds Options.Replicas.
const maxReplicas = 16

// Options say what a Gateway is.
type Options struct {
	// Config is how to reach the API server (required).
	Config *rest.Config
	// ControllerName chooses the GatewayClasses that are served; absent means ControllerName.
	ControllerName string
	// Listen is the address of the data plane; absent means 127.0.0.1:0.
	Listen string
	// Replicas of the data plane, 1 to 16; absent means 1. Each request goes to one of them by lot.
	Replicas int
	// Seed of everything that is drawn; 0 chooses one. Gateway.Seed says it.
	Seed uint64
	// Faults at the start.
	Faults Faults
	// Dial opens connections to endpoints; absent means a plain dialer. A test whose pods are made up leads their
	// addresses to servers of its own.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Remember is how many requests and how many moments are kept; absent means 200,000.
	Remember int
	// Log is told what goes wrong; absent means nobody is.
	Log logr.Logger
	// Now is the clock; absent means time.Now.
	Now func() time.Time
}

func (o Options) complete() (Options, error) {
	setDefault(&o.ControllerName, ControllerName)
	setDefault(&o.Listen, "127.0.0.1:0")
	setDefault(&o.Replicas, 1)
	setDefault(&o.Remember, 200_000)
	setDefault(&o.Seed, rand.Uint64()|1) //nolint:gosec // Which backend a request goes to is no secret.
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: 5 * time.Second}).DialContext
	}
	switch {
	case o.Config == nil:
		return o, errors.New("fault gateway: no API server is given")
	case o.Replicas < 1 || o.Replicas > maxReplicas:
		return o, fmt.Errorf("fault gateway: %d replicas: want 1 to %d", o.Replicas, maxReplicas)
	case o.Remember < 1:
		return o, fmt.Errorf("fault gateway: %d requests to remember: want at least 1", o.Remember)
	}
	if err := o.Faults.Validate(o.Replicas); err != nil {
		return o, fmt.Errorf("fault gateway: faults: %w", err)
	}
	return o, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Gateway is one that runs.
type Gateway struct {
	options  Options
	client   client.Client
	cache    cache.Cache
	kinds    kinds
	listener net.Listener
	replicas []*replica
	dice     *dice
	book     *book
	metrics  *metrics

	// changed and due each hold at most one word: look again.
	changed, due chan struct{}
	// acknowledged is what status is to say.
	acknowledged atomic.Pointer[table.Table]
	faults       atomic.Pointer[Faults]

	control control
	stop    context.CancelFunc
	running sync.WaitGroup
}

// Start listens, waits until the informers have everything and the first status is on its way, and returns; the gateway then runs
// until the context ends or Close is called. The CRDs of Gateway, GatewayClass and HTTPRoute must be there; GRPCRoute and
// ReferenceGrant are served if theirs are.
func Start(ctx context.Context, options Options) (*Gateway, error) {
	options, err := options.complete()
	if err != nil {
		return nil, err
	}
	g := &Gateway{
		options: options, dice: newDice(options.Seed), book: newBook(options.Remember), metrics: newMetrics(),
		changed: make(chan struct{}, 1), due: make(chan struct{}, 1),
	}
	g.faults.Store(new(options.Faults.clone()))
	for i := range options.Replicas {
		g.replicas = append(g.replicas, &replica{index: i})
	}
	if err := g.connect(); err != nil {
		return nil, err
	}
	var listen net.ListenConfig
	if g.listener, err = listen.Listen(ctx, "tcp", options.Listen); err != nil {
		return nil, fmt.Errorf("fault gateway: %w", err)
	}
	running, stop := context.WithCancel(ctx)
	g.stop = stop
	if err := g.watch(running); err != nil {
		stop()
		g.running.Wait()
		return nil, errors.Join(err, g.listener.Close())
	}
	g.running.Go(func() { g.followChanges(running) })
	g.running.Go(func() { g.writeStatuses(running) })
	g.running.Go(func() { g.serve(running) })
	return g, nil
}

// Close ends the gateway at once and waits for its parts. Requests that are being served are broken off.
func (g *Gateway) Close() {
	g.stop()
	g.running.Wait()
}

// URL of the data plane.
func (g *Gateway) URL() string { return "http://" + g.listener.Addr().String() }

// Seed makes what is drawn the same again.
func (g *Gateway) Seed() uint64 { return g.options.Seed }

// Faults are the present ones.
func (g *Gateway) Faults() Faults { return g.faults.Load().clone() }

// SetFaults changes the faults from now on; an error names the fields that are out of bounds, and changes nothing.
func (g *Gateway) SetFaults(faults Faults) error {
	if err := faults.Validate(len(g.replicas)); err != nil {
		return err
	}
	g.faults.Store(new(faults.clone()))
	nudge(g.changed)
	return nil
}

// Served are the requests that came in at or after a moment, oldest first, as far as they are remembered.
func (g *Gateway) Served(since time.Time) []Served { return g.book.served(since) }

// Timeline is what the gateway did at or after a moment, oldest first, as far as it is remembered.
func (g *Gateway) Timeline(since time.Time) []Moment { return g.book.timeline(since) }

// serve runs the data plane until the context ends.
func (g *Gateway) serve(ctx context.Context) {
	server := &http.Server{
		Handler: newProxy(g), ReadHeaderTimeout: 30 * time.Second, Protocols: new(http.Protocols),
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	g.running.Go(func() {
		<-ctx.Done()
		_ = server.Close() // The listener is closed, or was already.
	})
	if err := server.Serve(g.listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
		g.options.Log.Error(err, "The data plane has ended")
	}
}

// nudge leaves word, unless it is there already.
func nudge(word chan struct{}) {
	select {
	case word <- struct{}{}:
	default:
	}
}
