package ownership

import (
	"encoding/json"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Field is a field right below spec, such as "rules", that belongs to its field managers as a whole.
type Field string

// Owner is a field manager that owns a field.
type Owner struct {
	Manager    string                            `json:"manager"`
	Operation  metav1.ManagedFieldsOperationType `json:"operation"`
	APIVersion string                            `json:"apiVersion"`
	// Time of the manager's last write, given back with the field so that at rest nothing tells that somebody else was
	// there.
	Time *metav1.Time `json:"time,omitempty"`
}

const (
	specField  = "f:spec"
	fieldsType = "FieldsV1"
)

func (f Field) key() string { return "f:" + string(f) }

// Owners are the managers other than the given one that own the field.
func (f Field) Owners(entries []metav1.ManagedFieldsEntry, except string) []Owner {
	var owners []Owner
	for _, entry := range entries {
		if entry.Manager != except && entry.Subresource == "" && f.in(entry) {
			owners = append(owners, Owner{
				Manager: entry.Manager, Operation: entry.Operation, APIVersion: entry.APIVersion, Time: entry.Time,
			})
		}
	}
	return owners
}

// HeldBy says whether the manager has an entry of its own, and whether the field is in one.
func (f Field) HeldBy(entries []metav1.ManagedFieldsEntry, manager string) (anything, field bool) {
	for _, entry := range entries {
		if entry.Manager == manager && entry.Subresource == "" {
			anything = true
			field = field || f.in(entry)
		}
	}
	return anything, field
}

// GiveBack returns the entries with the field given to the owners and, unless keep is set, without those of the manager,
// which is never among the owners. The result is never nil, since the API server takes nil for "leave them as they are".
// An error says whose entry cannot be read.
func (f Field) GiveBack(
	entries []metav1.ManagedFieldsEntry, manager string, owners []Owner, keep bool,
) ([]metav1.ManagedFieldsEntry, error) {
	result := make([]metav1.ManagedFieldsEntry, 0, len(entries)+len(owners))
	for _, entry := range entries {
		if keep || entry.Manager != manager || entry.Subresource != "" {
			result = append(result, entry)
		}
	}
	for _, owner := range owners {
		if owner.Manager == manager {
			continue
		}
		at := slices.IndexFunc(result, owner.is)
		if at < 0 {
			result = append(result, metav1.ManagedFieldsEntry{
				Manager: owner.Manager, Operation: owner.Operation, APIVersion: owner.APIVersion, Time: owner.Time,
				FieldsType: fieldsType,
			})
			at = len(result) - 1
		}
		if err := f.add(&result[at]); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// Union of owners, each once.
func Union(owners, more []Owner) []Owner {
	result := slices.Clone(owners)
	for _, o := range more {
		if !slices.ContainsFunc(result, o.same) {
			result = append(result, o)
		}
	}
	return result
}

// same says whether both are one manager. The API server knows an applier by its name alone.
func (o Owner) same(other Owner) bool {
	return other.Manager == o.Manager && other.Operation == o.Operation &&
		(o.Operation == metav1.ManagedFieldsOperationApply || other.APIVersion == o.APIVersion)
}

// is says whether the entry is this owner's.
func (o Owner) is(entry metav1.ManagedFieldsEntry) bool {
	return entry.Subresource == "" &&
		o.same(Owner{Manager: entry.Manager, Operation: entry.Operation, APIVersion: entry.APIVersion})
}

// in says whether the field is in an entry. One that cannot be read has nothing in it; the API server drops it as well.
func (f Field) in(entry metav1.ManagedFieldsEntry) bool {
	fields, err := decode(entry)
	if err != nil {
		return false
	}
	spec, _ := fields[specField].(map[string]any)
	_, ok := spec[f.key()]
	return ok
}

func (f Field) add(entry *metav1.ManagedFieldsEntry) error {
	if f.in(*entry) {
		return nil
	}
	fields, err := decode(*entry)
	if err != nil {
		return err
	}
	spec, _ := fields[specField].(map[string]any)
	if spec == nil {
		spec = map[string]any{}
	}
	spec[f.key()] = map[string]any{}
	fields[specField] = spec
	text, err := json.Marshal(fields)
	if err != nil {
		return fmt.Errorf("encoding the managed fields of %s: %w", entry.Manager, err)
	}
	entry.FieldsV1 = metav1.NewFieldsV1(string(text))
	return nil
}

func decode(entry metav1.ManagedFieldsEntry) (map[string]any, error) {
	fields := map[string]any{}
	if entry.FieldsV1 == nil {
		return fields, nil
	}
	if err := json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields); err != nil {
		return nil, fmt.Errorf("the managed fields of %s cannot be read: %w", entry.Manager, err)
	}
	return fields, nil
}
