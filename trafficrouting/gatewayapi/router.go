package gatewayapi

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/trafficrouting"
	"github.com/sluicehq/sluice/trafficrouting/claims"
)

// HTTPRoute is the kind of route that is moved. Reading it as unstructured objects of this kind shares the cache that
// Observe reads.
var HTTPRoute = schema.GroupVersionKind{Group: group, Version: "v1", Kind: claims.KindHTTPRoute}

// attempts is how often a write is tried on a route that somebody else writes at the same time.
const attempts = 5

// Router moves the weights of Gateway API routes of one kind.
type Router struct {
	client client.Client
	live   client.Reader
	kind   schema.GroupVersionKind
}

var _ trafficrouting.Router = (*Router)(nil)

// New returns a Router for HTTPRoutes. It writes through c, and reads what it is about to write through live, which must
// be the API server itself and no cache.
func New(c client.Client, live client.Reader) *Router {
	return &Router{client: c, live: live, kind: HTTPRoute}
}

// NewRoute is an empty route of the kind, to watch or to read into.
func NewRoute() *unstructured.Unstructured {
	route := &unstructured.Unstructured{}
	route.SetGroupVersionKind(HTTPRoute)
	return route
}

// Observe implements trafficrouting.Router.
func (r *Router) Observe(ctx context.Context, reader client.Reader, target trafficrouting.Target) ([]trafficrouting.Route, error) {
	routes := make([]trafficrouting.Route, 0, len(target.Routes))
	for _, name := range target.Routes {
		route, err := r.get(ctx, reader, target.Namespace, name)
		var seen trafficrouting.Route
		switch {
		case apierrors.IsNotFound(err):
			seen = unusable(name, trafficrouting.ReasonRouteNotFound, fmt.Sprintf("%s %s/%s does not exist: create it, or"+
				" take it out of the Rollout's trafficRouting", r.kind.Kind, target.Namespace, name))
		case meta.IsNoMatchError(err):
			seen = unusable(name, trafficrouting.ReasonAPINotServed, fmt.Sprintf("the cluster does not serve %s in %s:"+
				" install the Gateway API", r.kind.Kind, r.kind.GroupVersion()))
		case err != nil:
			return nil, fmt.Errorf("reading %s %s/%s: %w", r.kind.Kind, target.Namespace, name, err)
		default:
			if seen, err = observe(route, target); err != nil {
				return nil, err
			}
		}
		routes = append(routes, seen)
	}
	return routes, nil
}

// unusable is a route of which nothing can be read: any share is possible.
func unusable(name, reason, problem string) trafficrouting.Route {
	return trafficrouting.Route{Name: name, High: 100, ProblemReason: reason, Problem: problem, Waiting: problem}
}

// observe says what one route says; it reads nothing else.
func observe(route *unstructured.Unstructured, target trafficrouting.Target) (trafficrouting.Route, error) {
	s := servicesOf(target)
	seen := trafficrouting.Route{Name: route.GetName(), ResourceVersion: route.GetResourceVersion(), High: 100}
	recorded, err := recordOf(target.Originals, route.GetName())
	if err != nil {
		return seen, err
	}
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
		seen.ProblemReason, seen.Problem = parentsProblem(route, acknowledged, recorded != nil)
	}
	if seen.Problem == "" {
		if seen.Original, err = capture(route, s, recorded, acknowledged).encode(); err != nil {
			seen.ProblemReason, seen.Problem = trafficrouting.ReasonRecordTooLarge, err.Error()
		}
	}
	if len(acknowledged.counted) == 0 && seen.Waiting == "" {
		seen.Waiting = "no parent has accepted the route"
	}
	seen.Acknowledged = seen.Waiting == ""
	return seen, nil
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
		Owners:  ownersOfRules(route.GetManagedFields(), v1alpha1.ManagerController),
	}
	_, ours := holds(route.GetManagedFields())
	if recorded != nil && (ours || len(made.Owners) == 0) {
		made.Owners = union(recorded.Owners, made.Owners)
	}
	return made
}

// atRest says that nothing of this release is in the route. An entry in managedFields that another release on the same
// route keeps is not ours.
func atRest(route *unstructured.Unstructured, s services) bool {
	annotations := route.GetAnnotations()
	if _, marked := annotations[claims.Mark(s.stable)]; marked {
		return false
	}
	anything, _ := holds(route.GetManagedFields())
	return !anything || claims.MarkedByOthers(annotations, s.stable)
}

// SetWeight implements trafficrouting.Router.
func (r *Router) SetWeight(
	ctx context.Context, target trafficrouting.Target, originals map[string]string, percent int32,
) (map[string]string, error) {
	if percent < 0 || percent > 100 {
		return nil, fmt.Errorf("a share of %d percent was asked for: it must be from 0 to 100", percent)
	}
	s := servicesOf(target)
	return r.each(target, func(name string) (string, error) {
		recorded, err := recordOf(originals, name)
		if err != nil {
			return "", err
		}
		if recorded == nil {
			return "", errors.New("there is no record of the route as it was: it must be recorded before the first change")
		}
		return r.retried(func() (string, error) {
			route, err := r.get(ctx, r.live, target.Namespace, name)
			if err != nil {
				return "", err
			}
			wanted := withWeight(route, s, recorded, percent)
			return r.update(ctx, route, wanted)
		})
	})
}

