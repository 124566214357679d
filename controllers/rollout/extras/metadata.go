package extras

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// Role is what a revision is to its Rollout.
type Role string

// The roles whose pods carry metadata of the strategy.
const (
	// Stable is the revision that is committed as stable.
	Stable Role = "stable"
	// Canary is the revision that is being released.
	Canary Role = "canary"
)

// Metadata is what pods carry for the role of their revision.
type Metadata struct {
	// Role is empty where the pods carry nothing.
	Role Role `json:"role,omitempty"`
	// Labels and Annotations are put on.
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Empty says that nothing is put on.
func (m Metadata) Empty() bool { return len(m.Labels) == 0 && len(m.Annotations) == 0 }

// Equal says that the same is put on, whatever for.
func (m Metadata) Equal(other Metadata) bool {
	return maps.Equal(m.Labels, other.Labels) && maps.Equal(m.Annotations, other.Annotations)
}

// Record is what the pods of a ReplicaSet carry, and what its template had in the place of all that they ever carried.
type Record struct {
	Metadata
	// Before holds the user's values; null is none.
	Before Before `json:"before,omitzero"`
}

// Before holds what the template had, by key; nil is nothing.
type Before struct {
	Labels      map[string]*string `json:"labels,omitempty"`
	Annotations map[string]*string `json:"annotations,omitempty"`
}

// Recorded reads the record from a ReplicaSet's annotations. Without one, or where somebody has spoilt it, nothing was
// ever put on.
func Recorded(annotations map[string]string) Record {
	var r Record
	if json.Unmarshal([]byte(annotations[v1alpha1.AnnotationPodMetadata]), &r) != nil {
		return Record{}
	}
	return r
}

// PutMetadata lets the template of a ReplicaSet carry exactly this metadata, and records it.
func PutMetadata(set map[string]any, m Metadata) error {
	r := Recorded(texts(child(set, "metadata", "annotations")))
	if m.Empty() && r.never() {
		return nil
	}
	r.Metadata = m
	for field, part := range r.parts() {
		in := child(set, "spec", "template", "metadata", field)
		for key := range *part.on {
			if _, known := (*part.before)[key]; known {
				continue
			}
			if *part.before == nil {
				*part.before = map[string]*string{}
			}
			(*part.before)[key] = nil
			if value, had := in[key].(string); had {
				(*part.before)[key] = &value
			}
		}
		for key := range *part.before {
			if value := part.value(key); value != nil {
				in[key] = *value
			} else {
				delete(in, key)
			}
		}
	}
	content, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("record the metadata of pods: %w", err)
	}
	child(set, "metadata", "annotations")[v1alpha1.AnnotationPodMetadata] = string(content)
	return nil
}

// PodChange is the merge patch of a live pod's metadata that makes it carry what the record says; nil where it does.
func (r *Record) PodChange(labels, annotations map[string]string) map[string]any {
	change := map[string]any{}
	has := map[string]map[string]string{"labels": labels, "annotations": annotations}
	for field, part := range r.parts() {
		of := map[string]any{}
		for key := range *part.before {
			value, there := has[field][key]
			switch want := part.value(key); {
			case want == nil && there:
				of[key] = nil
			case want != nil && (!there || value != *want):
				of[key] = *want
			}
		}
		if len(of) > 0 {
			change[field] = of
		}
	}
	if len(change) == 0 {
		return nil
	}
	return change
}

// never says that nothing was ever put on.
func (r *Record) never() bool { return len(r.Before.Labels) == 0 && len(r.Before.Annotations) == 0 }

// part is the labels, or the annotations, of a record.
type part struct {
	on     *map[string]string
	before *map[string]*string
}

func (r *Record) parts() map[string]part {
	return map[string]part{
		"labels":      {&r.Labels, &r.Before.Labels},
		"annotations": {&r.Annotations, &r.Before.Annotations},
	}
}

// value is what a key is to have; nil is nothing.
func (p part) value(key string) *string {
	if value, put := (*p.on)[key]; put {
		return &value
	}
	return (*p.before)[key]
}
