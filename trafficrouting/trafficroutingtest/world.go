package trafficroutingtest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/trafficrouting"
)

// The Services of a Scene.
const (
	Stable = "stable"
	Canary = "canary"
	Other  = "other"
)

// World is a cluster, a data plane that follows its routes, and the Router that is tried out on them.
type World interface {
	// Client reads and writes without a cache, and may do everything.
	Client() client.WithWatch
	// Router makes the one under test. It is to write through the first and to read what it writes through the second.
	Router(writer client.Client, live client.Reader) trafficrouting.Router
	// Scene makes a place that no other test uses, and takes it away when the test ends.
	Scene(t *testing.T) Scene
}

// Scene is a namespace with the three Services, each with at least one port and a pod that is ready.
type Scene interface {
	Namespace() string
	// Route is the user's route of these rules, as it is to be applied; it is not yet in the cluster.
	Route(name string, rules ...Rule) *unstructured.Unstructured
	// Send sends a request on a path through the data plane, and gives the Service that answered. An error is an answer
	// of anybody else, or none. It may be called from several goroutines.
	Send(ctx context.Context, path string) (service string, err error)
}

// Refuser is a Scene whose gateway can be made to refuse a route as it is, without a change of the route.
type Refuser interface {
	// Refuse makes the gateway refuse the route from now on, or accept it again.
	Refuse(ctx context.Context, route string, refuse bool) error
}

// Lagger is a Scene whose data plane can be made to follow a route later than it is acknowledged.
type Lagger interface {
	// Lag is from now on how much later. errors.ErrUnsupported says that this much cannot be had.
	Lag(ctx context.Context, lag time.Duration) error
}

// Rule is a rule of a route. Rules do not have to have names.
type Rule struct {
	// Path is the prefix of the requests that the rule is for; empty means all.
	Path     string
	Backends []Backend
}

// Backend is a Service with a weight.
type Backend struct {
	// Service is one of the scene's, or one that does not exist.
	Service string
	Weight  int32
}

// Config says how much the suite asks of a World.
type Config struct {
	// Now is the clock (required).
	Now func() time.Time
	// Settle is what a user of this gateway would choose for settleSeconds (required).
	Settle time.Duration
	// Within is how long an acknowledgement or a share may be waited for; absent means 30 s.
	Within time.Duration
	// Requests is how many requests a share is observed by, 100 to 10,000; absent means 1000.
	Requests int
	// Cases are the names of those to run (see CaseWeights and so on); absent means all.
	Cases []string
}

func (c Config) complete() (Config, error) {
	if c.Within == 0 {
		c.Within = 30 * time.Second
	}
	if c.Requests == 0 {
		c.Requests = 1000
	}
	switch {
	case c.Now == nil:
		return c, errors.New("config: Now is missing")
	case c.Settle <= 0:
		return c, errors.New("config: Settle must be positive")
	case c.Requests < 100 || c.Requests > 10_000:
		return c, fmt.Errorf("config: Requests is %d: want 100 to 10000", c.Requests)
	}
	for _, name := range c.Cases {
		if !isCase(name) {
			return c, fmt.Errorf("config: there is no case of %q", name)
		}
	}
	return c, nil
}
