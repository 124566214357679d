package rollout

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

// What is remembered of a template never outlives a change of it, whatever changes.
func TestRevisionsFollowTheTemplate(t *testing.T) {
	template := func(spec string, metadata v1alpha1.TemplateMetadata) v1alpha1.PodTemplate {
		return v1alpha1.PodTemplate{Metadata: metadata, Spec: runtime.RawExtension{Raw: []byte(spec)}}
	}
	labelled := v1alpha1.TemplateMetadata{Labels: map[string]string{"app": "web"}}
	annotated := v1alpha1.TemplateMetadata{Labels: labelled.Labels, Annotations: map[string]string{"a": "b"}}
	revisions, web := newRevisions(), types.NamespacedName{Namespace: "shop", Name: "web"}
	for _, next := range []v1alpha1.PodTemplate{
		template(`{"containers":[{"image":"app:1"}]}`, labelled),
		template(`{"containers":[{"image":"app:1"}]}`, labelled),
		template(`{"containers":[{"image":"app:2"}]}`, labelled),
		template(`{"containers":[{"image":"app:2"}]}`, annotated),
		template(`{"containers":[{"image":"app:2"}]}`, v1alpha1.TemplateMetadata{}),
		template(`{ "containers": [{"image":"app:2"}]}`, v1alpha1.TemplateMetadata{}),
	} {
		want, err := wanted.RevisionOf(next)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got, err := revisions.of(web, next); err != nil || got != want {
				t.Errorf("%s: %v, %v; want %v", next.Spec.Raw, got, err, want)
			}
		}
	}
	if _, err := revisions.of(web, template(`[]`, labelled)); err == nil {
		t.Error("what is no object has no revision")
	}
	revisions.forget(web)
	if len(revisions.by) != 0 {
		t.Error("a Rollout that is gone is forgotten")
	}
}
