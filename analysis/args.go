package analysis

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// placeholder is anything in double braces, and reference what is meant to be there.
var (
	placeholder = regexp.MustCompile(`\{\{([^{}]*)\}\}`)
	reference   = regexp.MustCompile(`^\s*args\.([^\s{}]+)\s*$`)
)

// maxField bounds a field once its arguments are filled in, in bytes; conditions have a smaller bound of their own.
const maxField = 16 << 10

// arguments are the values that metrics may refer to.
type arguments map[string]string

// fill replaces every {{args.NAME}} of a text. What the values hold is not looked at again. The error names the
// reference that cannot be resolved.
func (a arguments) fill(text string) (string, error) {
	if !strings.Contains(text, "{{") {
		return text, nil
	}
	var out strings.Builder
	rest := 0
	for _, at := range placeholder.FindAllStringSubmatchIndex(text, -1) {
		name := reference.FindStringSubmatch(text[at[2]:at[3]])
		if name == nil {
			return "", fmt.Errorf("%s is not known: write {{args.NAME}}", text[at[0]:at[1]])
		}
		value, ok := a[name[1]]
		if !ok {
			return "", fmt.Errorf("argument %q has no value: declare it under args, and give it a value there or where"+
				" the template is used", name[1])
		}
		out.WriteString(text[rest:at[0]])
		out.WriteString(value)
		rest = at[1]
		if out.Len() > maxField {
			return "", fmt.Errorf("longer than %d bytes with its arguments filled in", maxField)
		}
	}
	out.WriteString(text[rest:])
	if out.Len() > maxField {
		return "", fmt.Errorf("longer than %d bytes with its arguments filled in", maxField)
	}
	return out.String(), nil
}

// field is a text of a metric that may hold references; the text is nil where the field is not set.
type field struct {
	name string
	text *string
}

// fields are all texts of a metric. They point into it.
func fields(m *v1alpha1.Metric) []field {
	out := []field{
		{"name", &m.Name},
		{"successCondition", &m.SuccessCondition},
		{"failureCondition", &m.FailureCondition},
		{"interval", (*string)(m.Interval)},
		{"initialDelay", (*string)(m.InitialDelay)},
		{"count", countText(m.Count)},
		{"failureLimit", countText(m.FailureLimit)},
		{"inconclusiveLimit", countText(m.InconclusiveLimit)},
		{"consecutiveErrorLimit", countText(m.ConsecutiveErrorLimit)},
	}
	if m.NoData != nil {
		out = append(out, field{"noData.after", (*string)(m.NoData.After)})
	}
	if p := m.Provider.Prometheus; p != nil {
		out = append(out, field{"provider.prometheus.query", &p.Query}, field{"provider.prometheus.address", &p.Address})
	}
	return out
}

// fillMetric gives a copy of a metric with all its references filled in. The errors name the fields.
func (a arguments) fillMetric(m v1alpha1.Metric) (v1alpha1.Metric, []error) {
	m = *m.DeepCopy()
	var problems []error
	for _, f := range fields(&m) {
		if f.text == nil {
			continue
		}
		filled, err := a.fill(*f.text)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", f.name, err))
			continue
		}
		*f.text = filled
	}
	return m, problems
}

// countText is the text of a number that is given as one, or nil.
func countText(v *intstr.IntOrString) *string {
	if v == nil || v.Type != intstr.String {
		return nil
	}
	return &v.StrVal
}

// values are the arguments that have a value.
func values(args []v1alpha1.Argument) arguments {
	out := arguments{}
	for _, arg := range args {
		if arg.Value != nil {
			out[arg.Name] = *arg.Value
		}
	}
	return out
}

// duplicates names what occurs more than once, in the order of its second occurrence.
func duplicates(names []string) []string {
	seen := map[string]bool{}
	var twice []string
	for _, name := range names {
		if seen[name] && !slices.Contains(twice, name) {
			twice = append(twice, name)
		}
		seen[name] = true
	}
	return twice
}
