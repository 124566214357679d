package apply

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/gitsync/changeset"
)

// LiveOf describes a live object by its metadata alone.
func LiveOf(o metav1.Object) changeset.Live {
	return changeset.Live{
		Exists:      true,
		UID:         string(o.GetUID()),
		Key:         liveKey(o),
		Owner:       o.GetLabels()[v1alpha1.LabelGitSync],
		Protected:   o.GetAnnotations()[v1alpha1.AnnotationPrune] == "disabled",
		Terminating: o.GetDeletionTimestamp() != nil,
	}
}

// liveKey is a digest that changes when anything changes that somebody may have written past Git: the generation,
// labels, annotations and owners; the resourceVersion where a kind has no generation. A change of status alone does not
// change it.
func liveKey(o metav1.Object) string {
	version := ""
	if o.GetGeneration() == 0 {
		version = o.GetResourceVersion()
	}
	// Marshalling maps sorts their keys, so that the digest is the same each time.
	data, err := json.Marshal([]any{
		o.GetUID(), o.GetGeneration(), version, o.GetLabels(), o.GetAnnotations(), o.GetOwnerReferences(),
		o.GetDeletionTimestamp() != nil,
	})
	if err != nil {
		return "" // None of these can fail; an empty key equals no stored one.
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:12])
}
