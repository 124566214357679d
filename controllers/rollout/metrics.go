package rollout

import (
	"cmp"
	"errors"
	"fmt"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// meters are the metrics of Rollouts; metrics.md lists them. Each Rollout has a fixed number of series, which go when it
// goes; what would need more, such as how long releases take, is kept for all Rollouts together.
type meters struct {
	phase      *prometheus.GaugeVec
	weight     *prometheus.GaugeVec
	step       *prometheus.GaugeVec
	steps      *prometheus.GaugeVec
	replicas   *prometheus.GaugeVec
	paused     *prometheus.GaugeVec
	releases   *prometheus.CounterVec
	violations *prometheus.CounterVec
	duration   *prometheus.HistogramVec
	pauses     *prometheus.HistogramVec

	mu    sync.Mutex
	shown map[types.NamespacedName]bool
}

const (
	labelNamespace = "namespace"
	labelName      = "name"
	labelPhase     = "phase"
	labelKind      = "kind"
	labelState     = "state"
	labelOutcome   = "outcome"
)

// durations are the bounds of the buckets of times, in seconds: from a release without steps to one of some days.
var durations = []float64{10, 30, 60, 120, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600, 72 * 3600}

func newMeters(registry prometheus.Registerer) (*meters, error) {
	gauge := func(name, help string, more ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, append([]string{labelNamespace, labelName}, more...))
	}
	counter := func(name, help string, more ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, append([]string{labelNamespace, labelName}, more...))
	}
	histogram := func(name, help string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: durations}, []string{labelOutcome})
	}
	m := &meters{
		phase: gauge("sluice_rollout_info", "Phase of a Rollout: 1 for the phase that it is in, 0 for the others.", labelPhase),
		weight: gauge("sluice_rollout_weight_percent",
			"Share of the traffic of the revision that is being released, in percent: asked for, and the lowest and the highest that may be served.", labelKind),
		step:     gauge("sluice_rollout_step", "Step of a release that is being worked on, from 1; 0 at rest."),
		steps:    gauge("sluice_rollout_steps", "Number of steps of a release."),
		replicas: gauge("sluice_rollout_replicas", "Pods of a Rollout by state: desired, current, updated, ready, available.", labelState),
		paused: gauge("sluice_rollout_paused_seconds",
			"How long the release that is under way has been paused, without the present pause; 0 at rest."),
		releases: counter("sluice_rollout_releases_total", "Releases that have ended, by outcome.", labelOutcome),
		violations: counter("sluice_rollout_invariant_violations_total",
			"Invariants of a release that an action would have broken. Any of them is a bug."),
		duration: histogram("sluice_release_duration_seconds", "How long releases took, by outcome, over all Rollouts."),
		pauses:   histogram("sluice_release_paused_seconds", "How long of that they were paused, by outcome, over all Rollouts."),
		shown:    map[types.NamespacedName]bool{},
	}
	err := errors.Join(
		register(registry, &m.phase), register(registry, &m.weight), register(registry, &m.step), register(registry, &m.steps),
		register(registry, &m.replicas), register(registry, &m.paused), register(registry, &m.releases),
		register(registry, &m.violations), register(registry, &m.duration), register(registry, &m.pauses),
	)
	return m, err
}

// register registers a metric, or takes the one that is registered already: there is one registry in a process and there
// may be several managers.
func register[C prometheus.Collector](registry prometheus.Registerer, collector *C) error {
	err := registry.Register(*collector)
	if known, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		existing, same := known.ExistingCollector.(C)
		if !same {
			return fmt.Errorf("register metrics: %w", err)
		}
		*collector = existing
		return nil
	}
	if err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	return nil
}

var phases = []v1alpha1.RolloutPhase{
	v1alpha1.RolloutProgressing, v1alpha1.RolloutPaused, v1alpha1.RolloutHealthy, v1alpha1.RolloutDegraded,
}

var outcomes = []plan.Outcome{plan.Promoted, plan.FastPromoted, plan.Aborted, plan.Superseded, plan.RolledBack}

// show sets the gauges of a Rollout to its status.
func (m *meters) show(ro *v1alpha1.Rollout, replicas, steps int32) {
	m.begin(client.ObjectKeyFromObject(ro))
	s := ro.Status
	for _, phase := range phases {
		m.phase.WithLabelValues(ro.Namespace, ro.Name, string(phase)).Set(truthValue(s.Phase == phase))
	}
	release := or(s.Release, v1alpha1.ReleaseStatus{})
	weights := or(release.Weights, v1alpha1.ReleaseWeights{})
	m.set(m.weight, ro, map[string]int32{"asked": weights.Asked, "low": weights.Low, "high": weights.High})
	var step int32
	if release.Revision != "" {
		step = min(release.StepIndex+1, steps)
	}
	m.step.WithLabelValues(ro.Namespace, ro.Name).Set(float64(step))
	m.steps.WithLabelValues(ro.Namespace, ro.Name).Set(float64(steps))
	m.paused.WithLabelValues(ro.Namespace, ro.Name).Set(float64(release.PausedSeconds))
	m.set(m.replicas, ro, map[string]int32{
		"desired": replicas, "current": s.Replicas, "updated": s.UpdatedReplicas, "ready": s.ReadyReplicas,
		"available": s.AvailableReplicas,
	})
}

func (m *meters) set(gauge *prometheus.GaugeVec, ro *v1alpha1.Rollout, values map[string]int32) {
	for label, value := range values {
		gauge.WithLabelValues(ro.Namespace, ro.Name, label).Set(float64(value))
	}
}

func truthValue(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// begin makes the counters of a Rollout, so that the first time that they rise is seen.
func (m *meters) begin(rollout types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.shown[rollout] {
		return
	}
	m.shown[rollout] = true
	m.violations.WithLabelValues(rollout.Namespace, rollout.Name).Add(0)
	for _, outcome := range outcomes {
		m.releases.WithLabelValues(rollout.Namespace, rollout.Name, string(outcome)).Add(0)
	}
}

// ended counts the releases that a plan ends, once its status is written.
func (m *meters) ended(ro *v1alpha1.Rollout, releases []plan.Release) {
	for _, release := range releases {
		outcome := cmp.Or(release.Outcome, plan.Promoted)
		m.releases.WithLabelValues(ro.Namespace, ro.Name, string(outcome)).Inc()
		if !release.Started.IsZero() {
			m.duration.WithLabelValues(string(outcome)).Observe(max(0, release.Finished.Sub(release.Started)).Seconds())
			m.pauses.WithLabelValues(string(outcome)).Observe(max(0, release.Paused).Seconds())
		}
	}
}

func (m *meters) violated(rollout types.NamespacedName, n int) {
	m.violations.WithLabelValues(rollout.Namespace, rollout.Name).Add(float64(n))
}

// forget removes the series of a Rollout that is gone.
func (m *meters) forget(rollout types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.shown, rollout)
	labels := prometheus.Labels{labelNamespace: rollout.Namespace, labelName: rollout.Name}
	for _, gauge := range []*prometheus.GaugeVec{m.phase, m.weight, m.step, m.steps, m.replicas, m.paused} {
		gauge.DeletePartialMatch(labels)
	}
	m.releases.DeletePartialMatch(labels)
	m.violations.DeletePartialMatch(labels)
}
