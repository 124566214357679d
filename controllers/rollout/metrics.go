package rollout

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// meters are the metrics of Rollouts; metrics.md lists them. Each Rollout has a fixed number of series, which go when it
// goes; what would need more, such as how long releases take, is kept for all Rollouts together. The series are made of a
// few numbers when somebody asks: kept as such, they would be the larger part of what a Rollout takes of memory.
type meters struct {
	duration, pauses *prometheus.HistogramVec

	mu sync.Mutex
	by map[types.NamespacedName]*figures
}

// figures are the numbers of one Rollout.
type figures struct {
	phase            v1alpha1.RolloutPhase
	asked, low, high int32
	step, steps      int32
	pausedSeconds    int64
	desired, current int32
	updated, ready   int32
	available        int32
	releases         [len(outcomes)]int64
	violations       int64
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
	histogram := func(name, help string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: durations}, []string{labelOutcome})
	}
	m := &meters{
		duration: histogram("sluice_release_duration_seconds", "How long releases took, by outcome, over all Rollouts."),
		pauses:   histogram("sluice_release_paused_seconds", "How long of that they were paused, by outcome, over all Rollouts."),
		by:       map[types.NamespacedName]*figures{},
	}
	return m, register(registry, &m)
}

// The metrics of each Rollout.
var (
	descPhase  = describe("sluice_rollout_info", "Phase of a Rollout: 1 for the phase that it is in, 0 for the others.", labelPhase)
	descWeight = describe("sluice_rollout_weight_percent",
		"Share of the traffic of the revision that is being released, in percent: asked for, and the lowest and the highest that may be served.", labelKind)
	descStep     = describe("sluice_rollout_step", "Step of a release that is being worked on, from 1; 0 at rest.")
	descSteps    = describe("sluice_rollout_steps", "Number of steps of a release.")
	descReplicas = describe("sluice_rollout_replicas", "Pods of a Rollout by state: desired, current, updated, ready, available.", labelState)
	descPaused   = describe("sluice_rollout_paused_seconds",
		"How long the release that is under way has been paused, without the present pause; 0 at rest.")
	descReleases   = describe("sluice_rollout_releases_total", "Releases that have ended, by outcome.", labelOutcome)
	descViolations = describe("sluice_rollout_invariant_violations_total",
		"Invariants of a release that an action would have broken. Any of them is a bug.")
)

func describe(name, help string, more ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, append([]string{labelNamespace, labelName}, more...), nil)
}

// Describe is for the registry.
func (m *meters) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		descPhase, descWeight, descStep, descSteps, descReplicas, descPaused, descReleases, descViolations,
	} {
		to <- desc
	}
	m.duration.Describe(to)
	m.pauses.Describe(to)
}

// Collect makes the series of all Rollouts, for the registry.
func (m *meters) Collect(to chan<- prometheus.Metric) {
	for rollout, f := range m.snapshot() {
		f.collect(rollout, to)
	}
	m.duration.Collect(to)
	m.pauses.Collect(to)
}

// snapshot is a copy, so that nobody waits for one who reads slowly.
func (m *meters) snapshot() map[types.NamespacedName]figures {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make(map[types.NamespacedName]figures, len(m.by))
	for rollout, f := range m.by {
		out[rollout] = *f
	}
	return out
}

func (f figures) collect(rollout types.NamespacedName, to chan<- prometheus.Metric) {
	series := func(desc *prometheus.Desc, kind prometheus.ValueType, value float64, more ...string) {
		to <- prometheus.MustNewConstMetric(desc, kind, value, append([]string{rollout.Namespace, rollout.Name}, more...)...)
	}
	gauge := func(desc *prometheus.Desc, value int32, more ...string) {
		series(desc, prometheus.GaugeValue, float64(value), more...)
	}
	for _, phase := range phases {
		gauge(descPhase, truthValue(f.phase == phase), string(phase))
	}
	gauge(descWeight, f.asked, "asked")
	gauge(descWeight, f.low, "low")
	gauge(descWeight, f.high, "high")
	gauge(descStep, f.step)
	gauge(descSteps, f.steps)
	gauge(descReplicas, f.desired, "desired")
	gauge(descReplicas, f.current, "current")
	gauge(descReplicas, f.updated, "updated")
	gauge(descReplicas, f.ready, "ready")
	gauge(descReplicas, f.available, "available")
	series(descPaused, prometheus.GaugeValue, float64(f.pausedSeconds))
	for i, outcome := range outcomes {
		series(descReleases, prometheus.CounterValue, float64(f.releases[i]), string(outcome))
	}
	series(descViolations, prometheus.CounterValue, float64(f.violations))
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

var outcomes = [...]plan.Outcome{plan.Promoted, plan.FastPromoted, plan.Aborted, plan.Superseded, plan.RolledBack}

// show sets the gauges of a Rollout to its status. Its counters begin with them, so that the first time that they rise is
// seen.
func (m *meters) show(ro *v1alpha1.Rollout, replicas, steps int32) {
	s := ro.Status
	release := or(s.Release, v1alpha1.ReleaseStatus{})
	weights := or(release.Weights, v1alpha1.ReleaseWeights{})
	var step int32
	if release.Revision != "" {
		step = min(release.StepIndex+1, steps)
	}
	m.change(client.ObjectKeyFromObject(ro), func(f *figures) {
		f.phase, f.step, f.steps, f.pausedSeconds = s.Phase, step, steps, release.PausedSeconds
		f.asked, f.low, f.high = weights.Asked, weights.Low, weights.High
		f.desired, f.current, f.updated, f.ready, f.available = replicas, s.Replicas, s.UpdatedReplicas, s.ReadyReplicas, s.AvailableReplicas
	})
}

func (m *meters) change(rollout types.NamespacedName, by func(*figures)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.by[rollout] == nil {
		m.by[rollout] = &figures{}
	}
	by(m.by[rollout])
}

func truthValue(b bool) int32 {
	if b {
		return 1
	}
	return 0
}

// ended counts the releases that a plan ends, once its status is written.
func (m *meters) ended(ro *v1alpha1.Rollout, releases []plan.Release) {
	for _, release := range releases {
		outcome := cmp.Or(release.Outcome, plan.Promoted)
		m.change(client.ObjectKeyFromObject(ro), func(f *figures) {
			if i := slices.Index(outcomes[:], outcome); i >= 0 {
				f.releases[i]++
			}
		})
		if !release.Started.IsZero() {
			m.duration.WithLabelValues(string(outcome)).Observe(max(0, release.Finished.Sub(release.Started)).Seconds())
			m.pauses.WithLabelValues(string(outcome)).Observe(max(0, release.Paused).Seconds())
		}
	}
}

func (m *meters) violated(rollout types.NamespacedName, n int) {
	m.change(rollout, func(f *figures) { f.violations += int64(n) })
}

// forget removes the series of a Rollout that is gone.
func (m *meters) forget(rollout types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.by, rollout)
}
