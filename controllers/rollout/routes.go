package rollout

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/trafficrouting"
)

// Bounds of what a release moves.
const (
	// maxRoutes is how many routes the status has room for.
	maxRoutes = 64
	// maxRecords bounds what is remembered of all of them, in bytes, so that it fits into an object of the API server.
	maxRecords = 512 << 10
)

// targetOf is what the router works on, with the records that the status has of it: the routes that are named, and those
// that were changed and have to be given back, whatever the spec has become. Routes that a selector finds come later.
func targetOf(ro *v1alpha1.Rollout, drives v1alpha1.ReleaseDrives) trafficrouting.Target {
	target := trafficrouting.Target{
		Namespace: ro.Namespace, StableService: drives.StableService, CanaryService: drives.CanaryService,
		Originals: map[string]string{},
	}
	for _, name := range drives.Routes {
		addRoute(&target, name)
	}
	if ro.Status.Release != nil {
		for _, route := range ro.Status.Release.Routes {
			if ref, ok := addRoute(&target, route.Name); ok {
				target.Originals[target.NameOf(ref)] = route.Rules
			}
		}
	}
	return target
}

// addRoute adds a route by its name. What names none, which only somebody else can have written, is left out.
func addRoute(target *trafficrouting.Target, name string) (trafficrouting.RouteRef, bool) {
	ref, err := trafficrouting.ParseRoute(target.Namespace, name)
	if err != nil {
		return ref, false
	}
	if !slices.Contains(target.Routes, ref) {
		target.Routes = append(target.Routes, ref)
	}
	return ref, true
}

// selectorsOf are the selectors by which a release finds routes. One that cannot be read finds nothing.
func selectorsOf(namespace string, drives v1alpha1.ReleaseDrives) []trafficrouting.RouteSelector {
	var selectors []trafficrouting.RouteSelector
	for _, s := range drives.RouteSelectors {
		selector := trafficrouting.RouteSelector{Kind: s.Kind, Namespace: s.Namespace}
		if selector.Namespace == "" {
			selector.Namespace = namespace
		}
		parsed, err := labels.Parse(s.Selector)
		if err != nil || parsed.Empty() {
			continue
		}
		selector.Labels = parsed
		selectors = append(selectors, selector)
	}
	return selectors
}

// findRoutes adds the routes that selectors find to those of the target.
func (r *Reconciler) findRoutes(ctx context.Context, reader client.Reader, o *observation) error {
	selectors := selectorsOf(o.rollout.Namespace, o.drives)
	if len(selectors) == 0 {
		return nil
	}
	found, err := r.router.Select(ctx, reader, o.target, selectors)
	if err != nil {
		return fmt.Errorf("find routes: %w", err)
	}
	for _, ref := range found {
		if !slices.Contains(o.target.Routes, ref) {
			o.target.Routes = append(o.target.Routes, ref)
		}
	}
	return nil
}

// readRoutes asks the router. A route that does not exist has no share, so it is only a problem and none of the routes
// that the engine moves. So is one that joins a release and cannot be used: the others must not wait for it.
func (r *Reconciler) readRoutes(ctx context.Context, from view, o *observation) error {
	if o.taken != nil {
		return nil
	}
	if err := r.findRoutes(ctx, from, o); err != nil {
		return err
	}
	if len(o.target.Routes) == 0 {
		return nil
	}
	routes, err := r.router.Observe(ctx, from, o.target)
	if err != nil {
		return fmt.Errorf("read routes: %w", err)
	}
	for _, route := range routes {
		if route.Unreadable {
			o.seen.State.Originals = slices.DeleteFunc(slices.Clone(o.seen.State.Originals),
				func(original plan.Original) bool { return original.Name == route.Name })
		}
		if route.ProblemReason == trafficrouting.ReasonRouteNotFound && !o.names(route.RouteRef) {
			continue // a selector found it, and it has been deleted
		}
		o.routes = append(o.routes, route)
		if missing(route) || len(o.target.Originals) > 0 && o.target.Originals[route.Name] == "" && route.Problem != "" {
			continue
		}
		o.seen.Routes = append(o.seen.Routes, plan.Route{
			Name: route.Name, Low: route.Low, High: route.High, AtRest: route.AtRest,
			Acknowledged: route.Acknowledged, Waiting: route.Waiting, Original: route.Original,
		})
	}
	return nil
}

// names says whether a route is named, rather than found by a selector.
func (o *observation) names(route trafficrouting.RouteRef) bool {
	return slices.ContainsFunc(o.drives.Routes, func(name string) bool {
		ref, err := trafficrouting.ParseRoute(o.rollout.Namespace, name)
		return err == nil && ref == route
	})
}

func missing(route trafficrouting.Route) bool {
	switch route.ProblemReason {
	case trafficrouting.ReasonRouteNotFound, trafficrouting.ReasonAPINotServed, trafficrouting.ReasonNotServedHere:
		return true
	}
	return false
}

// checkRoutes holds the routes to what a release needs of them.
func checkRoutes(_ context.Context, _ client.Reader, o *observation) (*plan.Problem, error) {
	records := 0
	for _, route := range o.routes {
		if route.Problem != "" {
			return problemf(v1alpha1.ReasonRouteInvalid, "%s: %s", o.routeText(route.RouteRef), route.Problem), nil
		}
		records += len(route.Original)
	}
	switch {
	case o.spec.Mover != plan.ByRoutes:
	case len(o.target.Routes) == 0:
		return problemf(v1alpha1.ReasonRouteInvalid, "no route with the labels that are selected sends traffic to Service %q:"+
			" label one, or name it", o.drives.StableService), nil
	case len(o.target.Routes) > maxRoutes:
		return problemf(v1alpha1.ReasonRouteInvalid, "there are %d routes to move, and %d are allowed: select fewer",
			len(o.target.Routes), maxRoutes), nil
	case records > maxRecords:
		return problemf(v1alpha1.ReasonRouteInvalid, "what must be remembered of the routes has %d bytes, and %d are allowed:"+
			" use fewer routes, rules or backends", records, maxRecords), nil
	}
	return nil, nil
}

// routeText names a route for people, with its namespace where that is not the Rollout's.
func (o *observation) routeText(ref trafficrouting.RouteRef) string {
	if ref.Namespace == o.rollout.Namespace {
		return fmt.Sprintf("%s %q", ref.Kind, ref.Name)
	}
	return fmt.Sprintf("%s %q", ref.Kind, ref.Namespace+"/"+ref.Name)
}

// routeDoubts says what could not be checked of the routes; empty if all was.
func (o *observation) routeDoubts() string {
	var doubts []string
	for _, route := range o.routes {
		if route.Warning != "" && !slices.Contains(doubts, route.Warning) {
			doubts = append(doubts, route.Warning)
		}
	}
	return strings.Join(doubts, "; ")
}
