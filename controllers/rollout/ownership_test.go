package rollout

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/trafficrouting/ownership"
)

func selectorEntry(manager string, operation metav1.ManagedFieldsOperationType) metav1.ManagedFieldsEntry {
	return metav1.ManagedFieldsEntry{
		Manager: manager, Operation: operation, APIVersion: "v1", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:selector":{}}}`),
	}
}

// The selector goes back to those who had it before the first pin, and to those who took it since.
func TestSelectorOwners(t *testing.T) {
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{
		Annotations: map[string]string{annotationSelectorOwners: `[{"manager":"team","operation":"Apply","apiVersion":"v1"},` +
			`{"manager":"gone","operation":"Update","apiVersion":"v1"}]`},
		ManagedFields: []metav1.ManagedFieldsEntry{
			selectorEntry("team", metav1.ManagedFieldsOperationApply), selectorEntry("later", metav1.ManagedFieldsOperationUpdate),
			selectorEntry(v1alpha1.ManagerController, metav1.ManagedFieldsOperationUpdate),
		},
	}}
	want := []ownership.Owner{
		{Manager: "team", Operation: metav1.ManagedFieldsOperationApply, APIVersion: "v1"},
		{Manager: "gone", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1"},
		{Manager: "later", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1"},
	}
	if diff := cmp.Diff(want, selectorOwners(service)); diff != "" {
		t.Error(diff)
	}
}

func TestSelectorOwnersOfASpoiltNote(t *testing.T) {
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{
		Annotations:   map[string]string{annotationSelectorOwners: "nonsense"},
		ManagedFields: []metav1.ManagedFieldsEntry{selectorEntry("team", metav1.ManagedFieldsOperationApply)},
	}}
	if owners := selectorOwners(service); len(owners) != 1 || owners[0].Manager != "team" {
		t.Errorf("got %+v", owners)
	}
}
