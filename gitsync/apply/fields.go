package apply

import (
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// clientSide are the managers under which kubectl applies client-side.
var clientSide = sets.New("kubectl-client-side-apply", "before-first-apply")

// takeOverPatch returns a JSON patch, with the resourceVersion as its condition, that makes ours what kubectl applied
// client-side: otherwise it would stay for ever when it leaves Git. It returns nil if there is nothing to take over.
func takeOverPatch(live *unstructured.Unstructured) ([]byte, error) {
	for _, entry := range live.GetManagedFields() {
		if clientSide.Has(entry.Manager) && entry.Subresource == "" &&
			entry.Operation == metav1.ManagedFieldsOperationUpdate {
			return csaupgrade.UpgradeManagedFieldsPatch(live, clientSide, v1alpha1.ManagerGitSync)
		}
	}
	return nil, nil
}

// sameContent tells whether two versions of an object differ in nothing but bookkeeping.
func sameContent(a, b *unstructured.Unstructured) bool {
	return reflect.DeepEqual(bare(a), bare(b))
}

// bare returns the object without what the API server counts, and without status.
func bare(o *unstructured.Unstructured) map[string]any {
	content := make(map[string]any, len(o.Object))
	for key, value := range o.Object {
		if key != "status" && key != "metadata" {
			content[key] = value
		}
	}
	metadata, _ := o.Object["metadata"].(map[string]any)
	kept := make(map[string]any, len(metadata))
	for key, value := range metadata {
		switch key {
		case "resourceVersion", "generation", "managedFields":
		default:
			kept[key] = value
		}
	}
	content["metadata"] = kept
	return content
}
