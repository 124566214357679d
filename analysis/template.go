package analysis

import (
	"slices"
	"strings"

	"github.com/sluicehq/sluice/analysis/evaluate"
	"github.com/sluicehq/sluice/api/v1alpha1"
)

// Use is what a run is made for.
type Use int

// The uses of a run.
const (
	// UseStep is a run that a step of a release waits for: it must come to an end by itself.
	UseStep Use = iota
	// UseBackground is a run that goes on until the release ends it.
	UseBackground
)

// The bounds of a run, which the API server holds as well.
const (
	maxMetrics = 50
	maxArgs    = 100
	maxValue   = 4096
)

// Template is an AnalysisTemplate or a ClusterAnalysisTemplate, and the name under which problems are told.
type Template struct {
	Name string
	Spec v1alpha1.AnalysisTemplateSpec
}

// NewRunSpec merges templates into the spec of an AnalysisRun. The values of args win over the templates' own. The result
// is deterministic, and the arguments are filled in when it is measured.
//
// The error is an InvalidError that gives all problems at once: metric names that occur twice, arguments that no template
// declares, that have no value or that have different defaults in two templates, references that cannot be resolved,
// numbers and durations that cannot be read, conditions that do not compile, and for UseStep metrics without an end.
func NewRunSpec(use Use, templates []Template, args []v1alpha1.Argument) (v1alpha1.AnalysisRunSpec, error) {
	invalid := &InvalidError{}
	spec := v1alpha1.AnalysisRunSpec{
		Metrics: mergeMetrics(templates, invalid),
		Args:    mergeArgs(templates, args, invalid),
	}
	if len(invalid.Problems) == 0 {
		metrics, err := Resolve(spec)
		if err != nil {
			return v1alpha1.AnalysisRunSpec{}, err
		}
		if use == UseStep {
			refuseEndless(metrics, invalid)
		}
	}
	if err := invalid.orNil(); err != nil {
		return v1alpha1.AnalysisRunSpec{}, err
	}
	return spec, nil
}

func mergeMetrics(templates []Template, invalid *InvalidError) []v1alpha1.Metric {
	var metrics []v1alpha1.Metric
	from := map[string]string{}
	for _, template := range templates {
		for _, metric := range template.Spec.Metrics {
			if first, ok := from[metric.Name]; ok {
				invalid.addf("metric %q is in template %q and in template %q: rename one", metric.Name, first, template.Name)
				continue
			}
			from[metric.Name] = template.Name
			metrics = append(metrics, *metric.DeepCopy())
		}
	}
	if len(metrics) > maxMetrics {
		invalid.addf("%d metrics: at most %d fit into a run", len(metrics), maxMetrics)
	}
	return metrics
}

// mergeArgs gives all declared arguments their values, in the order of their declaration.
func mergeArgs(templates []Template, given []v1alpha1.Argument, invalid *InvalidError) []v1alpha1.Argument {
	values := checkGiven(templates, given, invalid)
	var merged []v1alpha1.Argument
	index := map[string]int{}
	declaredBy := map[string]string{}
	for _, template := range templates {
		for _, arg := range template.Spec.Args {
			at, seen := index[arg.Name]
			if !seen {
				at = len(merged)
				index[arg.Name] = at
				merged = append(merged, v1alpha1.Argument{Name: arg.Name})
			}
			value, isGiven := values[arg.Name]
			switch {
			case isGiven:
				merged[at].Value = new(value)
			case arg.Value == nil:
			case merged[at].Value != nil && *merged[at].Value != *arg.Value:
				invalid.addf("argument %q is %q in template %q and %q in template %q: give it a value under args", arg.Name,
					*merged[at].Value, declaredBy[arg.Name], *arg.Value, template.Name)
			default:
				merged[at].Value, declaredBy[arg.Name] = new(*arg.Value), template.Name
			}
		}
	}
	for _, arg := range merged {
		if arg.Value == nil {
			invalid.addf("argument %q has no value: give it one under args", arg.Name)
		}
	}
	if len(merged) > maxArgs {
		invalid.addf("%d arguments: at most %d fit into a run", len(merged), maxArgs)
	}
	return merged
}

// checkGiven gives the values of the arguments by name and notes those that are of no use.
func checkGiven(templates []Template, given []v1alpha1.Argument, invalid *InvalidError) arguments {
	declared := map[string]bool{}
	names := make([]string, 0, len(templates))
	for _, template := range templates {
		names = append(names, template.Name)
		for _, arg := range template.Spec.Args {
			declared[arg.Name] = true
		}
	}
	givenNames := make([]string, 0, len(given))
	for _, arg := range given {
		givenNames = append(givenNames, arg.Name)
		if !declared[arg.Name] {
			invalid.addf("argument %q is not declared by %s: remove it, or declare it under the template's args", arg.Name,
				quoted(names))
		}
		if arg.Value != nil && len(*arg.Value) > maxValue {
			invalid.addf("argument %q is %d bytes long: at most %d are allowed", arg.Name, len(*arg.Value), maxValue)
		}
	}
	for _, name := range duplicates(givenNames) {
		invalid.addf("argument %q is given more than once", name)
	}
	return values(given)
}

// refuseEndless notes the metrics on which a step would wait for ever.
func refuseEndless(metrics []Metric, invalid *InvalidError) {
	for _, metric := range metrics {
		if metric.Count == evaluate.Endless {
			invalid.addf("metric %q has an interval and no count, so that the step would never end: set count", metric.Name)
		}
	}
}

func quoted(names []string) string {
	if len(names) == 0 {
		return "any template"
	}
	out := slices.Clone(names)
	for i, name := range out {
		out[i] = `"` + name + `"`
	}
	if len(out) == 1 {
		return "template " + out[0]
	}
	return "templates " + strings.Join(out, ", ")
}
