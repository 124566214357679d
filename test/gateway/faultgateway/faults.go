package faultgateway

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluicehq/sluice/test/gateway/table"
)

// maxLag bounds every lag.
const maxLag = time.Minute

// everyRoute stands for all routes in Silent and Refused.
const everyRoute = "*"

// Faults are the habits of the gateway. The zero value is a gateway without any: status, routes and endpoints follow at
// once. Every lag is from 0 to a minute, counted from when the informers show a change; a change that is on its way is
// not lost when a lag is changed, and what a replica has it never forgets for something older.
type Faults struct {
	// StatusLag is how long a change of a route waits before status says that it was seen.
	StatusLag metav1.Duration `json:"statusLag,omitzero"`
	// RouteLag is how long a change of a route waits before the data plane follows. Above StatusLag, what is acknowledged
	// is not yet served.
	RouteLag metav1.Duration `json:"routeLag,omitzero"`
	// EndpointLag is how long a change of a Service or its endpoints waits before the data plane follows. Above RouteLag,
	// endpoints come after routes; below, before them.
	EndpointLag metav1.Duration `json:"endpointLag,omitzero"`
	// Skew is what each replica of the data plane lags behind more than these, in the order of replicas; those that are
	// not named do not.
	Skew []Skew `json:"skew,omitempty"`
	// Throttle is the shortest time between two changes of a replica's configuration; what comes in between is gathered.
	// The first change after a quiet time is not held up.
	Throttle metav1.Duration `json:"throttle,omitzero"`
	// Silent are routes of which status says nothing, as namespace/name, or "*" for all. The data plane follows them.
	Silent []string `json:"silent,omitempty"`
	// Refused are routes that are not accepted from now on, as namespace/name, or "*" for all: status says so of each
	// generation, and the data plane keeps the last one that was accepted.
	Refused []string `json:"refused,omitempty"`
	// DropRefused takes refused routes out of the data plane.
	DropRefused bool `json:"dropRefused,omitempty"`
	// KeepTerminating keeps endpoints in use that are terminating and still serve.
	KeepTerminating bool `json:"keepTerminating,omitempty"`
	// HideFeatures leaves supportedFeatures of the GatewayClass empty, as older gateways do.
	HideFeatures bool `json:"hideFeatures,omitempty"`
	// LackFeatures are names that supportedFeatures leaves out.
	LackFeatures []string `json:"lackFeatures,omitempty"`
}

// Skew is what one replica lags behind more than the others.
type Skew struct {
	Routes    metav1.Duration `json:"routes,omitzero"`
	Endpoints metav1.Duration `json:"endpoints,omitzero"`
}

// Validate says which fields are out of bounds, by name, for a data plane of so many replicas.
func (f Faults) Validate(replicas int) error {
	var errs []error
	lag := func(field string, d metav1.Duration) {
		if d.Duration < 0 || d.Duration > maxLag {
			errs = append(errs, fmt.Errorf("%s is %s: want 0s to %s", field, d.Duration, maxLag))
		}
	}
	lag("statusLag", f.StatusLag)
	lag("routeLag", f.RouteLag)
	lag("endpointLag", f.EndpointLag)
	lag("throttle", f.Throttle)
	if len(f.Skew) > replicas {
		errs = append(errs, fmt.Errorf("skew names %d replicas: there are %d", len(f.Skew), replicas))
	}
	for i, skew := range f.Skew {
		lag(fmt.Sprintf("skew[%d].routes", i), skew.Routes)
		lag(fmt.Sprintf("skew[%d].endpoints", i), skew.Endpoints)
	}
	for field, names := range map[string][]string{"silent": f.Silent, "refused": f.Refused} {
		for _, name := range names {
			if name != everyRoute && strings.Count(name, "/") != 1 {
				errs = append(errs, fmt.Errorf("%s: %q is not of the form namespace/name, and not *", field, name))
			}
		}
	}
	return errors.Join(errs...)
}

// clone shares nothing with the original, so that a caller may go on changing it.
func (f Faults) clone() Faults {
	f.Skew, f.Silent, f.Refused = slices.Clone(f.Skew), slices.Clone(f.Silent), slices.Clone(f.Refused)
	f.LackFeatures = slices.Clone(f.LackFeatures)
	return f
}

// lags of a replica.
func (f Faults) lags(replica int) (routes, endpoints time.Duration) {
	routes, endpoints = f.RouteLag.Duration, f.EndpointLag.Duration
	if replica < len(f.Skew) {
		routes += f.Skew[replica].Routes.Duration
		endpoints += f.Skew[replica].Endpoints.Duration
	}
	return routes, endpoints
}

func named(names []string, key table.RouteKey) bool {
	return slices.Contains(names, everyRoute) || slices.Contains(names, key.Namespace+"/"+key.Name)
}
