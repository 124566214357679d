package timeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/analysis"
	"github.com/sluicehq/sluice/analysis/evaluate"
	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/lint"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/manifest"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/steps"
	"github.com/sluicehq/sluice/controllers/rollout/forecast"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

// Names of revisions in a timeline.
const (
	nameOld     = "old"
	nameNew     = "new"
	nameCurrent = "current"
)

// Input is what a timeline is made of.
type Input struct {
	// Objects are those of the manifests, with the Rollout among them. Name says which, where there are several.
	Objects []*manifest.Object
	Name    string
	// From are the objects of before; nil means the same Rollout with another pod template.
	From []*manifest.Object
	// Create plays the first creation of the Rollout.
	Create bool
	Events []forecast.Event
	// Now is when it begins.
	Now time.Time
	// PodReady is how long a pod takes to become ready.
	PodReady time.Duration
	// Analysis is how long every analysis takes; nil means as long as its templates say, and OtherAnalysis where they are
	// not among the objects.
	Analysis      *time.Duration
	OtherAnalysis time.Duration
	// Promotes says that somebody promotes where it is waited for, after PromoteAfter.
	Promotes     bool
	PromoteAfter time.Duration
}

// Revision is one of the revisions that a timeline begins with.
type Revision struct {
	// Name in the timeline, Hash in a cluster; it is empty where the template is not known.
	Name string `json:"name"`
	Hash string `json:"hash,omitempty"`
	// Images of its containers.
	Images string `json:"images,omitempty"`
}

// Timeline is what the controller would do.
type Timeline struct {
	// Rollout as namespace/name.
	Rollout   string
	Revisions []Revision
	// Steps in words, and Assumptions on which the times rest.
	Steps       []string
	Assumptions []string
	Forecast    forecast.Forecast
	Warnings    []string
}

// InvalidError says that the Rollout cannot be played, since the API server would refuse it.
type InvalidError struct{ Findings []lint.Finding }

func (e *InvalidError) Error() string {
	lines := make([]string, 0, len(e.Findings)+1)
	lines = append(lines, "the API server would refuse it:")
	for _, f := range e.Findings {
		lines = append(lines, fmt.Sprintf("  %s:%d: %s: %s: %s", f.File, f.Line, f.Object, f.Field, f.Message))
	}
	return strings.Join(lines, "\n")
}

// Build plays what happens to the Rollout of the input. The error is an InvalidError, or says what is missing.
func Build(ctx context.Context, in Input) (*Timeline, error) {
	object, err := find(in.Objects, in.Name)
	if err != nil {
		return nil, err
	}
	found, err := lint.Check(ctx, in.Objects, nil)
	if err != nil {
		return nil, err
	}
	if refused := ofRollout(found, object, lint.Refused); len(refused) > 0 {
		return nil, &InvalidError{refused}
	}
	after, err := read(in.Objects, object)
	if err != nil {
		return nil, err
	}
	b := &builder{in: in, after: after}
	if err := b.readBefore(ctx); err != nil {
		return nil, err
	}
	if err := b.build(); err != nil {
		return nil, err
	}
	b.out.Forecast, err = forecast.Play(b.scenario)
	if err != nil {
		return nil, err
	}
	b.warn(ofRollout(found, object, func(f lint.Finding) bool { return f.Severity != lint.Note && !b.toldAnyway(f) }))
	return &b.out, nil
}

// ofRollout are the findings about an object that are of a sort.
func ofRollout(found []lint.Finding, o *manifest.Object, is func(lint.Finding) bool) []lint.Finding {
	return slices.DeleteFunc(slices.Clone(found), func(f lint.Finding) bool {
		return f.File != o.File || f.Object != o.String() || !is(f)
	})
}

// builder makes the scenario.
type builder struct {
	in       Input
	after    *source
	before   *source
	release  wanted.Release
	scenario forecast.Scenario
	out      Timeline
}

