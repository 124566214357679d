package rollout

import (
	"bytes"
	"maps"

	"k8s.io/apimachinery/pkg/types"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

// revisions remember what the last template of each Rollout is known by: most looks find it as it was, and decoding it for
// its digest costs more than all else that is read of a spec.
type revisions struct{ remembered[knownRevision] }

type knownRevision struct {
	template v1alpha1.PodTemplate
	revision wanted.Revision
}

func newRevisions() *revisions { return &revisions{} }

// of is wanted.RevisionOf for the template of a Rollout.
func (r *revisions) of(rollout types.NamespacedName, template v1alpha1.PodTemplate) (wanted.Revision, error) {
	known, ok := r.get(rollout)
	if ok && sameText(known.template, template) {
		return known.revision, nil
	}
	revision, err := wanted.RevisionOf(template)
	if err != nil {
		return wanted.Revision{}, err
	}
	r.put(rollout, knownRevision{template, revision})
	return revision, nil
}

// sameText says that two templates are the same to the byte.
func sameText(a, b v1alpha1.PodTemplate) bool {
	return bytes.Equal(a.Spec.Raw, b.Spec.Raw) && maps.Equal(a.Metadata.Labels, b.Metadata.Labels) &&
		maps.Equal(a.Metadata.Annotations, b.Metadata.Annotations)
}
