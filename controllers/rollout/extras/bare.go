package extras

import (
	"encoding/json"
	"fmt"
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// AnnotationRestarted is what `kubectl rollout restart` writes into the template of a Deployment to have the same pods anew.
const AnnotationRestarted = "kubectl.kubernetes.io/restartedAt"

// Bare is the user's pod template in a ReplicaSet: what it has without the labels of revisions and all that this package
// puts on. In a ReplicaSet that was taken over from a Deployment the time of its last restart is no content either. The
// ReplicaSet is not changed.
func Bare(set map[string]any) (v1alpha1.PodTemplate, error) {
	copied := runtime.DeepCopyJSON(set)
	takeAffinity(copied)
	if err := PutMetadata(copied, Metadata{}); err != nil {
		return v1alpha1.PodTemplate{}, err
	}
	spec, err := json.Marshal(child(copied, "spec", "template", "spec"))
	if err != nil {
		return v1alpha1.PodTemplate{}, fmt.Errorf("spec.template.spec: %w", err)
	}
	template := v1alpha1.PodTemplate{
		Metadata: v1alpha1.TemplateMetadata{
			Labels:      texts(child(copied, "spec", "template", "metadata", "labels")),
			Annotations: texts(child(copied, "spec", "template", "metadata", "annotations")),
		},
		Spec: runtime.RawExtension{Raw: spec},
	}
	delete(template.Metadata.Labels, v1alpha1.LabelPodTemplateHash)
	delete(template.Metadata.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	if _, adopted := child(copied, "metadata", "annotations")[v1alpha1.AnnotationAdoptedFrom]; adopted {
		delete(template.Metadata.Annotations, AnnotationRestarted)
	}
	return template, nil
}

// child is the map at a path, which is made where it is missing.
func child(in map[string]any, path ...string) map[string]any {
	for _, name := range path {
		next, there := in[name].(map[string]any)
		if !there {
			next = map[string]any{}
			in[name] = next
		}
		in = next
	}
	return in
}

// texts are the entries of a map that are texts.
func texts(in map[string]any) map[string]string {
	out := make(map[string]string, len(in))
	for key, value := range maps.All(in) {
		if text, ok := value.(string); ok {
			out[key] = text
		}
	}
	return out
}
