package gitsync

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/gitsync/apply"
	"github.com/sluicehq/sluice/trafficrouting/claims"
)

// overlay returns what keeps the parts of routes, Services and workloads that Rollouts drive as they are: those of the Rollouts
// that Git holds and of those that run in the same namespaces.
func (r *Reconciler) overlay(ctx context.Context, p *pass) (apply.Overlay, error) {
	namespaces := map[string]bool{}
	rollouts := map[types.NamespacedName]*v1alpha1.Rollout{}
	for _, object := range p.memory.desired.objects {
		switch object.ID.Kind {
		case claims.KindHTTPRoute, claims.KindService, claims.KindDeployment:
			namespaces[object.ID.Namespace] = true
		}
	}
	for namespace := range namespaces {
		var list v1alpha1.RolloutList
		if err := r.client.List(ctx, &list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
			return nil, fmt.Errorf("listing Rollouts in %s: %w", namespace, err)
		}
		for i := range list.Items {
			rollouts[client.ObjectKeyFromObject(&list.Items[i])] = &list.Items[i]
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

// claimsOf lists what a Rollout drives: what its spec names, and what a release that began under another strategy still
// moves traffic by.
func claimsOf(rollout *v1alpha1.Rollout) []claims.Claim {
	strategy := rollout.Spec.Strategy
	claimed := claims.ForRollout(rollout.Namespace, rollout.Name, strategy.StableService(), strategy.CanaryService(),
		strategy.HTTPRoutes(), v1alpha1.LabelPodTemplateHash)
	if release := rollout.Status.Release; release != nil && release.Drives != nil {
		drives := release.Drives
		claimed = append(claimed, claims.ForRollout(rollout.Namespace, rollout.Name, drives.StableService,
			drives.CanaryService, drives.HTTPRoutes, v1alpha1.LabelPodTemplateHash)...)
	}
	if workload := rollout.Spec.WorkloadRef; workload != nil {
		claimed = append(claimed, claims.ForWorkload(rollout.Namespace, workload.Name, v1alpha1.AnnotationWorkloadReplicas))
	}
	return claimed
}
