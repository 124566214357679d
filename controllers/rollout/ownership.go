package rollout

import (
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/trafficrouting/ownership"
)

// A Service's selector belongs to its field managers as a whole. The first pin takes it from whoever wrote it, so the
// pinned Service carries a note of whom, and when the pin is gone the field is given back to them.

// annotationSelectorOwners is on a Service from its first pin until the selector has been given back.
const annotationSelectorOwners = "sluice.dev/selector-owners"

const selectorField = ownership.Field("selector")

// selectorOwners are the owners noted on the Service and those of now, each once, without this controller.
func selectorOwners(service metav1.Object) []ownership.Owner {
	var owners []ownership.Owner
	if noted := service.GetAnnotations()[annotationSelectorOwners]; noted != "" {
		// A note that somebody has spoilt tells nothing; the owners of now still count.
		_ = json.Unmarshal([]byte(noted), &owners)
	}
	return ownership.Union(owners, selectorField.Owners(service.GetManagedFields(), v1alpha1.ManagerController))
}
