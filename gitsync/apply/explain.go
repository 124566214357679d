package apply

import (
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/sluicehq/sluice/gitsync/changeset"
)

// maxText bounds the text of a failure.
const maxText = 400

// Explain says why an object could not be written, in a text that is the same each time. What is wrong with a Secret is
// said without its content.
func Explain(id changeset.ID, err error) string {
	if meta.IsNoMatchError(err) {
		return "the cluster does not know this kind: install its CustomResourceDefinition"
	}
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) {
		return shorten(err.Error())
	}
	if apierrors.IsForbidden(err) && strings.Contains(status.Status().Message, "cannot impersonate") {
		return "the controller may not act as the service account: bind the ClusterRole sluice-impersonator to it in the " +
			"GitSync's namespace"
	}
	if id.Kind == "Secret" && id.Group == "" && !apierrors.IsForbidden(err) {
		return withoutValues(status)
	}
	return shorten(status.Status().Message)
}

// withoutValues names the fields that are at fault, and nothing that is in them.
func withoutValues(err apierrors.APIStatus) string {
	status := err.Status()
	var fields []string
	if status.Details != nil {
		for _, cause := range status.Details.Causes {
			fields = append(fields, fmt.Sprintf("%s (%s)", cause.Field, cause.Type))
		}
	}
	if len(fields) == 0 {
		return fmt.Sprintf("the API server refuses it: %s", status.Reason)
	}
	return shorten(fmt.Sprintf("the API server refuses it: %s: %s", status.Reason, strings.Join(fields, ", ")))
}

// Retryable tells whether a failure may pass by itself.
func Retryable(err error) bool {
	return errors.Is(err, ErrTerminating) || !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err)
}

func shorten(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxText {
		return strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}
