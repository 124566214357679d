package gitsync

import (
	"context"
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/gitsync/apply"
	"github.com/sluicehq/sluice/gitsync/changeset"
)

// A Rollout with spec.adopt takes the pods of a Deployment over and deletes the Deployment without them. Whoever deleted
// it otherwise would take its pods along, and whoever applied it again would bring up a second set of them. So a
// Deployment that a Rollout adopts is neither pruned nor written.

func deploymentID(namespace, name string) changeset.ID {
	return changeset.ID{Group: "apps", Kind: "Deployment", Namespace: namespace, Name: name}
}

// adoptions names the Rollouts among the objects of Git that adopt a Deployment, by the Deployment.
func adoptions(objects []apply.Object) map[changeset.ID]changeset.ID {
	out := map[changeset.ID]changeset.ID{}
	for _, object := range objects {
		if !isRollout(object.ID) {
			continue
		}
		name, _, _ := unstructured.NestedString(object.Content.Object, "spec", "adopt", "name")
		if name != "" {
			out[deploymentID(object.ID.Namespace, name)] = object.ID
		}
	}
	return out
}

// adopted adds to what Git says the adoptions of the Rollouts that run beside the Deployments of live, whoever applied
// them.
func (r *Reconciler) adopted(
	ctx context.Context, inGit map[changeset.ID]changeset.ID, live map[changeset.ID]changeset.Live,
) (map[changeset.ID]changeset.ID, error) {
	out := map[changeset.ID]changeset.ID{}
	maps.Copy(out, inGit)
	listed := map[string]bool{}
	for id := range live {
		if id != deploymentID(id.Namespace, id.Name) || listed[id.Namespace] {
			continue
		}
		listed[id.Namespace] = true
		var rollouts v1alpha1.RolloutList
		if err := r.client.List(ctx, &rollouts, client.InNamespace(id.Namespace), client.UnsafeDisableDeepCopy); err != nil {
			return nil, fmt.Errorf("listing Rollouts in %s: %w", id.Namespace, err)
		}
		for i := range rollouts.Items {
			if ro := &rollouts.Items[i]; ro.Spec.Adopt != nil {
				out[deploymentID(ro.Namespace, ro.Spec.Adopt.Name)] = changeset.ID{
					Group: v1alpha1.GroupName, Kind: "Rollout", Namespace: ro.Namespace, Name: ro.Name,
				}
			}
		}
	}
	return out, nil
}

// refuseAdopted notes that Git holds a Deployment together with the Rollout that adopts it.
func (p *pass) refuseAdopted(deployment, rollout changeset.ID, hash string) {
	if !p.resting(deployment, hash) {
		p.fail(deployment, hash, fmt.Sprintf("is adopted by %s, which Git holds, too: remove the Deployment from Git", rollout))
	}
	p.done.soon(p.memory.failed[deployment].retryAt.Sub(p.now))
}