func (b *builder) build() error {
	ro := b.after.rollout
	b.out.Rollout = ro.Name
	if ro.Namespace != "" {
		b.out.Rollout = ro.Namespace + "/" + ro.Name
	}
	for _, step := range steps.Of(ro) {
		b.out.Steps = append(b.out.Steps, step.Text)
	}
	if err := b.specs(); err != nil {
		return err
	}
	b.scenario.Events, b.scenario.Start = b.in.Events, b.in.Now.UTC().Truncate(time.Second)
	b.scenario.StableService = ro.Spec.Strategy.StableService() != ""
	b.scenario.CanaryService = ro.Spec.Strategy.CanaryService() != ""
	b.scenario.Routes = b.release.Drives.Routes
	if s := ro.Spec.MinReadySeconds; s != nil {
		b.scenario.MinReady = time.Duration(*s) * time.Second
	}
	b.assume()
	return nil
}

func (b *builder) readBefore(ctx context.Context) (err error) {
	switch {
	case b.in.Create:
		return nil
	case b.in.From == nil:
		b.before = b.after
		return nil
	}
	if b.before, err = readBefore(b.in.From, b.after); err != nil {
		return err
	}
	found, err := lint.Check(ctx, b.in.From, nil)
	if refused := ofRollout(found, b.before.object, lint.Refused); len(refused) > 0 {
		return &InvalidError{refused}
	}
	return err
}

// specs reads the specs before and after. The revisions get names that people can tell apart.
func (b *builder) specs() error {
	oldName, newName := nameOld, nameNew
	if b.before != nil && b.before != b.after && b.before.revision == b.after.revision {
		oldName, newName = nameCurrent, nameCurrent
	}
	var err error
	if b.release, err = wanted.Of(b.specOf(b.after), newName); err != nil {
		return err
	}
	b.scenario.After = b.release.Spec
	b.scenario.Resize = b.resize
	if b.before != nil {
		release, err := wanted.Of(b.specOf(b.before), oldName)
		if err != nil {
			return fmt.Errorf("--from: %w", err)
		}
		b.scenario.Before = release.Spec
		old := Revision{Name: oldName}
		if b.before != b.after {
			old.Hash, old.Images = b.before.revision.Name, images(b.before.template)
		}
		b.out.Revisions = append(b.out.Revisions, old)
	}
	if b.before == nil || oldName != newName {
		b.out.Revisions = append(b.out.Revisions, Revision{Name: newName, Hash: b.after.revision.Name, Images: images(b.after.template)})
	}
	b.workload()
	if b.before != nil && b.before.object.Kind() == "Deployment" {
		b.scenario.Cause = "the Rollout takes the place of Deployment " + b.before.object.Name()
		if oldName != newName {
			b.scenario.Cause += ", with another template"
		}
	}
	return nil
}

// specOf is the spec of a Rollout. One that adopts has the size of what it adopts, where it says none.
func (b *builder) specOf(s *source) v1alpha1.RolloutSpec {
	spec := *s.rollout.Spec.DeepCopy()
	if spec.Replicas == nil && spec.Adopt != nil && b.before != nil {
		spec.Replicas = b.before.rollout.Spec.Replicas
	}
	return spec
}

// workload is what the Deployment of a workloadRef has before: all its pods before the first release, and after one those
// that scaleDown leaves.
func (b *builder) workload() {
	if b.after.workload == nil {
		return
	}
	b.scenario.HasWorkload = true
	if b.before == nil || b.scenario.After.Workload == plan.WorkloadStays {
		b.scenario.WorkloadPods = b.after.workloadPods
	}
}

// resize is the spec with another number of replicas, and the bounds that are percentages of it.
func (b *builder) resize(s plan.Spec, replicas int32) plan.Spec {
	spec := b.specOf(b.after)
	spec.Replicas = &replicas
	if release, err := wanted.Of(spec, s.Revision); err == nil {
		s.Surge, s.Unavailable = release.Spec.Surge, release.Spec.Unavailable
	}
	s.Replicas = replicas
	return s
}

