package gatewayapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/trafficrouting"
	"github.com/sluicehq/sluice/trafficrouting/claims"
	"github.com/sluicehq/sluice/trafficrouting/ownership"
)

// rulesField is what a release takes from whoever owns it, and gives back.
const rulesField = ownership.Field("rules")

// Options are what a Router needs.
type Options struct {
	// Client writes routes. It may read from a cache what no weight rests on: Gateways and their classes.
	Client client.Client
	// Live reads what is about to be written. It must be the API server itself, and no cache.
	Live client.Reader
	// Kinds knows what the cluster serves.
	Kinds *Kinds
	// Namespaces are those in which routes may be; none means all.
	Namespaces []string
}

// Router moves the weights of Gateway API routes.
type Router struct {
	client     client.Client
	live       client.Reader
	kinds      *Kinds
	namespaces []string
}

var _ trafficrouting.Router = (*Router)(nil)

// New returns a Router.
func New(o Options) *Router {
	return &Router{client: o.Client, live: o.Live, kinds: o.Kinds, namespaces: slices.Clone(o.Namespaces)}
}

// NewRoute is an empty route of the kind, to watch or to read into. Reading it as an unstructured object shares the cache
// that Observe reads.
func NewRoute(kind schema.GroupVersionKind) *unstructured.Unstructured {
	route := &unstructured.Unstructured{}
	route.SetGroupVersionKind(kind)
	return route
}

// IsRoute says whether an object is a route as the Router reads it.
func IsRoute(kind schema.GroupVersionKind) bool {
	return kind.Group == group && claims.IsRoute(kind.Kind)
}

// Observe implements trafficrouting.Router.
func (r *Router) Observe(ctx context.Context, reader client.Reader, target trafficrouting.Target) ([]trafficrouting.Route, error) {
	routes := make([]trafficrouting.Route, 0, len(target.Routes))
	for _, ref := range target.Routes {
		seen, err := r.observe(ctx, reader, target, ref)
		if err != nil {
			return nil, err
		}
		routes = append(routes, seen)
	}
	return routes, nil
}

func (r *Router) observe(
	ctx context.Context, reader client.Reader, target trafficrouting.Target, ref trafficrouting.RouteRef,
) (trafficrouting.Route, error) {
	if len(r.namespaces) > 0 && !slices.Contains(r.namespaces, ref.Namespace) {
		return unusable(target, ref, trafficrouting.ReasonNotServedHere, fmt.Sprintf("this controller does not serve"+
			" namespace %s: name a route of %s, or add the namespace to those that it serves", ref.Namespace,
			strings.Join(r.namespaces, ", "))), nil
	}
	route, err := r.get(ctx, reader, ref)
	switch {
	case apierrors.IsNotFound(err):
		return unusable(target, ref, trafficrouting.ReasonRouteNotFound, fmt.Sprintf("%s does not exist: create it, or"+
			" take it out of the Rollout's trafficRouting", ref)), nil
	case meta.IsNoMatchError(err):
		return unusable(target, ref, trafficrouting.ReasonAPINotServed, fmt.Sprintf("the cluster does not serve %s in"+
			" %s: install the Gateway API", ref.Kind, strings.Join(versions[ref.Kind], " or "))), nil
	case err != nil:
		return trafficrouting.Route{}, fmt.Errorf("reading %s: %w", ref, err)
	}
	seen := read(route, target, ref)
	err = r.judge(ctx, reader, target, route, &seen)
	return seen, err
}

// judge looks at what lies outside of a route: grants, policies, and the features of its gateways. A feature that is lacking refuses
// the start of a release, and only that.
func (r *Router) judge(
	ctx context.Context, reader client.Reader, target trafficrouting.Target, route *unstructured.Unstructured,
	seen *trafficrouting.Route,
) error {
	refuse := func(reason, message string) {
		if seen.Problem == "" && message != "" {
			seen.ProblemReason, seen.Problem, seen.Original = reason, message, ""
		}
	}
	missing, err := r.missingGrant(ctx, reader, target, seen.RouteRef)
	if err != nil {
		return err
	}
	refuse(trafficrouting.ReasonNotGranted, missing)
	policy, err := r.halfPolicy(ctx, reader, target, seen.RouteRef)
	if err != nil {
		return err
	}
	refuse(trafficrouting.ReasonPolicyIncomplete, policy)
	lacks, unknown, err := r.features(ctx, target, route)
	if err != nil {
		return err
	}
	seen.Warning = unknown
	if releasing := target.Originals[seen.Name] != ""; releasing {
		seen.Warning = cmp.Or(lacks, unknown)
	} else {
		refuse(trafficrouting.ReasonFeatureMissing, lacks)
	}
	return nil
}

// unusable is a route of which nothing can be read: any share is possible.
func unusable(target trafficrouting.Target, ref trafficrouting.RouteRef, reason, problem string) trafficrouting.Route {
	return trafficrouting.Route{
		RouteRef: ref, Name: target.NameOf(ref), High: 100, ProblemReason: reason, Problem: problem, Waiting: problem,
	}
}

