package analysisrun

import (
	"fmt"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/sluicehq/sluice/analysis"
	"github.com/sluicehq/sluice/analysis/prometheus"
	"github.com/sluicehq/sluice/api/v1alpha1"
)

// name of the controller, in logs, metrics and events.
const name = "analysisrun"

// defaultConcurrency is how many runs are worked on at a time. A round mostly waits for a provider.
const defaultConcurrency = 32

// Options are the choices of the controller.
type Options struct {
	// PrometheusAddress is asked by metrics that name no address; empty means that every metric must name one.
	PrometheusAddress string
	// AllowLoopback lets metrics name an address of the controller's own host.
	AllowLoopback bool
	// Concurrency is how many runs are worked on at a time; 0 means 32. The runs of one
	// namespace get a quarter of it.
	Concurrency int
	// Clock tells the time; nil means the machine's.
	Clock clock.PassiveClock
	// Providers replaces the built-in providers; nil means those.
	Providers analysis.Providers
}

// +kubebuilder:rbac:groups=sluice.dev,resources=analysisruns,verbs=get;list;watch
// +kubebuilder:rbac:groups=sluice.dev,resources=analysisruns/status,verbs=get;patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Setup adds the controller to a manager. The error names the option or the part that failed.
func Setup(mgr ctrl.Manager, opts Options) error {
	counts, err := newCounters(metrics.Registry)
	if err != nil {
		return fmt.Errorf("controller %s: registering metrics: %w", name, err)
	}
	providers := opts.Providers
	if providers == nil {
		provider, err := prometheus.New(prometheus.Options{Address: opts.PrometheusAddress, AllowLoopback: opts.AllowLoopback})
		if err != nil {
			return fmt.Errorf("controller %s: --prometheus-address: %w", name, err)
		}
		providers = analysis.Providers{analysis.ProviderPrometheus: provider}
	}
	concurrency := opts.Concurrency
	if concurrency == 0 {
		concurrency = defaultConcurrency
	}
	reconciler := &Reconciler{
		client: mgr.GetClient(), providers: providers, clock: opts.Clock,
		recorder: mgr.GetEventRecorder(v1alpha1.ManagerController), counters: counts, bulkhead: newBulkhead(concurrency),
	}
	if reconciler.clock == nil {
		reconciler.clock = clock.RealClock{}
	}
	return ctrl.NewControllerManagedBy(mgr).Named(name).For(&v1alpha1.AnalysisRun{}).
		WithOptions(controller.Options{MaxConcurrentReconciles: concurrency}).Complete(reconciler)
}
