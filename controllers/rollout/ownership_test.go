package rollout

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

func entry(manager string, operation metav1.ManagedFieldsOperationType, fields string) metav1.ManagedFieldsEntry {
	return metav1.ManagedFieldsEntry{
		Manager: manager, Operation: operation, APIVersion: "v1", FieldsType: fieldsV1, FieldsV1: metav1.NewFieldsV1(fields),
	}
}

const (
	portsOnly    = `{"f:spec":{"f:ports":{}}}`
	withSelector = `{"f:spec":{"f:ports":{},"f:selector":{}}}`
	selectorOnly = `{"f:spec":{"f:selector":{}}}`
)

// The selector goes back to those who had it before the first pin, and to those who took it since.
func TestHandBack(t *testing.T) {
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{
		Annotations: map[string]string{annotationSelectorOwners: `[{"manager":"team","operation":"Apply","apiVersion":"v1"},` +
			`{"manager":"gone","operation":"Update","apiVersion":"v1"}]`},
		ManagedFields: []metav1.ManagedFieldsEntry{
			entry("team", metav1.ManagedFieldsOperationApply, portsOnly),
			entry("later", metav1.ManagedFieldsOperationUpdate, selectorOnly),
			entry(v1alpha1.ManagerController, metav1.ManagedFieldsOperationUpdate, selectorOnly),
		},
	}}
	got, err := handBack(service.ManagedFields, selectorOwners(service))
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, e := range got {
		texts = append(texts, e.Manager+" "+string(e.Operation)+" "+e.FieldsV1.GetRawString())
	}
	want := []string{"team Apply " + withSelector, "later Update " + selectorOnly, "gone Update " + selectorOnly}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Error(diff)
	}
}

func TestSelectorOwnersOfASpoiltNote(t *testing.T) {
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{
		Annotations:   map[string]string{annotationSelectorOwners: "nonsense"},
		ManagedFields: []metav1.ManagedFieldsEntry{entry("team", metav1.ManagedFieldsOperationApply, selectorOnly)},
	}}
	if owners := selectorOwners(service); len(owners) != 1 || owners[0].Manager != "team" {
		t.Errorf("got %+v", owners)
	}
}

func TestHandBackIsNeverNil(t *testing.T) {
	if got, err := handBack(nil, nil); err != nil || got == nil {
		t.Errorf("got %v, %v", got, err)
	}
}
