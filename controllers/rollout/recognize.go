package rollout

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/extras"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

// The name of a revision is that of what the user wrote. Two texts may come to the same pods: one with defaults and one
// without, such as a template that was copied from a ReplicaSet to go back to it, or that of a Deployment that was
// adopted. So every ReplicaSet has the digest of what the API server made of its template, and a new revision, of which
// the API server is asked in any case, is compared with it.

// recognize makes the revision of a ReplicaSet the wanted one if the template, which has none of its own, comes to the
// same.
func (r *Reconciler) recognize(ctx context.Context, o *observation) error {
	if o.sets[o.revision.Name] != nil {
		return nil
	}
	verdict, err := r.verdictOn(ctx, o)
	if err != nil || verdict.effective == "" {
		return err
	}
	o.effective = verdict.effective
	for _, name := range slices.Sorted(maps.Keys(o.sets)) {
		if had := o.sets[name].Annotations; had[v1alpha1.AnnotationEffectiveDigest] == o.effective {
			o.want(wanted.Revision{Name: name, Digest: had[v1alpha1.AnnotationTemplateDigest]})
			return nil
		}
	}
	return nil
}

// effectiveDigest is the digest of the user's part of a template as the API server shows it.
func effectiveDigest(set *unstructured.Unstructured) (string, error) {
	template, err := extras.Bare(set.Object)
	if err != nil {
		return "", fmt.Errorf("ReplicaSet %s: %w", set.GetName(), err)
	}
	revision, err := wanted.RevisionOf(template)
	return revision.Digest, err
}
