package lint

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/manifest"
	"github.com/sluicehq/sluice/config/crd"
)

// Check looks through objects, and returns what it finds in the order of files and lines. problems are what the objects'
// files have beside them that cannot be read. The error is a mistake in this program.
func Check(ctx context.Context, objects []*manifest.Object, problems []manifest.Problem) ([]Finding, error) {
	definitions, err := crd.Load()
	if err != nil {
		return nil, err
	}
	c := &checker{ctx: ctx, definitions: definitions, index: newIndex(objects)}
	for _, p := range problems {
		c.found = append(c.found, Finding{
			File: p.File, Line: p.Line, Rule: ruleUnreadable.ID, Severity: ruleUnreadable.Severity, Message: p.Message,
		})
	}
	c.checkDuplicates(objects)
	for _, o := range objects {
		c.check(o)
	}
	return c.found.sorted(), nil
}

// checker is one run over some objects.
type checker struct {
	ctx         context.Context //nolint:containedctx // a checker lives as long as one call of Check
	definitions map[string]*crd.Definition
	index       *index
	found       findings
}

// argoGroup is the API group of Argo Rollouts.
const argoGroup = "argoproj.io"

func (c *checker) check(o *manifest.Object) {
	group := o.Group()
	switch {
	case group == argoGroup && argoKinds[o.Kind()]:
		c.checkArgo(o)
	case group == v1alpha1.GroupVersion.Group:
		c.checkSchema(o)
		c.checkOurs(o)
	case isAutoscaler(o):
		c.checkAutoscaler(o)
	}
}

func (c *checker) checkOurs(o *manifest.Object) {
	switch o.Kind() {
	case "Rollout":
		c.checkRollout(o)
	case "AnalysisTemplate", "ClusterAnalysisTemplate":
		c.checkAnalysisTemplate(o)
	}
}

func (c *checker) checkDuplicates(objects []*manifest.Object) {
	first := map[identity]*manifest.Object{}
	for _, o := range objects {
		other := first[identityOf(o)]
		switch {
		case o.Name() == "":
		case other == nil:
			first[identityOf(o)] = o
		case folderOf(o) == folderOf(other):
			c.found.add(o, ruleDuplicate, "metadata.name", fmt.Sprintf("the same object is at %s:%d", other.File, other.Line))
		}
	}
}

// subject is the Rollout that is looked at.
type subject struct {
	*checker
	object  *manifest.Object
	rollout *v1alpha1.Rollout
	// template is the pod template: its own, or that of the workload; nil where it is not known.
	template *podTemplate
	// replicas at full size; sized says that the manifest tells it, and no autoscaler or adopted Deployment.
	replicas int32
	sized    bool
}

func (s *subject) say(r Rule, field, format string, args ...any) {
	s.found.add(s.object, r, field, fmt.Sprintf(format, args...))
}

func (c *checker) checkRollout(o *manifest.Object) {
	ro := &v1alpha1.Rollout{}
	if o.Decode(ro) != nil {
		return // The schema has said it.
	}
	s := &subject{checker: c, object: o, rollout: ro, replicas: or(ro.Spec.Replicas, 1)}
	s.sized = ro.Spec.Replicas != nil || ro.Spec.Adopt == nil && !c.isScaled(o)
	s.checkWorkload()
	s.checkSharedWorkload()
	s.checkTemplate()
	s.checkSelector()
	s.checkServices()
	s.checkRoutes()
	s.checkAnalyses()
	s.checkStrategy()
	s.checkEphemeral()
	s.checkBudgets()
}

// labels are those of the template's pods.
func (s *subject) labels() labels.Set {
	if s.template == nil {
		return nil
	}
	return s.template.Metadata.Labels
}

func or[T any](value *T, otherwise T) T {
	if value == nil {
		return otherwise
	}
	return *value
}
