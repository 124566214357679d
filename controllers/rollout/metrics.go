package rollout

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// meters are the metrics of Rollouts. Each Rollout has a fixed number of series, which go when it goes.
type meters struct {
	info       *prometheus.GaugeVec
	weight     *prometheus.GaugeVec
	replicas   *prometheus.GaugeVec
	violations *prometheus.CounterVec
}

var rolloutLabels = []string{"namespace", "name"}

// newMeters registers the metrics, or takes the ones that are registered already: there is one registry in a process
// and there may be several managers.
func newMeters(registry prometheus.Registerer) (*meters, error) {
	m := &meters{
		info: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sluice_rollout_info", Help: "Phase of a Rollout: 1 for the phase that it is in.",
		}, []string{"namespace", "name", "phase"}),
		weight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sluice_rollout_weight_percent", Help: "Share of the traffic that the canary is to have, in percent.",
		}, rolloutLabels),
		replicas: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sluice_rollout_replicas", Help: "Pods of a Rollout by state: current, updated, available.",
		}, []string{"namespace", "name", "state"}),
		violations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_rollout_invariant_violations_total",
			Help: "Invariants of a release that an action would have broken. Any of them is a bug.",
		}, rolloutLabels),
	}
	err := errors.Join(
		register(registry, &m.info), register(registry, &m.weight), register(registry, &m.replicas),
		register(registry, &m.violations),
	)
	return m, err
}

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

// show sets the gauges of a Rollout to its status.
func (m *meters) show(ro *v1alpha1.Rollout) {
	labels := prometheus.Labels{"namespace": ro.Namespace, "name": ro.Name}
	m.info.DeletePartialMatch(labels)
	m.info.WithLabelValues(ro.Namespace, ro.Name, string(ro.Status.Phase)).Set(1)
	var weight int32
	if c := ro.Status.Canary; c != nil && c.Weights != nil {
		weight = c.Weights.Asked
	}
	m.weight.With(labels).Set(float64(weight))
	for state, value := range map[string]int32{
		"current": ro.Status.Replicas, "updated": ro.Status.UpdatedReplicas, "available": ro.Status.AvailableReplicas,
	} {
		m.replicas.WithLabelValues(ro.Namespace, ro.Name, state).Set(float64(value))
	}
	m.violations.With(labels).Add(0)
}

func (m *meters) violated(rollout types.NamespacedName, n int) {
	m.violations.WithLabelValues(rollout.Namespace, rollout.Name).Add(float64(n))
}

// forget removes the series of a Rollout that is gone.
func (m *meters) forget(rollout types.NamespacedName) {
	labels := prometheus.Labels{"namespace": rollout.Namespace, "name": rollout.Name}
	m.info.DeletePartialMatch(labels)
	m.weight.DeletePartialMatch(labels)
	m.replicas.DeletePartialMatch(labels)
	m.violations.DeletePartialMatch(labels)
}
