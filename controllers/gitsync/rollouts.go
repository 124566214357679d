package gitsync

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/gitsync/apply"
	"github.com/sluicehq/sluice/trafficrouting"
	"github.com/sluicehq/sluice/trafficrouting/claims"
)

// overlay returns what keeps the parts of routes, Services and workloads that Rollouts drive as they are: those of the Rollouts
// that Git holds, of those that run in the same namespaces, and of those that move routes there.
func (r *Reconciler) overlay(ctx context.Context, p *pass) (apply.Overlay, error) {
	namespaces := map[string]bool{}
	rollouts := map[types.NamespacedName]*v1alpha1.Rollout{}
	for _, object := range p.memory.desired.objects {
		switch object.ID.Kind {
		case claims.KindService, claims.KindDeployment:
			namespaces[object.ID.Namespace] = true
		default:
			if claims.IsRoute(object.ID.Kind) {
				namespaces[object.ID.Namespace] = true
			}
		}
	}
	for namespace := range namespaces {
		for _, where := range []client.ListOption{client.InNamespace(namespace), client.MatchingFields{indexRoutesIn: namespace}} {
			var list v1alpha1.RolloutList
			if err := r.client.List(ctx, &list, where, client.UnsafeDisableDeepCopy); err != nil {
				return nil, fmt.Errorf("listing Rollouts for namespace %s: %w", namespace, err)
			}
			for i := range list.Items {
				rollouts[client.ObjectKeyFromObject(&list.Items[i])] = &list.Items[i]
			}
		}
	}
	var claimed []claims.Claim
	for _, rollout := range rollouts {
		claimed = append(claimed, claimsOf(rollout)...)
	}
	for _, object := range p.memory.desired.objects {
		if !isRollout(object.ID) {
			continue
		}
		rollout := &v1alpha1.Rollout{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Content.Object, rollout); err != nil {
			continue // The API server will say what is wrong with it.
		}
		claimed = append(claimed, claimsOf(rollout)...)
	}
	return func(desired, live map[string]any) map[string]any { return claims.Overlay(claimed, desired, live) }, nil
}

// indexRoutesIn finds Rollouts in the cache by the other namespaces in which they move routes.
const indexRoutesIn = "gitsync.routesIn"

func routesIn(object client.Object) []string {
	rollout, ok := object.(*v1alpha1.Rollout)
	if !ok {
		return nil
	}
	var namespaces []string
	for _, claim := range claimsOf(rollout) {
		if claims.IsRoute(claim.Kind) && claim.Namespace != rollout.Namespace && !slices.Contains(namespaces, claim.Namespace) {
			namespaces = append(namespaces, claim.Namespace)
		}
	}
	return namespaces
}

// claimsOf lists what a Rollout drives: what its spec names, and what a release that began under another strategy still
// moves traffic by.
func claimsOf(rollout *v1alpha1.Rollout) []claims.Claim {
	strategy := rollout.Spec.Strategy
	claimed := claims.ForRollout(rollout.Namespace, strategy.StableService(), strategy.CanaryService(),
		routesOf(strategy), v1alpha1.LabelPodTemplateHash)
	if release := rollout.Status.Release; release != nil && release.Drives != nil {
		drives := release.Drives
		claimed = append(claimed, claims.ForRollout(rollout.Namespace, drives.StableService,
			drives.CanaryService, drivenRoutes(rollout), v1alpha1.LabelPodTemplateHash)...)
	}
	if workload := rollout.Spec.WorkloadRef; workload != nil {
		claimed = append(claimed, claims.ForWorkload(rollout.Namespace, workload.Name, v1alpha1.AnnotationWorkloadReplicas))
	}
	return claimed
}

// routesOf are the routes that a strategy names or selects.
func routesOf(strategy v1alpha1.RolloutStrategy) []claims.Route {
	var routes []claims.Route
	for _, route := range strategy.Routes() {
		routes = append(routes, claims.Route{Kind: route.Kind, Namespace: route.Namespace, Name: route.Name})
	}
	for _, selector := range strategy.RouteSelectors() {
		routes = append(routes, claims.Route{Kind: selector.Kind, Namespace: selector.Namespace})
	}
	return routes
}

// drivenRoutes are the routes that a release began with, and those that it has changed.
func drivenRoutes(rollout *v1alpha1.Rollout) []claims.Route {
	var routes []claims.Route
	add := func(name string) {
		if ref, err := trafficrouting.ParseRoute(rollout.Namespace, name); err == nil {
			routes = append(routes, claims.Route{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name})
		}
	}
	release := rollout.Status.Release
	for _, name := range release.Drives.Routes {
		add(name)
	}
	for _, route := range release.Routes {
		add(route.Name)
	}
	return routes
}
