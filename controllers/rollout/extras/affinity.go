package extras

import (
	"encoding/json"
	"slices"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// Affinity keeps pods away from the nodes of another revision's.
type Affinity struct {
	// Against is the hash of the other revision; empty means none.
	Against string
	// Weight of it among the scheduler's preferences; 0 means that it must hold.
	Weight int32
}

// The lists of a pod's anti-affinity.
const (
	required  = "requiredDuringSchedulingIgnoredDuringExecution"
	preferred = "preferredDuringSchedulingIgnoredDuringExecution"
)

// PutAffinity lets the template of a ReplicaSet carry exactly this anti-affinity beside the user's, and records it.
func PutAffinity(set map[string]any, a Affinity) {
	takeAffinity(set)
	if a.Against == "" {
		return
	}
	lists := child(set, "spec", "template", "spec", "affinity", "podAntiAffinity")
	field, item := required, term(a.Against)
	if a.Weight > 0 {
		field, item = preferred, map[string]any{"weight": int64(a.Weight), "podAffinityTerm": item}
	}
	users, _ := lists[field].([]any)
	lists[field] = append(slices.Clone(users), item)
	child(set, "metadata", "annotations")[v1alpha1.AnnotationAntiAffinity] = a.Against
}

// takeAffinity takes the recorded anti-affinity out of the template again.
func takeAffinity(set map[string]any) {
	annotations := child(set, "metadata", "annotations")
	against, put := annotations[v1alpha1.AnnotationAntiAffinity].(string)
	delete(annotations, v1alpha1.AnnotationAntiAffinity)
	spec := child(set, "spec", "template", "spec")
	affinity, _ := spec["affinity"].(map[string]any)
	lists, _ := affinity["podAntiAffinity"].(map[string]any)
	if !put || lists == nil {
		return
	}
	ours := canonical(term(against))
	removed := false
	for _, field := range []string{required, preferred} {
		items, _ := lists[field].([]any)
		kept := slices.DeleteFunc(slices.Clone(items), func(item any) bool {
			entry, _ := item.(map[string]any)
			if field == preferred {
				entry, _ = entry["podAffinityTerm"].(map[string]any)
			}
			return canonical(entry) == ours
		})
		if removed = removed || len(kept) != len(items); len(kept) == 0 {
			delete(lists, field)
		} else {
			lists[field] = kept
		}
	}
	// What was empty but for ours was not there.
	if removed && len(lists) == 0 {
		delete(affinity, "podAntiAffinity")
	}
	if removed && len(affinity) == 0 {
		delete(spec, "affinity")
	}
}

// term selects the pods of a revision, node by node.
func term(revision string) map[string]any {
	return map[string]any{
		"labelSelector": map[string]any{"matchExpressions": []any{map[string]any{
			"key": v1alpha1.LabelPodTemplateHash, "operator": "In", "values": []any{revision},
		}}},
		"topologyKey": "kubernetes.io/hostname",
	}
}

func canonical(value map[string]any) string {
	content, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	return string(content)
}
