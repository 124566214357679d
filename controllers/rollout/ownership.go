package rollout

import (
	"encoding/json"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// A Service's selector belongs to its field managers as a whole. The first pin takes it from whoever wrote it, so the
// pinned Service carries a note of whom, and when the pin is gone the field is given back to them. That takes two
// writes: the API server assigns every changed field to the writer, so only a write that changes nothing else can say
// whose a field is.

// annotationSelectorOwners is on a Service from its first pin until the selector has been given back.
const annotationSelectorOwners = "sluice.dev/selector-owners"

const (
	specField     = "f:spec"
	selectorField = "f:selector"
	fieldsV1      = "FieldsV1"
)

// selectorOwner is a field manager that owns spec.selector.
type selectorOwner struct {
	Manager    string                            `json:"manager"`
	Operation  metav1.ManagedFieldsOperationType `json:"operation"`
	APIVersion string                            `json:"apiVersion"`
	// Time of its last write, so that at rest nothing tells that we were there.
	Time *metav1.Time `json:"time,omitempty"`
}

// is says whether an entry is this owner's. An applier is known by its name alone.
func (o selectorOwner) is(entry metav1.ManagedFieldsEntry) bool {
	return entry.Manager == o.Manager && entry.Operation == o.Operation && entry.Subresource == "" &&
		(o.Operation == metav1.ManagedFieldsOperationApply || entry.APIVersion == o.APIVersion)
}

// selectorOwners are the owners noted on the Service and those of now, each once, without this controller.
func selectorOwners(service metav1.Object) []selectorOwner {
	var owners []selectorOwner
	if noted := service.GetAnnotations()[annotationSelectorOwners]; noted != "" {
		// A note that somebody has spoilt tells nothing; the owners of now still count.
		_ = json.Unmarshal([]byte(noted), &owners)
	}
	for _, entry := range service.GetManagedFields() {
		known := slices.ContainsFunc(owners, func(o selectorOwner) bool { return o.is(entry) })
		if !known && entry.Manager != v1alpha1.ManagerController && entry.Subresource == "" && ownsSelector(entry) {
			owners = append(owners, selectorOwner{
				Manager: entry.Manager, Operation: entry.Operation, APIVersion: entry.APIVersion, Time: entry.Time,
			})
		}
	}
	return owners
}

func ownsSelector(entry metav1.ManagedFieldsEntry) bool {
	fields, err := decodeFields(entry)
	if err != nil {
		return false
	}
	spec, _ := fields[specField].(map[string]any)
	_, owned := spec[selectorField]
	return owned
}

func decodeFields(entry metav1.ManagedFieldsEntry) (map[string]any, error) {
	fields := map[string]any{}
	if entry.FieldsV1 == nil {
		return fields, nil
	}
	if err := json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields); err != nil {
		return nil, fmt.Errorf("managed fields of %s: %w", entry.Manager, err)
	}
	return fields, nil
}

// handBack returns the entries without this controller's, and with the selector given to the owners. The result is
// never nil, since the API server takes nil for "as they are".
func handBack(entries []metav1.ManagedFieldsEntry, owners []selectorOwner) ([]metav1.ManagedFieldsEntry, error) {
	result := make([]metav1.ManagedFieldsEntry, 0, len(entries)+len(owners))
	for _, entry := range entries {
		if entry.Manager != v1alpha1.ManagerController || entry.Subresource != "" {
			result = append(result, entry)
		}
	}
	for _, owner := range owners {
		at := slices.IndexFunc(result, owner.is)
		if at < 0 {
			result = append(result, metav1.ManagedFieldsEntry{
				Manager: owner.Manager, Operation: owner.Operation, APIVersion: owner.APIVersion, Time: owner.Time,
				FieldsType: fieldsV1,
			})
			at = len(result) - 1
		}
		if err := addSelector(&result[at]); err != nil {
			return nil, err
		}
	}
	return result, nil
}

func addSelector(entry *metav1.ManagedFieldsEntry) error {
	fields, err := decodeFields(*entry)
	if err != nil {
		return err
	}
	spec, _ := fields[specField].(map[string]any)
	if spec == nil {
		spec = map[string]any{}
	}
	if _, owned := spec[selectorField]; owned {
		return nil
	}
	spec[selectorField] = map[string]any{}
	fields[specField] = spec
	content, err := json.Marshal(fields)
	if err != nil {
		return fmt.Errorf("managed fields of %s: %w", entry.Manager, err)
	}
	entry.FieldsV1 = metav1.NewFieldsV1(string(content))
	return nil
}
