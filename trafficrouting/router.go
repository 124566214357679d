package trafficrouting

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Reasons for which a route cannot be used for a release, in Route.ProblemReason.
const (
	// ReasonRouteNotFound: there is no such route.
	ReasonRouteNotFound = "RouteNotFound"
	// ReasonAPINotServed: the cluster does not serve this kind of route.
	ReasonAPINotServed = "RouteKindNotServed"
	// ReasonNotServedHere: the route's namespace is not one of those that the controller serves.
	ReasonNotServedHere = "NamespaceNotServed"
	// ReasonNotGranted: a ReferenceGrant that a route in another namespace needs is missing.
	ReasonNotGranted = "ReferenceNotGranted"
	// ReasonPolicyIncomplete: a policy is about the stable Service and not about the canary's.
	ReasonPolicyIncomplete = "PolicyIncomplete"
	// ReasonNoStableBackend: no rule sends traffic to the stable Service.
	ReasonNoStableBackend = "NoStableBackend"
	// ReasonNoTraffic: every rule that names the stable Service gives it weight 0.
	ReasonNoTraffic = "NoTraffic"
	// ReasonTooManyBackends: a rule has no room for the canary Service.
	ReasonTooManyBackends = "TooManyBackends"
	// ReasonWeightsTooFarApart: a rule's weights differ so much that the stable Service's cannot be divided.
	ReasonWeightsTooFarApart = "WeightsTooFarApart"
	// ReasonNoParents: the route is attached to nothing.
	ReasonNoParents = "NoParents"
	// ReasonNotAccepted: no parent has accepted the route.
	ReasonNotAccepted = "RouteNotAccepted"
	// ReasonRefsNotResolved: a parent cannot resolve what the route refers to, and no release is running.
	ReasonRefsNotResolved = "RefsNotResolved"
	// ReasonFeatureMissing: a gateway says that it lacks what the release needs, and no release is running.
	ReasonFeatureMissing = "FeatureNotSupported"
	// ReasonRecordTooLarge: what must be remembered of the route does not fit into the status.
	ReasonRecordTooLarge = "RouteTooLarge"
)

// Target is what a release moves: the routes, and the two Services between which they divide the traffic.
type Target struct {
	// Namespace of the Rollout, and so of both Services.
	Namespace string
	// Routes are the routes, each once.
	Routes []RouteRef
	// StableService and CanaryService are the names of the Services.
	StableService, CanaryService string
	// Originals are the records made before the release, by the name of the route (see Route.Original); empty at rest.
	// Observe counts only the parents that had accepted the route then.
	Originals map[string]string
}

// Route is what one route says now.
type Route struct {
	// RouteRef says which route it is.
	RouteRef
	// Name of the route, as Target.NameOf has it.
	Name string
	// ResourceVersion of the route as it was read; empty when it is missing.
	ResourceVersion string
	// Low and High are the lowest and the highest share of the canary Service in percent, over the rules that name the
	// stable Service. 0 means none at all and 100 means all: a share between is never rounded to either. Where nothing
	// can be read they are 0 and 100, and so they are where something overwrote both Services' weights with 0.
	Low, High int32
	// AtRest is true when nothing of ours is in the route: neither weights nor a mark nor the ownership of a field.
	AtRest bool
	// Acknowledged is true when every parent that counts has accepted and resolved this generation of the spec. It does
	// not mean that the parent already serves it.
	Acknowledged bool
	// Waiting says which parent has not, and why; empty if Acknowledged.
	Waiting string
	// Unreadable is true when the record in Target.Originals cannot be read: it counts as none, and Original is to be
	// recorded in its place.
	Unreadable bool
	// Ignored are the parents that do not count, since they had not accepted the route before the release.
	Ignored []string
	// Problem says why the route cannot be used for a release and what to do about it; empty if it can. It keeps a
	// release from going forward, and nothing from going back: SetWeight and Restore do not ask for it.
	Problem string
	// ProblemReason is Problem in one word: one of the Reason constants.
	ProblemReason string
	// Warning says what could not be checked; empty if all was. It keeps nothing from anything.
	Warning string
	// Original is what must be recorded before the first change, and given back to SetWeight and Restore: JSON of at
	// most MaxOriginalBytes. During a release it is the record of Target.Originals brought up to date with what the user
	// has changed since; recording it anew is not required. Empty when there is a Problem.
	Original string
}

// MaxOriginalBytes bounds Route.Original.
const MaxOriginalBytes = 64 << 10

// Router moves traffic between the two Services of a Target. Routes go by their names (see Target.NameOf) in what it is
// given and in what it returns.
type Router interface {
	// Select finds the routes that a selector asks for: those with the labels, of which a rule names the stable Service.
	// Others are left alone. The result is ordered by kind, namespace and name; a kind that is not served has no routes.
	// An error is one of reading.
	Select(ctx context.Context, reader client.Reader, target Target, selectors []RouteSelector) ([]RouteRef, error)

	// Observe reads the routes through the given reader, which may be a cache or the live API. The result has one Route
	// for each of target.Routes, in that order; what is wrong with a single route is in its Problem. The reader must not
	// strip managedFields.
	Observe(ctx context.Context, reader client.Reader, target Target) ([]Route, error)

	// SetWeight writes the canary Service's share, in percent from 0 to 100, into every route, and nothing where nothing
	// differs. originals are the records of Route.Original by the name of the route: one for each route, that can be read.
	// It returns the resourceVersions of the routes that were written, also when an error says that others could not be.
	SetWeight(ctx context.Context, target Target, originals map[string]string, percent int32) (written map[string]string, err error)

	// Restore brings each route back to what the user wrote, field ownership included, and writes nothing where nothing
	// differs. A route that is gone is no error; one without a record, or with one that cannot be read, is restored from
	// what it says itself. It returns the resourceVersions of the routes that were written, also when an error says that others could not be.
	Restore(ctx context.Context, target Target, originals map[string]string) (written map[string]string, err error)
}
