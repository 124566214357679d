package wanted

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// RevisionLength is how many hex digits of a template's digest name its revision.
const RevisionLength = 10

// Revision is what a pod template is known by.
type Revision struct {
	// Name is the value of the label sluice.dev/pod-template-hash.
	Name string
	// Digest is the sha256 of the canonical JSON of the template, in hex.
	Digest string
}

// RevisionOf names a pod template by its content as it is stored. It is never decoded into Kubernetes' types, so that
// neither new pod fields nor new defaults of a library change the name.
func RevisionOf(template v1alpha1.PodTemplate) (Revision, error) {
	content, err := TemplateContent(template)
	if err != nil {
		return Revision{}, err
	}
	canonical, err := json.Marshal(withoutEmpty("", content))
	if err != nil {
		return Revision{}, fmt.Errorf("spec.template: encode for the digest: %w", err)
	}
	sum := sha256.Sum256(canonical)
	digest := hex.EncodeToString(sum[:])
	return Revision{Name: digest[:RevisionLength], Digest: digest}, nil
}

// TemplateContent is the template as plain JSON values, whose numbers keep their text.
func TemplateContent(template v1alpha1.PodTemplate) (map[string]any, error) {
	if len(template.Spec.Raw) == 0 {
		return nil, errors.New("spec.template.spec: is empty; give it containers")
	}
	spec, err := decodeObject(template.Spec.Raw)
	if err != nil {
		return nil, fmt.Errorf("spec.template.spec: %w", err)
	}
	metadata := map[string]any{
		"labels":      plainMap(template.Metadata.Labels),
		"annotations": plainMap(template.Metadata.Annotations),
	}
	return map[string]any{"metadata": metadata, "spec": spec}, nil
}

func decodeObject(raw []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return nil, fmt.Errorf("is no JSON object: %w", err)
	}
	return object, nil
}

func plainMap(in map[string]string) map[string]any {
	out := make(map[string]any, len(in))
	for k, v := range in {
		out[k] = v
	}
	return out
}

// withoutEmpty drops the map entries that say nothing: nulls, empty maps and lists, and the creation times of metadata,
// which tools add and leave out as they like. List elements are kept, since their number and place have a meaning.
func withoutEmpty(name string, value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, entry := range v {
			entry = withoutEmpty(key, entry)
			if saysNothing(entry) || (name == "metadata" && key == "creationTimestamp") {
				continue
			}
			out[key] = entry
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, entry := range v {
			out[i] = withoutEmpty("", entry)
		}
		return out
	default:
		return value
	}
}

func saysNothing(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	default:
		return false
	}
}
