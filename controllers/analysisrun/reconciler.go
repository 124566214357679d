package analysisrun

import (
	"context"
	"time"

	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/analysis"
)

// soonest is the shortest wait for the next round. The own write of a round brings the next one earlier by itself.
const soonest = 100 * time.Millisecond

// staleAfter is when a round is repeated whose write was refused, unless the newer version of the object comes earlier.
const staleAfter = time.Second

// crowdedAfter is when a round is repeated for which the namespace had no place.
const crowdedAfter = time.Second

// Reconciler brings AnalysisRuns to their verdicts.
type Reconciler struct {
	client    client.Client
	providers analysis.Providers
	clock     clock.PassiveClock
	recorder  events.EventRecorder
	counters  *counters
	bulkhead  *bulkhead
}

// Reconcile does one round for one run: observe, measure what is due, conclude, write.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	seen, err := r.observe(ctx, req.NamespacedName)
	if err != nil || seen == nil {
		return ctrl.Result{}, err
	}
	if seen.fresh() {
		// The start is durable before the first measurement, which counts from it.
		return r.write(ctx, seen, seen.run.Start(r.now()))
	}
	if !r.bulkhead.enter(req.Namespace) {
		return ctrl.Result{RequeueAfter: crowdedAfter}, nil
	}
	defer r.bulkhead.leave(req.Namespace)
	run, err := r.measure(ctx, seen)
	if err != nil {
		return ctrl.Result{}, err
	}
	return r.write(ctx, seen, run)
}

// now is the present as it is kept in a status: in microseconds.
func (r *Reconciler) now() time.Time { return r.clock.Now().UTC().Truncate(time.Microsecond) }
