package gatewayapi

import (
	"encoding/json"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// owner is a field manager that owns spec.rules.
type owner struct {
	Manager    string                            `json:"manager"`
	Operation  metav1.ManagedFieldsOperationType `json:"operation"`
	APIVersion string                            `json:"apiVersion"`
	// Time of the manager's last write, given back with the field so that at rest nothing tells that we were there.
	Time *metav1.Time `json:"time,omitempty"`
}

const (
	specField  = "f:spec"
	rulesField = "f:rules"
	fieldsType = "FieldsV1"
)

// ownersOfRules are the managers other than the given one that own spec.rules.
func ownersOfRules(entries []metav1.ManagedFieldsEntry, except string) []owner {
	var owners []owner
	for _, entry := range entries {
		if entry.Manager != except && entry.Subresource == "" && ownsRules(entry) {
			owners = append(owners, owner{
				Manager: entry.Manager, Operation: entry.Operation, APIVersion: entry.APIVersion, Time: entry.Time,
			})
		}
	}
	return owners
}

// holds says whether the controller has an entry of its own, and whether spec.rules is in one.
func holds(entries []metav1.ManagedFieldsEntry) (anything, rules bool) {
	for _, entry := range entries {
		if entry.Manager == v1alpha1.ManagerController && entry.Subresource == "" {
			anything = true
			rules = rules || ownsRules(entry)
		}
	}
	return anything, rules
}

func ownsRules(entry metav1.ManagedFieldsEntry) bool {
	fields, err := decodeFields(entry)
	if err != nil {
		return false // Not ours to judge; the API server drops what it cannot read as well.
	}
	spec, _ := fields[specField].(map[string]any)
	_, ok := spec[rulesField]
	return ok
}

func decodeFields(entry metav1.ManagedFieldsEntry) (map[string]any, error) {
	fields := map[string]any{}
	if entry.FieldsV1 == nil {
		return fields, nil
	}
	if err := json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields); err != nil {
		return nil, fmt.Errorf("the managed fields of %s cannot be read: %w", entry.Manager, err)
	}
	return fields, nil
}

// handedBack returns the entries with spec.rules given to the owners and, unless keep is set, without those of the
// manager. The result is never nil, since the API server takes nil for "leave them as they are".
func handedBack(entries []metav1.ManagedFieldsEntry, manager string, owners []owner, keep bool) ([]metav1.ManagedFieldsEntry, error) {
	result := make([]metav1.ManagedFieldsEntry, 0, len(entries)+len(owners))
	for _, entry := range entries {
		if keep || entry.Manager != manager || entry.Subresource != "" {
			result = append(result, entry)
		}
	}
	for _, o := range owners {
		if o.Manager == manager {
			continue
		}
		at := slices.IndexFunc(result, o.is)
		if at < 0 {
			result = append(result, metav1.ManagedFieldsEntry{
				Manager: o.Manager, Operation: o.Operation, APIVersion: o.APIVersion, Time: o.Time, FieldsType: fieldsType,
			})
			at = len(result) - 1
		}
		if err := addRules(&result[at]); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// is says whether the entry is this owner's; the API server knows an applier by its name alone.
func (o owner) is(entry metav1.ManagedFieldsEntry) bool {
	return entry.Manager == o.Manager && entry.Operation == o.Operation && entry.Subresource == "" &&
		(o.Operation == metav1.ManagedFieldsOperationApply || entry.APIVersion == o.APIVersion)
}

func addRules(entry *metav1.ManagedFieldsEntry) error {
	if ownsRules(*entry) {
		return nil
	}
	fields, err := decodeFields(*entry)
	if err != nil {
		return err
	}
	spec, _ := fields[specField].(map[string]any)
	if spec == nil {
		spec = map[string]any{}
	}
	spec[rulesField] = map[string]any{}
	fields[specField] = spec
	text, err := json.Marshal(fields)
	if err != nil {
		return fmt.Errorf("encoding the managed fields of %s: %w", entry.Manager, err)
	}
	entry.FieldsV1 = metav1.NewFieldsV1(string(text))
	return nil
}

// union of owners, each once.
func union(owners, more []owner) []owner {
	result := slices.Clone(owners)
	for _, o := range more {
		if !slices.ContainsFunc(result, func(known owner) bool {
			return known.Manager == o.Manager && known.Operation == o.Operation && known.APIVersion == o.APIVersion
		}) {
			result = append(result, o)
		}
	}
	return result
}