// Restore implements trafficrouting.Router.
func (r *Router) Restore(
	ctx context.Context, target trafficrouting.Target, originals map[string]string,
) (map[string]string, error) {
	s := servicesOf(target)
	return r.each(target, func(name string) (string, error) {
		recorded, err := recordOf(originals, name)
		if err != nil {
			return "", err
		}
		if recorded == nil {
			recorded = &original{Version: originalVersion}
		}
		back := &handBack{}
		version, err := r.retried(func() (string, error) {
			return r.restore(ctx, types.NamespacedName{Namespace: target.Namespace, Name: name}, s, recorded, back)
		})
		if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
			return "", nil
		}
		return version, err
	})
}

// handBack is who gets spec.rules back. It is decided before the first of the two writes, which takes the field from
// whoever owns it, and kept when the second one has to be tried again.
type handBack struct {
	owners []owner
	begun  bool
}

// decide gives the field to who owns it now, and to who owned it before the release if we took it from them.
func (h *handBack) decide(route *unstructured.Unstructured, recorded *original) {
	if h.begun {
		return
	}
	h.owners = ownersOfRules(route.GetManagedFields(), v1alpha1.ManagerController)
	if _, ours := holds(route.GetManagedFields()); ours || len(h.owners) == 0 {
		h.owners = union(h.owners, recorded.Owners)
	}
}

func (r *Router) restore(
	ctx context.Context, key types.NamespacedName, s services, recorded *original, back *handBack,
) (string, error) {
	route, err := r.get(ctx, r.live, key.Namespace, key.Name)
	if err != nil || atRest(route, s) {
		return "", err
	}
	back.decide(route, recorded)
	wanted := restored(route, s, recorded)
	version, err := r.update(ctx, route, wanted)
	if err != nil {
		return "", err
	}
	back.begun = back.begun || version != ""

	// wanted is now what the API server has; the second write builds on it.
	entries := wanted.GetManagedFields()
	anything, ours := holds(entries)
	if !anything {
		return version, nil
	}
	owners := back.owners
	if !ours {
		owners = nil // Nobody but the present owner has a right to them.
	}
	shared := claims.MarkedByOthers(wanted.GetAnnotations(), s.stable)
	entries, err = handedBack(entries, v1alpha1.ManagerController, owners, shared)
	if err != nil {
		return version, err
	}
	owned := wanted.DeepCopy()
	owned.SetManagedFields(entries)
	second, err := r.update(ctx, wanted, owned)
	if second != "" {
		version = second
	}
	return version, err
}

// each does one thing to every route, also after one of them failed.
func (r *Router) each(target trafficrouting.Target, do func(name string) (string, error)) (map[string]string, error) {
	written := map[string]string{}
	var failed []error
	for _, name := range target.Routes {
		version, err := do(name)
		if version != "" {
			written[name] = version
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s %s/%s: %w", r.kind.Kind, target.Namespace, name, err))
		}
	}
	return written, errors.Join(failed...)
}

// retried does it again after a conflict; a version that was written before the conflict is kept.
func (r *Router) retried(do func() (string, error)) (string, error) {
	var written string
	var err error
	for range attempts {
		var version string
		if version, err = do(); version != "" {
			written = version
		}
		if !apierrors.IsConflict(err) {
			break
		}
	}
	return written, err
}

// update writes the wanted route if it differs, under the condition that nobody has written it since it was read, and
// reads the result into it. It returns the new resourceVersion, empty if nothing was written.
func (r *Router) update(ctx context.Context, route, wanted *unstructured.Unstructured) (string, error) {
	if equality.Semantic.DeepEqual(route.Object, wanted.Object) {
		return "", nil
	}
	if err := r.client.Update(ctx, wanted, client.FieldOwner(v1alpha1.ManagerController)); err != nil {
		return "", err
	}
	return wanted.GetResourceVersion(), nil
}

func (r *Router) get(ctx context.Context, reader client.Reader, namespace, name string) (*unstructured.Unstructured, error) {
	route := &unstructured.Unstructured{}
	route.SetGroupVersionKind(r.kind)
	if err := reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, route); err != nil {
		return nil, err
	}
	return route, nil
}

// recordOf is the record of a route; nil if there is none.
func recordOf(originals map[string]string, name string) (*original, error) {
	text := originals[name]
	if text == "" {
		return nil, nil //nolint:nilnil // No record is an ordinary case that every caller tells apart.
	}
	return decodeOriginal(name, text)
}

func servicesOf(target trafficrouting.Target) services {
	return services{namespace: target.Namespace, stable: target.StableService, canary: target.CanaryService}
}
