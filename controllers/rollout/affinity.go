package rollout

import (
	"context"
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/extras"
)

// affinityFor keeps the pods of a revision away from the nodes of the stable one's.
func affinityFor(o *observation, revision string) extras.Affinity {
	var a *v1alpha1.AntiAffinity
	switch s := o.rollout.Spec.Strategy; {
	case s.Canary != nil:
		a = s.Canary.AntiAffinity
	case s.BlueGreen != nil:
		a = s.BlueGreen.AntiAffinity
	}
	stable := o.seen.State.Stable
	if a == nil || stable == "" || stable == revision {
		return extras.Affinity{}
	}
	affinity := extras.Affinity{Against: stable}
	if a.Preferred != nil {
		affinity.Weight = a.Preferred.Weight
	}
	return affinity
}

// withExtras lets the template of a new ReplicaSet of the wanted revision carry what the strategy puts on its pods. It is
// no part of the revision.
func withExtras(o *observation, set map[string]any) error {
	extras.PutAffinity(set, affinityFor(o, o.revision.Name))
	return extras.PutMetadata(set, metadataFor(o, o.revision.Name, extras.Record{}))
}

// redress brings what the template of a ReplicaSet carries up to date, before it gets pods again: what the strategy puts
// on, and the revision that they keep away from, may have changed since.
func (r *Reconciler) redress(ctx context.Context, o *observation, revision string) error {
	set, err := o.set(revision)
	if err != nil {
		return err
	}
	affinity := affinityFor(o, revision)
	recorded := extras.Recorded(set.Annotations)
	metadata := metadataFor(o, revision, recorded)
	if recorded.Equal(metadata) && set.Annotations[v1alpha1.AnnotationAntiAffinity] == affinity.Against {
		return nil
	}
	return r.changeTemplate(ctx, o, revision, func(content map[string]any) error {
		extras.PutAffinity(content, affinity)
		return extras.PutMetadata(content, metadata)
	})
}

// changeTemplate changes the template of a ReplicaSet, which the cache does not hold. It touches no pod.
func (r *Reconciler) changeTemplate(ctx context.Context, o *observation, revision string, change func(map[string]any) error) error {
	set, err := o.set(revision)
	if err != nil {
		return err
	}
	before := &unstructured.Unstructured{}
	before.SetGroupVersionKind(replicaSetKind)
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(set), before); err != nil {
		return fmt.Errorf("get ReplicaSet %s: %w", set.Name, err)
	}
	after := before.DeepCopy()
	if err := change(after.Object); err != nil {
		return fmt.Errorf("change the template of ReplicaSet %s: %w", set.Name, err)
	}
	patch, err := mergePatch(before, after)
	if err != nil || len(patch) == 0 {
		return err
	}
	stored := &appsv1.ReplicaSet{}
	if err := r.patch(ctx, o, kindReplicaSet, before, stored, patch); err != nil {
		return err
	}
	o.sets[revision] = stored
	return nil
}

// mergePatch is what makes one object of another; empty where nothing differs.
func mergePatch(before, after *unstructured.Unstructured) (map[string]any, error) {
	content, err := client.MergeFrom(before).Data(after)
	if err != nil {
		return nil, fmt.Errorf("compare %s %s: %w", before.GetKind(), before.GetName(), err)
	}
	patch := map[string]any{}
	if err := json.Unmarshal(content, &patch); err != nil {
		return nil, fmt.Errorf("compare %s %s: %w", before.GetKind(), before.GetName(), err)
	}
	return patch, nil
}

func encodePatch(change map[string]any) (client.Patch, error) {
	content, err := json.Marshal(change)
	if err != nil {
		return nil, fmt.Errorf("encode patch: %w", err)
	}
	return client.RawPatch(types.MergePatchType, content), nil
}