// read says what one route says by itself.
func read(route *unstructured.Unstructured, target trafficrouting.Target, ref trafficrouting.RouteRef) trafficrouting.Route {
	s := servicesOf(target, ref)
	seen := trafficrouting.Route{
		RouteRef: ref, Name: target.NameOf(ref), ResourceVersion: route.GetResourceVersion(), High: 100,
	}
	recorded, readable := recordOf(target.Originals, seen.Name)
	seen.Unreadable = !readable
	if low, high, ok := shares(route, s); ok && !anyOverwritten(route, s, recorded) {
		seen.Low, seen.High = low, high
	}
	seen.AtRest = atRest(route, s)

	var known []string
	if recorded != nil {
		known = recorded.Parents
	}
	acknowledged := acknowledge(route, known)
	seen.Waiting, seen.Ignored = acknowledged.waiting, acknowledged.ignored

	seen.ProblemReason, seen.Problem = rulesProblem(route, s, recorded)
	if seen.Problem == "" {
		seen.ProblemReason, seen.Problem = parentsProblem(route, acknowledged, target.Originals[seen.Name] != "")
	}
	if seen.Problem == "" {
		var err error
		if seen.Original, err = capture(route, s, recorded, acknowledged).encode(); err != nil {
			seen.ProblemReason, seen.Problem = trafficrouting.ReasonRecordTooLarge, err.Error()
		}
	}
	if len(acknowledged.counted) == 0 && seen.Waiting == "" {
		seen.Waiting = "no parent has accepted the route"
	}
	seen.Acknowledged = seen.Waiting == ""
	return seen
}

// parentsProblem says why no gateway would follow the route. What is unresolved refuses the start of a release; during
// one it is only waited for.
func parentsProblem(route *unstructured.Unstructured, seen acknowledgement, releasing bool) (reason, message string) {
	switch {
	case len(seen.counted)+len(seen.ignored) == 0:
		return trafficrouting.ReasonNoParents, fmt.Sprintf("%s %s has no parentRefs, so no gateway serves it: name one",
			route.GetKind(), route.GetName())
	case len(seen.counted) == 0:
		return trafficrouting.ReasonNotAccepted, fmt.Sprintf("no gateway has accepted %s %s: %s. Look at its status.parents",
			route.GetKind(), route.GetName(), strings.Join(seen.ignored, "; "))
	case seen.unresolved != "" && !releasing:
		return trafficrouting.ReasonRefsNotResolved, fmt.Sprintf("%s %s refers to what cannot be resolved, says %s: mend it"+
			" before a release", route.GetKind(), route.GetName(), seen.unresolved)
	}
	return "", ""
}

// capture makes the record of a route, or brings the one that there is up to date.
func capture(route *unstructured.Unstructured, s services, recorded *original, seen acknowledgement) *original {
	made := &original{
		Version: originalVersion,
		Rules:   captureRules(route.Object, s, recorded, markOf(route.GetAnnotations(), s)),
		Parents: seen.counted,
		Owners:  rulesField.Owners(route.GetManagedFields(), v1alpha1.ManagerController),
	}
	_, ours := rulesField.HeldBy(route.GetManagedFields(), v1alpha1.ManagerController)
	if recorded != nil && (ours || len(made.Owners) == 0) {
		made.Owners = ownership.Union(recorded.Owners, made.Owners)
	}
	return made
}

// atRest says that nothing of this release is in the route. An entry in managedFields that another release on the same
// route keeps is not ours.
func atRest(route *unstructured.Unstructured, s services) bool {
	annotations := route.GetAnnotations()
	if _, marked := annotations[s.mark()]; marked {
		return false
	}
	anything, _ := rulesField.HeldBy(route.GetManagedFields(), v1alpha1.ManagerController)
	return !anything || claims.MarkedByOthers(annotations, s.mark())
}

// get reads a route in the version that the cluster serves. A kind that is not served is a NoMatch error.
func (r *Router) get(ctx context.Context, reader client.Reader, ref trafficrouting.RouteRef) (*unstructured.Unstructured, error) {
	kind, ok, err := r.kinds.Served(ref.Kind)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, notServed(ref.Kind)
	}
	route := NewRoute(kind)
	err = reader.Get(ctx, types.NamespacedName{Namespace: ref.Namespace, Name: ref.Name}, route)
	if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) && kind.Version != versions[ref.Kind][0] {
		// Its definition may have been replaced by one that serves another version.
		r.kinds.forget(ref.Kind)
	}
	if err != nil {
		return nil, err
	}
	return route, nil
}

func notServed(kind string) error {
	return &meta.NoKindMatchError{GroupKind: schema.GroupKind{Group: group, Kind: kind}, SearchedVersions: versions[kind]}
}

// recordOf is the record of a route; nil if there is none. One that cannot be read, since somebody has edited the status
// or another version of Sluice wrote it, is as good as none, as after a loss of status: the mark in the route still tells
// what is ours. readable says that it was not so.
func recordOf(originals map[string]string, name string) (record *original, readable bool) {
	text := originals[name]
	if text == "" {
		return nil, true
	}
	record, err := decodeOriginal(name, text)
	if err != nil {
		return nil, false
	}
	return record, true
}

func servicesOf(target trafficrouting.Target, ref trafficrouting.RouteRef) services {
	return services{claims.Services{
		RouteNamespace: ref.Namespace, Namespace: target.Namespace, Stable: target.StableService, Canary: target.CanaryService,
	}}
}

// errNoRecord refuses a first change of what has not been recorded.
var errNoRecord = errors.New("there is no record of the route as it was: it must be recorded before the first change")
