package analysisrun

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/sluicehq/sluice/analysis"
	"github.com/sluicehq/sluice/analysis/evaluate"
)

// parallel is how many metrics of one run are measured at a time.
const parallel = 10

// measure asks for all metrics that are due, side by side, and gives the run with their answers and, where there is one,
// its verdict. The error is that of ctx: nothing was measured then.
func (r *Reconciler) measure(ctx context.Context, seen *observed) (evaluate.Run, error) {
	if seen.run.Phase.Completed() {
		return seen.run, nil
	}
	if seen.invalid != nil {
		return refused(seen, r), nil //nolint:nilerr // it is the verdict
	}
	run := seen.run.Start(r.now())
	due := run.Due(r.now())
	measured := make([]evaluate.Measurement, len(due))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, index := range due {
		group.Go(func() error {
			var err error
			measured[i], err = r.measureOne(groupCtx, seen.metrics[index])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return evaluate.Run{}, err
	}
	for i, index := range due {
		run = run.Record(index, measured[i])
	}
	return run, nil
}

func (r *Reconciler) measureOne(ctx context.Context, metric analysis.Metric) (evaluate.Measurement, error) {
	provider, err := r.providers.For(metric.Provider)
	if err != nil {
		now := r.now()
		//nolint:nilerr // it is the measurement
		return evaluate.Measurement{Phase: evaluate.Error, Message: err.Error(), Started: now, Finished: now}, nil
	}
	return analysis.Measure(ctx, provider, metric, r.now)
}

// refused is the end of a run whose spec cannot be measured.
func refused(seen *observed, r *Reconciler) evaluate.Run {
	run := seen.run
	run.Completed = r.now()
	if run.Started.IsZero() {
		run.Started = run.Completed
	}
	run.Phase, run.Message = evaluate.Error, seen.invalid.Error()
	return run
}
