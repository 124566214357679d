package rollout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/analysis"
	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

// startRun makes the AnalysisRun of a step, or the one in the background. One that is there already is the one that was
// asked for: its name tells the revision, the step and when it was entered.
func (r *Reconciler) startRun(ctx context.Context, o *observation, a plan.StartRun) error {
	of, ok := o.release.Analyses[a.Step]
	if !ok {
		return fmt.Errorf("start run %s: step %d has no analysis", a.Key, a.Step)
	}
	spec, err := r.runSpec(ctx, o, of)
	if err != nil {
		return fmt.Errorf("start run %s: %w", a.Key, err)
	}
	run := &v1alpha1.AnalysisRun{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: o.rollout.Namespace, Name: runName(o.rollout.Name, a.Key),
			Labels: map[string]string{
				v1alpha1.LabelRollout: o.rollout.Name, v1alpha1.LabelAnalysisType: string(of.Type),
			},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(o.rollout, rolloutKind)},
		},
		Spec: spec,
	}
	if a.Step != wanted.Background {
		run.Labels[v1alpha1.LabelStepIndex] = strconv.Itoa(int(a.Step))
	}
	if err := r.client.Create(ctx, run, client.FieldOwner(v1alpha1.ManagerController)); err != nil {
		return fmt.Errorf("create AnalysisRun %s: %w", run.Name, err)
	}
	r.written.remember(client.ObjectKeyFromObject(o.rollout), kindAnalysisRun, run, r.clock.Now())
	return nil
}

// stopRun ends a run whose verdict is no longer asked for.
func (r *Reconciler) stopRun(ctx context.Context, o *observation, a plan.StopRun) error {
	for _, run := range o.runs {
		if run.Name != runName(o.rollout.Name, a.Key) || run.Spec.Terminate {
			continue
		}
		return r.patch(ctx, o, kindAnalysisRun, run, &v1alpha1.AnalysisRun{},
			map[string]any{"spec": map[string]any{"terminate": true}})
	}
	return nil
}

// readRuns reads the AnalysisRuns. A Rollout that has none and asks for none does not ask the API server for them.
func (r *Reconciler) readRuns(ctx context.Context, from view, o *observation) error {
	list, err := r.fromCache().analysisRuns(ctx, o.rollout)
	if err != nil {
		return err
	}
	if from.live && (len(list) > 0 || len(o.release.Analyses) > 0) {
		if list, err = from.analysisRuns(ctx, o.rollout); err != nil {
			return err
		}
	}
	for i := range list {
		run := &list[i]
		key := runKey(o.rollout.Name, run.Name)
		if run.DeletionTimestamp != nil || !metav1.IsControlledBy(run, o.rollout) || key == "" {
			continue
		}
		o.runs = append(o.runs, run)
		if !run.Status.Phase.Completed() || inUse(o.seen.State, key) {
			o.seen.Runs = append(o.seen.Runs, plan.Run{
				Key: key, Phase: runPhase(run.Status.Phase), Message: shorten(run.Status.Message, maxDetail),
			})
		}
	}
	slices.SortFunc(o.seen.Runs, func(a, b plan.Run) int { return cmp.Compare(a.Key, b.Key) })
	return nil
}

func runPhase(phase v1alpha1.AnalysisPhase) plan.RunPhase {
	switch phase {
	case v1alpha1.AnalysisSuccessful:
		return plan.RunSuccessful
	case v1alpha1.AnalysisFailed, v1alpha1.AnalysisError:
		return plan.RunFailed
	case v1alpha1.AnalysisInconclusive:
		return plan.RunInconclusive
	case v1alpha1.AnalysisPending, v1alpha1.AnalysisRunning:
		return plan.RunRunning
	}
	return plan.RunRunning
}

// defaultRunHistory is how many runs are kept of either kind.
const defaultRunHistory = 5

