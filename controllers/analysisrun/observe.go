package analysisrun

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/analysis"
	"github.com/sluicehq/sluice/analysis/evaluate"
	"github.com/sluicehq/sluice/api/v1alpha1"
)

// observed is a run as it was read.
type observed struct {
	object *v1alpha1.AnalysisRun
	// metrics and run.Metrics belong together by their index.
	metrics []analysis.Metric
	run     evaluate.Run
	// invalid is why the spec cannot be measured, or nil.
	invalid error
}

// fresh says whether nobody has looked at the run yet.
func (o *observed) fresh() bool {
	return o.run.Started.IsZero() && o.invalid == nil && !o.run.Terminate
}

// observe reads a run and what its status remembers. It gives nil where there is nothing to do: the run is gone, is being
// deleted, or is completed and says so for its present generation.
func (r *Reconciler) observe(ctx context.Context, name types.NamespacedName) (*observed, error) {
	object := &v1alpha1.AnalysisRun{}
	if err := r.client.Get(ctx, name, object); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	told := object.Status.Phase.Completed() && object.Status.ObservedGeneration == object.Generation
	if told || !object.DeletionTimestamp.IsZero() {
		return nil, nil //nolint:nilnil // There is nothing to do, and that is no error.
	}
	out := &observed{object: object}
	out.metrics, out.invalid = analysis.Resolve(object.Spec)
	out.run = remembered(object, out.metrics)
	return out, nil
}

// remembered is a run as its status tells it. Metrics without a result have not been measured.
func remembered(object *v1alpha1.AnalysisRun, metrics []analysis.Metric) evaluate.Run {
	status := object.Status
	run := evaluate.Run{
		Started:   moment(status.StartedAt),
		Completed: moment(status.CompletedAt),
		Terminate: object.Spec.Terminate,
		Phase:     evaluate.Phase(status.Phase),
		Message:   status.Message,
		Metrics:   make([]evaluate.Metric, len(metrics)),
		Results:   make([]evaluate.Result, len(metrics)),
	}
	results := make(map[string]v1alpha1.MetricResult, len(status.MetricResults))
	for _, result := range status.MetricResults {
		results[result.Name] = result
	}
	for i, metric := range metrics {
		run.Metrics[i] = metric.Metric
		run.Results[i] = resultOf(results[metric.Name])
	}
	return run
}

func resultOf(r v1alpha1.MetricResult) evaluate.Result {
	out := evaluate.Result{
		Phase: evaluate.Phase(r.Phase), Message: r.Message,
		Count: r.Count, Successful: r.Successful, Failed: r.Failed, Inconclusive: r.Inconclusive,
		Error: r.Error, ConsecutiveError: r.ConsecutiveError,
		NoData: r.NoData, NoDataSince: moment(r.NoDataSince),
	}
	if out.Phase == "" {
		out.Phase = evaluate.Pending
	}
	for _, m := range r.Measurements {
		out.Measurements = append(out.Measurements, evaluate.Measurement{
			Phase: evaluate.Phase(m.Phase), Value: m.Value, Message: m.Message,
			Started: moment(m.StartedAt), Finished: moment(m.FinishedAt),
		})
	}
	return out
}

func moment(t *metav1.MicroTime) time.Time {
	if t == nil || t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}
