package change

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/extras"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

// restored is the pod template of an earlier revision.
type restored struct {
	// template as plain JSON values, with what the API server has filled in.
	template map[string]any
	// known says that the controller knows it as that revision, and does not make a new one of it.
	known bool
}

// restore takes the pod template that a revision was made of out of its ReplicaSet: without what the controller has put
// into it.
func restore(set *unstructured.Unstructured) (restored, error) {
	bare, err := extras.Bare(set.Object)
	if err != nil {
		return restored{}, fmt.Errorf("ReplicaSet %s: %w", set.GetName(), err)
	}
	revision, err := wanted.RevisionOf(bare)
	if err != nil {
		return restored{}, fmt.Errorf("ReplicaSet %s: %w", set.GetName(), err)
	}
	content, err := json.Marshal(bare)
	if err != nil {
		return restored{}, fmt.Errorf("ReplicaSet %s: %w", set.GetName(), err)
	}
	out := restored{}
	if err := utiljson.Unmarshal(content, &out.template); err != nil {
		return restored{}, fmt.Errorf("ReplicaSet %s: %w", set.GetName(), err)
	}
	annotations := set.GetAnnotations()
	out.known = revision.Digest == annotations[v1alpha1.AnnotationTemplateDigest] ||
		revision.Digest == annotations[v1alpha1.AnnotationEffectiveDigest]
	return out, nil
}
