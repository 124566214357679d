package lint

import (
	"errors"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/analysis"
	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/manifest"
)

// example stands for the value of an argument that is known only in a release. It may be a number as well.
const example = "1"

// background is the path of the analysis that runs beside the steps, which may go on without an end.
const background = "canary.analysis"

// checkAnalyses makes the run of each analysis of the strategy, as the controller does.
func (s *subject) checkAnalyses() {
	for _, a := range s.rollout.Spec.Strategy.Analyses() {
		path := "spec.strategy." + a.Path
		templates, complete := s.templates(path, a.Analysis.Templates)
		if !complete {
			continue
		}
		use := analysis.UseStep
		if a.Path == background {
			use = analysis.UseBackground
		}
		_, err := analysis.NewRunSpec(use, templates, s.arguments(a.Analysis.Args))
		for _, problem := range problemsOf(err) {
			s.say(ruleAnalysis, path, "%s", problem)
		}
	}
}

// templates are those that an analysis names; complete says that all of them are among the objects and can be read.
func (s *subject) templates(path string, refs []v1alpha1.AnalysisTemplateRef) (templates []analysis.Template, complete bool) {
	complete = true
	for i, ref := range refs {
		k, namespace := kindTemplate, s.object.Namespace()
		if ref.ClusterScope {
			k, namespace = kindClusterTemplate, ""
		}
		o, others := s.index.find(k, s.object, ref.TemplateName)
		if o == nil {
			complete = false
			if others {
				s.say(ruleNoTemplate, fmt.Sprintf("%s.templates[%d].templateName", path, i), "%s %q is not among the objects%s",
					k.name, ref.TemplateName, inNamespace(namespace))
			}
			continue
		}
		spec, ok := templateSpec(o)
		if !ok {
			complete = false
			continue
		}
		templates = append(templates, analysis.Template{Name: ref.TemplateName, Spec: spec})
	}
	return templates, complete && len(templates) > 0
}

func templateSpec(o *manifest.Object) (v1alpha1.AnalysisTemplateSpec, bool) {
	// Both kinds of templates have the same spec.
	template := &v1alpha1.AnalysisTemplate{}
	err := o.Decode(template)
	return template.Spec, err == nil
}

// arguments have their values, and an example where the value is known only in a release.
func (s *subject) arguments(args []v1alpha1.RolloutAnalysisArg) []v1alpha1.Argument {
	out := make([]v1alpha1.Argument, 0, len(args))
	for _, arg := range args {
		value := example
		if arg.Value != nil {
			value = *arg.Value
		}
		out = append(out, v1alpha1.Argument{Name: arg.Name, Value: &value})
	}
	return out
}

// checkAnalysisTemplate reads a template by itself, with examples for the arguments that have no default.
func (c *checker) checkAnalysisTemplate(o *manifest.Object) {
	spec, ok := templateSpec(o)
	if !ok {
		return // The schema has said it.
	}
	var args []v1alpha1.Argument
	for _, arg := range spec.Args {
		if arg.Value == nil {
			args = append(args, v1alpha1.Argument{Name: arg.Name, Value: new(example)})
		}
	}
	_, err := analysis.NewRunSpec(analysis.UseBackground, []analysis.Template{{Name: o.Name(), Spec: spec}}, args)
	for _, problem := range problemsOf(err) {
		c.found.add(o, ruleAnalysis, metricPath(spec, problem), problem)
	}
}

// metricPath is the field of the metric that a problem names first.
func metricPath(spec v1alpha1.AnalysisTemplateSpec, problem string) string {
	for i, metric := range spec.Metrics {
		if strings.HasPrefix(problem, fmt.Sprintf("metric %q", metric.Name)) {
			return fmt.Sprintf("spec.metrics[%d]", i)
		}
	}
	return "spec"
}

func problemsOf(err error) []string {
	if err == nil {
		return nil
	}
	if invalid, ok := errors.AsType[*analysis.InvalidError](err); ok {
		return invalid.Problems
	}
	return []string{err.Error()}
}