// assume takes for granted what the flags say, and how long analyses take.
func (b *builder) assume() {
	a := &b.scenario.Assume
	a.PodReady, a.Promotes, a.PromoteAfter = b.in.PodReady, b.in.Promotes, b.in.PromoteAfter
	a.OtherAnalysis, a.Background, a.Analysis = b.in.OtherAnalysis, forecast.NoEnd, map[int32]time.Duration{}
	b.assumed("a pod is ready %s after it is made", short(a.PodReady))
	for _, step := range slices.Sorted(maps.Keys(b.release.Analyses)) {
		length, why := b.analysisLength(b.release.Analyses[step])
		if step == wanted.Background {
			a.Background = length
			b.assumed("the analysis beside the steps %s%s", lengthText(length), why)
			continue
		}
		a.Analysis[step] = length
		b.assumed("the analysis of step %d %s%s", step+1, lengthText(length), why)
	}
	if len(b.scenario.Routes) > 0 {
		b.assumed("gateways acknowledge at once")
	}
	switch {
	case !waitsForAnybody(b.release.Spec):
	case !a.Promotes:
		b.assumed("nobody promotes")
	case a.PromoteAfter == 0:
		b.assumed("somebody promotes as soon as it is waited for")
	default:
		b.assumed("somebody promotes %s after it is waited for", short(a.PromoteAfter))
	}
}

func (b *builder) assumed(format string, args ...any) {
	b.out.Assumptions = append(b.out.Assumptions, fmt.Sprintf(format, args...))
}

func waitsForAnybody(s plan.Spec) bool {
	return slices.ContainsFunc(s.Steps, func(s plan.Step) bool {
		return s.Kind == plan.StepPause && s.Indefinite || s.Kind == plan.StepAnalysis
	})
}

func lengthText(length time.Duration) string {
	if length == forecast.NoEnd {
		return "succeeds only when the release ends it"
	}
	return "succeeds after " + short(length)
}

// analysisLength is how long an analysis takes until it succeeds, and where that is known from.
func (b *builder) analysisLength(a wanted.Analysis) (time.Duration, string) {
	if b.in.Analysis != nil {
		return *b.in.Analysis, " (--analysis)"
	}
	otherwise := b.in.OtherAnalysis
	if a.Type == wanted.AnalysisInBackground {
		otherwise = forecast.NoEnd
	}
	metrics, missing := b.metrics(a)
	if missing != "" {
		return otherwise, " (" + missing + ")"
	}
	var longest time.Duration
	for _, m := range metrics {
		if m.Count == evaluate.Endless {
			return forecast.NoEnd, ""
		}
		longest = max(longest, m.InitialDelay+time.Duration(m.Count-1)*m.Interval)
	}
	return longest, " (its templates)"
}

// metrics are what an analysis measures; the text says what is missing to know it.
func (b *builder) metrics(a wanted.Analysis) ([]analysis.Metric, string) {
	var templates []analysis.Template
	for _, ref := range a.Templates {
		template := b.template(ref)
		if template == nil {
			return nil, "template " + ref.TemplateName + " is not among the objects"
		}
		templates = append(templates, analysis.Template{Name: ref.TemplateName, Spec: template.Spec})
	}
	args := make([]v1alpha1.Argument, 0, len(a.Args))
	for _, arg := range a.Args {
		value := "1" // what is known only in a release has no effect on its length
		if arg.Value != nil {
			value = *arg.Value
		}
		args = append(args, v1alpha1.Argument{Name: arg.Name, Value: &value})
	}
	spec, err := analysis.NewRunSpec(analysis.UseBackground, templates, args)
	if err != nil {
		return nil, err.Error()
	}
	metrics, err := analysis.Resolve(spec)
	if err != nil {
		return nil, err.Error()
	}
	return metrics, ""
}

// template is a template that an analysis names; nil where it is not among the objects.
func (b *builder) template(ref v1alpha1.AnalysisTemplateRef) *v1alpha1.AnalysisTemplate {
	kind := "AnalysisTemplate"
	if ref.ClusterScope {
		kind = "ClusterAnalysisTemplate"
	}
	for _, o := range b.in.Objects {
		near := ref.ClusterScope || manifest.MayShareNamespace(o.Namespace(), b.after.object.Namespace())
		if o.Kind() != kind || o.Name() != ref.TemplateName || !near {
			continue
		}
		// Both kinds have the same spec.
		template := &v1alpha1.AnalysisTemplate{}
		if o.Decode(template) == nil {
			return template
		}
	}
	return nil
}
