package analysisrun

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/analysis/evaluate"
	"github.com/sluicehq/sluice/api/v1alpha1"
	ac "github.com/sluicehq/sluice/api/v1alpha1/applyconfiguration/api/v1alpha1"
)

// Bounds of what is written, in bytes: a message of a run, and one of an event.
const (
	maxStatusMessage = 2 << 10
	maxEventNote     = 1000
)

// write concludes a run, writes its status if that differs from what was read, tells what changed, and says when to
// look again. A run that changed or went away meanwhile is left to the next round.
func (r *Reconciler) write(ctx context.Context, seen *observed, run evaluate.Run) (ctrl.Result, error) {
	run, wake := run.Conclude(r.now())
	status, err := bound(r.statusOf(seen, run))
	if err != nil {
		return ctrl.Result{}, err
	}
	if !equality.Semantic.DeepEqual(seen.object.Status, status) {
		err := r.apply(ctx, seen.object, status)
		switch {
		case apierrors.IsConflict(err):
			return ctrl.Result{RequeueAfter: staleAfter}, nil
		case apierrors.IsNotFound(err):
			return ctrl.Result{}, nil
		case err != nil:
			return ctrl.Result{}, fmt.Errorf("writing the status of AnalysisRun %s/%s: %w", seen.object.Namespace,
				seen.object.Name, err)
		}
		r.tell(seen, run)
	}
	if wake.IsZero() {
		return ctrl.Result{}, nil
	}
	return ctrl.Result{RequeueAfter: max(wake.Sub(r.now()), soonest)}, nil
}

// apply writes a status, provided that the object is still the one that was read.
func (r *Reconciler) apply(ctx context.Context, object *v1alpha1.AnalysisRun, status v1alpha1.AnalysisRunStatus) error {
	raw, err := json.Marshal(status)
	if err != nil {
		return err
	}
	applied := ac.AnalysisRunStatus()
	if err := json.Unmarshal(raw, applied); err != nil {
		return err
	}
	config := ac.AnalysisRun(object.Name, object.Namespace).WithUID(object.UID).
		WithResourceVersion(object.ResourceVersion).WithStatus(applied)
	return r.client.Status().Apply(ctx, config, client.FieldOwner(v1alpha1.ManagerController), client.ForceOwnership)
}

// statusOf is the status of a run.
func (r *Reconciler) statusOf(seen *observed, run evaluate.Run) v1alpha1.AnalysisRunStatus {
	status := v1alpha1.AnalysisRunStatus{
		ObservedGeneration: seen.object.Generation,
		Phase:              v1alpha1.AnalysisPhase(run.Phase),
		Message:            shorten(run.Message, maxStatusMessage),
		StartedAt:          micro(run.Started),
		CompletedAt:        micro(run.Completed),
	}
	for i, result := range run.Results {
		status.MetricResults = append(status.MetricResults,
			resultStatus(run.Metrics[i].Name, seen.metrics[i].Query(), result))
	}
	if seen.invalid != nil {
		status.MetricResults = seen.object.Status.MetricResults
	}
	status.Conditions = conditions(seen.object, run, metav1.NewTime(r.now().Truncate(time.Second)))
	return status
}

func resultStatus(name, query string, r evaluate.Result) v1alpha1.MetricResult {
	out := v1alpha1.MetricResult{
		Name: name, Phase: v1alpha1.AnalysisPhase(r.Phase), Message: r.Message, Query: query,
		Count: r.Count, Successful: r.Successful, Failed: r.Failed, Inconclusive: r.Inconclusive,
		Error: r.Error, ConsecutiveError: r.ConsecutiveError,
		NoData: r.NoData, NoDataSince: micro(r.NoDataSince),
	}
	for _, m := range r.Measurements {
		out.Measurements = append(out.Measurements, v1alpha1.Measurement{
			Phase: v1alpha1.AnalysisPhase(m.Phase), Value: m.Value, Message: m.Message,
			StartedAt: micro(m.Started), FinishedAt: micro(m.Finished),
		})
	}
	return out
}

// conditions are Reconciling while the run goes on, and Stalled where it ended in Error. Their times change only with
// their status.
func conditions(object *v1alpha1.AnalysisRun, run evaluate.Run, now metav1.Time) []metav1.Condition {
	reason := string(run.Phase)
	if reason == "" {
		reason = string(evaluate.Pending)
	}
	out := append([]metav1.Condition(nil), object.Status.Conditions...)
	for _, c := range []struct {
		kind string
		is   bool
	}{
		{v1alpha1.ConditionReconciling, !run.Phase.Completed()},
		{v1alpha1.ConditionStalled, run.Phase == evaluate.Error},
	} {
		status := metav1.ConditionFalse
		if c.is {
			status = metav1.ConditionTrue
		}
		meta.SetStatusCondition(&out, metav1.Condition{
			Type: c.kind, Status: status, Reason: reason, Message: shorten(run.Message, maxStatusMessage),
			ObservedGeneration: object.Generation, LastTransitionTime: now,
		})
	}
	return out
}

// tell counts the measurements of a round and tells of what changed in it, once.
func (r *Reconciler) tell(seen *observed, run evaluate.Run) {
	for i, result := range run.Results {
		if i >= len(seen.run.Results) {
			break
		}
		before := seen.run.Results[i]
		if taken := result.Count + result.Error + result.NoData; taken > before.Count+before.Error+before.NoData {
			last := result.Measurements[len(result.Measurements)-1]
			r.counters.measured(seen.metrics[i].Provider, last)
		}
		if before.NoDataSince.IsZero() && !result.NoDataSince.IsZero() {
			r.recorder.Eventf(seen.object, nil, corev1.EventTypeWarning, "NoData", "Measure", "%s",
				shorten(fmt.Sprintf("metric %q: %s", run.Metrics[i].Name, result.Message), maxEventNote))
		}
	}
	if !run.Phase.Completed() || seen.run.Phase.Completed() {
		return
	}
	r.counters.completed(run.Phase)
	kind := corev1.EventTypeWarning
	if run.Phase == evaluate.Successful {
		kind = corev1.EventTypeNormal
	}
	r.recorder.Eventf(seen.object, nil, kind, "Analysis"+string(run.Phase), "Measure", "%s", shorten(run.Message, maxEventNote))
}

func micro(t time.Time) *metav1.MicroTime {
	if t.IsZero() {
		return nil
	}
	return new(metav1.NewMicroTime(t))
}

// shorten cuts a text to at most limit bytes, at a letter.
func shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}