// collectRuns deletes the oldest completed runs past the limits. The current step's and one that a rejection names are
// kept for those who look into them.
func (r *Reconciler) collectRuns(ctx context.Context, o *observation, state plan.State) error {
	history := or(o.rollout.Spec.Analysis, v1alpha1.AnalysisHistory{})
	keep := map[bool]int{
		true:  int(or(history.SuccessfulRunHistoryLimit, defaultRunHistory)),
		false: int(or(history.UnsuccessfulRunHistoryLimit, defaultRunHistory)),
	}
	newestFirst := sortedBy(o.runs, func(a, b *v1alpha1.AnalysisRun) int {
		return cmp.Or(b.CreationTimestamp.Compare(a.CreationTimestamp.Time), cmp.Compare(b.Name, a.Name))
	})
	for _, run := range newestFirst {
		key := runKey(o.rollout.Name, run.Name)
		if !run.Status.Phase.Completed() || inUse(state, key) || key == state.Abort.Run {
			continue
		}
		successful := run.Status.Phase == v1alpha1.AnalysisSuccessful
		if keep[successful]--; keep[successful] >= 0 {
			continue
		}
		err := r.client.Delete(ctx, run, client.Preconditions{UID: new(run.UID)},
			client.PropagationPolicy(metav1.DeletePropagationBackground))
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete AnalysisRun %s: %w", run.Name, err)
		}
		r.written.forgetObject(client.ObjectKeyFromObject(o.rollout), kindAnalysisRun, run, r.clock.Now())
	}
	return nil
}

// inUse says that a run is the one of the present step, or the one in the background of the present release.
func inUse(state plan.State, key string) bool {
	return state.Candidate != "" && (key == plan.RunKey(state) || key == plan.BackgroundKey(state))
}

// invalidAnalysisError says what a person has to mend before a run can be made.
type invalidAnalysisError struct{ message string }

func (e *invalidAnalysisError) Error() string { return e.message }

// runSpec is what a run measures. The error is an invalidAnalysisError where the templates or arguments are to be mended.
func (r *Reconciler) runSpec(ctx context.Context, o *observation, a wanted.Analysis) (v1alpha1.AnalysisRunSpec, error) {
	templates, err := r.templates(ctx, o.rollout.Namespace, a.Templates)
	if err != nil {
		return v1alpha1.AnalysisRunSpec{}, err
	}
	args, err := arguments(o, a.Args)
	if err != nil {
		return v1alpha1.AnalysisRunSpec{}, err
	}
	use := analysis.UseStep
	if a.Type == wanted.AnalysisInBackground {
		use = analysis.UseBackground
	}
	return newRunSpec(use, templates, args)
}

func newRunSpec(use analysis.Use, templates []analysis.Template, args []v1alpha1.Argument) (v1alpha1.AnalysisRunSpec, error) {
	spec, err := analysis.NewRunSpec(use, templates, args)
	if err != nil {
		return v1alpha1.AnalysisRunSpec{}, &invalidAnalysisError{err.Error()}
	}
	return spec, nil
}

func (r *Reconciler) templates(ctx context.Context, namespace string, refs []v1alpha1.AnalysisTemplateRef) ([]analysis.Template, error) {
	out := make([]analysis.Template, 0, len(refs))
	for _, ref := range refs {
		spec, err := r.template(ctx, namespace, ref)
		if apierrors.IsNotFound(err) {
			return nil, &invalidAnalysisError{missingTemplate(namespace, ref)}
		}
		if err != nil {
			return nil, fmt.Errorf("get analysis template %s: %w", ref.TemplateName, err)
		}
		out = append(out, analysis.Template{Name: ref.TemplateName, Spec: spec})
	}
	return out, nil
}

