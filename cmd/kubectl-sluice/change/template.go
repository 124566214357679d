package change

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

const (
	// annotationEphemeralMetadata is on a ReplicaSet whose template has labels and annotations of its role, and names them
	// as JSON: {"labels": {...}, "annotations": {...}}.
	annotationEphemeralMetadata = "sluice.dev/ephemeral-metadata"
	// labelServing is on pods that are to have traffic.
	labelServing = "sluice.dev/serving"
)

// restored is the pod template of an earlier revision.
type restored struct {
	template map[string]any
	// exact says that it is what was released then, to the byte: the controller knows it as that revision.
	exact bool
}

// restore takes the pod template that a revision was made of out of its ReplicaSet. What the controller put into it is
// taken out. The API server has filled in defaults, which make another revision of it; they are taken out where the
// digest on the ReplicaSet says that the template did not have them. current is the template of today and made the one
// of the ReplicaSet made of it, nil where there is none: they show which fields defaults fill in here.
func restore(set *unstructured.Unstructured, current, made map[string]any) restored {
	template := withoutInjected(set)
	digest := set.GetAnnotations()[v1alpha1.AnnotationTemplateDigest]
	defaults := defaulting{written: current, made: made}
	for _, candidate := range []map[string]any{
		template,
		defaults.strip(template, false),
		defaults.strip(template, true),
	} {
		if digest != "" && digestOf(candidate) == digest {
			return restored{template: candidate, exact: true}
		}
	}
	return restored{template: template}
}

func digestOf(template map[string]any) string {
	spec, err := json.Marshal(template["spec"])
	if err != nil {
		return ""
	}
	metadata, _ := template["metadata"].(map[string]any)
	revision, err := wanted.RevisionOf(v1alpha1.PodTemplate{
		Metadata: v1alpha1.TemplateMetadata{Labels: texts(metadata["labels"]), Annotations: texts(metadata["annotations"])},
		Spec:     runtime.RawExtension{Raw: spec},
	})
	if err != nil {
		return ""
	}
	return revision.Digest
}

func texts(value any) map[string]string {
	in, _ := value.(map[string]any)
	out := make(map[string]string, len(in))
	for k, v := range in {
		out[k] = fmt.Sprint(v)
	}
	return out
}

// withoutInjected is the template of a ReplicaSet without what the controller put there.
func withoutInjected(set *unstructured.Unstructured) map[string]any {
	raw, _, _ := unstructured.NestedMap(set.Object, "spec", "template") // a copy
	template := map[string]any{"spec": raw["spec"]}
	metadata, _ := raw["metadata"].(map[string]any)
	labels, annotations := plain(metadata["labels"]), plain(metadata["annotations"])
	delete(labels, v1alpha1.LabelPodTemplateHash)
	delete(labels, labelServing)

	var ephemeral v1alpha1.EphemeralMetadata
	if text := set.GetAnnotations()[annotationEphemeralMetadata]; text != "" && json.Unmarshal([]byte(text), &ephemeral) == nil {
		deleteEqual(labels, ephemeral.Labels)
		deleteEqual(annotations, ephemeral.Annotations)
	}
	kept := map[string]any{}
	if len(labels) > 0 {
		kept["labels"] = labels
	}
	if len(annotations) > 0 {
		kept["annotations"] = annotations
	}
	template["metadata"] = kept
	if spec, ok := template["spec"].(map[string]any); ok {
		dropRevisionAffinity(spec)
	}
	return template
}

func plain(value any) map[string]any {
	in, _ := value.(map[string]any)
	out := make(map[string]any, len(in))
	maps.Copy(out, in)
	return out
}

func deleteEqual(from map[string]any, injected map[string]string) {
	for k, v := range injected {
		if from[k] == v {
			delete(from, k)
		}
	}
}

// dropRevisionAffinity takes the anti-affinity between revisions out of a pod's spec: the terms that select by the hash
// of a revision.
func dropRevisionAffinity(spec map[string]any) {
	affinity, _ := spec["affinity"].(map[string]any)
	anti, _ := affinity["podAntiAffinity"].(map[string]any)
	for _, field := range []string{"requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"} {
		terms, _ := anti[field].([]any)
		terms = slices.DeleteFunc(terms, func(term any) bool {
			t, _ := term.(map[string]any)
			if inner, ok := t["podAffinityTerm"].(map[string]any); ok {
				t = inner
			}
			return selectsRevision(t["labelSelector"])
		})
		if len(terms) == 0 {
			delete(anti, field)
		} else {
			anti[field] = terms
		}
	}
	if anti != nil && len(anti) == 0 {
		delete(affinity, "podAntiAffinity")
	}
	if affinity != nil && len(affinity) == 0 {
		delete(spec, "affinity")
	}
}

func selectsRevision(selector any) bool {
	s, _ := selector.(map[string]any)
	labels, _ := s["matchLabels"].(map[string]any)
	if _, ok := labels[v1alpha1.LabelPodTemplateHash]; ok {
		return true
	}
	expressions, _ := s["matchExpressions"].([]any)
	return slices.ContainsFunc(expressions, func(e any) bool {
		expression, _ := e.(map[string]any)
		return expression["key"] == v1alpha1.LabelPodTemplateHash
	})
}
