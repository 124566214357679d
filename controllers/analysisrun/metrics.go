package analysisrun

import (
	"errors"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluicehq/sluice/analysis"
	"github.com/sluicehq/sluice/analysis/evaluate"
	"github.com/sluicehq/sluice/api/v1alpha1"
)

// counters are what this controller counts. All labels have few values.
type counters struct {
	measurements *prometheus.CounterVec
	latency      *prometheus.HistogramVec
	runs         *prometheus.CounterVec
}

// newCounters registers the counters, or takes those that a former manager of the process registered.
func newCounters(registry prometheus.Registerer) (*counters, error) {
	m := &counters{
		measurements: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_analysis_measurements_total",
			Help: "Measurements by provider and outcome: successful, failed, inconclusive, error or nodata.",
		}, []string{"provider", "phase"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "sluice_analysis_measurement_duration_seconds",
			Help:    "Time that providers took to answer.",
			Buckets: []float64{0.005, 0.02, 0.1, 0.5, 2, 10, 30, 120},
		}, []string{"provider"}),
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_analysis_runs_completed_total",
			Help: "AnalysisRuns that came to a verdict, by verdict.",
		}, []string{"phase"}),
	}
	var err error
	if m.measurements, err = register(registry, m.measurements); err != nil {
		return nil, err
	}
	if m.latency, err = register(registry, m.latency); err != nil {
		return nil, err
	}
	if m.runs, err = register(registry, m.runs); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *counters) measured(provider v1alpha1.MetricProvider, s evaluate.Measurement) {
	phase := strings.ToLower(string(s.Phase))
	if s.Phase == evaluate.Pending {
		phase = "nodata"
	}
	m.measurements.WithLabelValues(analysis.Kind(provider), phase).Inc()
	m.latency.WithLabelValues(analysis.Kind(provider)).Observe(s.Finished.Sub(s.Started).Seconds())
}

func (m *counters) completed(phase evaluate.Phase) {
	m.runs.WithLabelValues(strings.ToLower(string(phase))).Inc()
}

// register gives the collector, or the equal one that is registered already.
func register[T prometheus.Collector](registry prometheus.Registerer, collector T) (T, error) {
	err := registry.Register(collector)
	if already, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if existing, same := already.ExistingCollector.(T); same {
			return existing, nil
		}
	}
	return collector, err
}
