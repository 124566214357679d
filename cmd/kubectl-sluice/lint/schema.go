package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/manifest"
)

// maxDetail bounds what is quoted of a bad value.
const maxDetail = 400

// checkSchema says what the API server says, and what it says nothing of: a kind or a version that there is not.
func (c *checker) checkSchema(o *manifest.Object) {
	definition := c.definitions[o.Kind()]
	if definition == nil {
		kinds := strings.Join(slices.Sorted(maps.Keys(c.definitions)), ", ")
		c.found.add(o, ruleSchema, "kind", fmt.Sprintf("there is no kind %s in %s; there are %s", o.Kind(), o.Group(), kinds))
		return
	}
	if o.APIVersion() != v1alpha1.GroupVersion.String() {
		c.found.add(o, ruleSchema, "apiVersion", fmt.Sprintf("%s is not served; write %s", o.APIVersion(), v1alpha1.GroupVersion))
		return
	}
	content := o.Content
	if o.Name() == "" {
		if o.At("metadata", "generateName") == nil {
			c.found.add(o, ruleSchema, "metadata", "metadata.name is missing")
		}
		// The rules count on a name, which the API server sees to before them.
		content = maps.Clone(content)
		content["metadata"] = map[string]any{"name": "x"}
	}
	for _, err := range definition.Check(c.ctx, content) {
		c.found.add(o, ruleSchema, fieldOf(err), detail(err))
	}
}

// fieldOf is the field that an error is about; empty for the object itself.
func fieldOf(err *field.Error) string {
	if err.Field == "<nil>" {
		return ""
	}
	return err.Field
}

// detail is what is wrong with a field, without its name.
func detail(err *field.Error) string {
	text := strings.Replace(err.ErrorBody(), err.Field+" in body ", "", 1)
	if err.Type == field.ErrorTypeForbidden {
		text = err.Detail
	}
	if err.Type == field.ErrorTypeInvalid && !plain(err.BadValue) {
		text = err.Detail
	}
	if len(text) > maxDetail {
		text = strings.ToValidUTF8(text[:maxDetail], "") + "…"
	}
	return text
}

// plain says that a bad value is short enough to be shown.
func plain(value any) bool {
	switch v := value.(type) {
	case bool, int, int32, int64, float64:
		return true
	case string:
		return v != "object" && v != "array"
	default:
		return false
	}
}