func (r *Reconciler) template(ctx context.Context, namespace string, ref v1alpha1.AnalysisTemplateRef) (v1alpha1.AnalysisTemplateSpec, error) {
	if ref.ClusterScope {
		template := &v1alpha1.ClusterAnalysisTemplate{}
		err := r.cached.Get(ctx, types.NamespacedName{Name: ref.TemplateName}, template)
		return template.Spec, err
	}
	template := &v1alpha1.AnalysisTemplate{}
	err := r.cached.Get(ctx, types.NamespacedName{Namespace: namespace, Name: ref.TemplateName}, template)
	return template.Spec, err
}

// templateVersion tells one state of a template from every other; it is empty where there is no template.
func (r *Reconciler) templateVersion(ctx context.Context, namespace string, ref v1alpha1.AnalysisTemplateRef) (string, error) {
	var template client.Object = &v1alpha1.AnalysisTemplate{}
	if ref.ClusterScope {
		template, namespace = &v1alpha1.ClusterAnalysisTemplate{}, ""
	}
	err := r.cached.Get(ctx, types.NamespacedName{Namespace: namespace, Name: ref.TemplateName}, template, client.UnsafeDisableDeepCopy)
	if err != nil {
		return "", client.IgnoreNotFound(err)
	}
	return string(template.GetUID()) + "/" + template.GetResourceVersion(), nil
}

func missingTemplate(namespace string, ref v1alpha1.AnalysisTemplateRef) string {
	if ref.ClusterScope {
		return fmt.Sprintf("ClusterAnalysisTemplate %q does not exist; create it", ref.TemplateName)
	}
	return fmt.Sprintf("AnalysisTemplate %q does not exist in namespace %q; create it, or set clusterScope for a ClusterAnalysisTemplate",
		ref.TemplateName, namespace)
}

// arguments gives the arguments of a step their values.
func arguments(o *observation, in []v1alpha1.RolloutAnalysisArg) ([]v1alpha1.Argument, error) {
	out := make([]v1alpha1.Argument, 0, len(in))
	for _, arg := range in {
		value, err := argument(o, arg)
		if err != nil {
			return nil, &invalidAnalysisError{fmt.Sprintf("argument %q: %v", arg.Name, err)}
		}
		out = append(out, v1alpha1.Argument{Name: arg.Name, Value: &value})
	}
	return out, nil
}

func argument(o *observation, arg v1alpha1.RolloutAnalysisArg) (string, error) {
	switch from := arg.ValueFrom; {
	case arg.Value != nil:
		return *arg.Value, nil
	case from == nil:
		return "", errors.New("has no value; set value or valueFrom")
	case from.PodTemplateHashValue != nil && *from.PodTemplateHashValue == "Stable":
		return cmp.Or(o.seen.State.Stable, o.revision.Name), nil
	case from.PodTemplateHashValue != nil:
		return o.revision.Name, nil
	case from.FieldRef != nil:
		return field(o.rollout, from.FieldRef.FieldPath)
	default:
		return "", errors.New("valueFrom is empty; set podTemplateHashValue or fieldRef")
	}
}

// keyedField is metadata.labels['x'] or metadata.annotations['x'], with either kind of quote.
var keyedField = regexp.MustCompile(`^metadata\.(labels|annotations)\[(?:'([^']+)'|"([^"]+)")\]$`)

// field is a field of the Rollout's metadata.
func field(ro *v1alpha1.Rollout, path string) (string, error) {
	switch path {
	case "metadata.name":
		return ro.Name, nil
	case "metadata.namespace":
		return ro.Namespace, nil
	case "metadata.uid":
		return string(ro.UID), nil
	}
	match := keyedField.FindStringSubmatch(path)
	if match == nil {
		return "", fmt.Errorf("fieldPath %q is not known; use metadata.name, metadata.namespace, metadata.labels['x'] or metadata.annotations['x']", path)
	}
	values, key := ro.Labels, cmp.Or(match[2], match[3])
	if match[1] == "annotations" {
		values = ro.Annotations
	}
	value, ok := values[key]
	if !ok {
		return "", fmt.Errorf("fieldPath %q: the Rollout has no such entry", path)
	}
	return value, nil
}
