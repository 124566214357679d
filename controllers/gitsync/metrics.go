package gitsync

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
)

// counters are the controller's metrics.
type counters struct {
	looks    *prometheus.CounterVec
	renders  *prometheus.CounterVec
	writes   *prometheus.CounterVec
	failures *prometheus.CounterVec
	isReady  *prometheus.GaugeVec
}

// newCounters registers the metrics; those that are registered already, by a manager before this one, are used on.
func newCounters(registry prometheus.Registerer) (*counters, error) {
	c := &counters{
		looks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_gitsync_looks_total", Help: "Looks at a repository, by result: ok or failed.",
		}, []string{"result"}),
		renders: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_gitsync_renders_total",
			Help: "Commits looked at, by how their manifests were had: built, or reused since no input had changed.",
		}, []string{"how"}),
		writes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_gitsync_writes_total",
			Help: "Objects written or compared, by outcome: created, changed, healed, deleted, unchanged or failed.",
		}, []string{"outcome"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_gitsync_failures_total", Help: "Times a GitSync began to fail, by the reason of its condition.",
		}, []string{"reason"}),
		isReady: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sluice_gitsync_ready", Help: "1 where a GitSync is applied and healthy, else 0.",
		}, []string{"namespace", "name"}),
	}
	return c, errors.Join(
		register(registry, &c.looks), register(registry, &c.renders), register(registry, &c.writes),
		register(registry, &c.failures), register(registry, &c.isReady),
	)
}

// register registers a metric, or takes the one that is registered under its name.
func register[T prometheus.Collector](registry prometheus.Registerer, metric *T) error {
	err := registry.Register(*metric)
	if already, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if known, same := already.ExistingCollector.(T); same {
			*metric = known
			return nil
		}
	}
	return err
}

func (c *counters) look(a answer) {
	result := "ok"
	if a.err != nil {
		result = "failed"
	}
	c.looks.WithLabelValues(result).Inc()
}

func (c *counters) rendered(built bool) {
	how := "reused"
	if built {
		how = "built"
	}
	c.renders.WithLabelValues(how).Inc()
}

func (c *counters) wrote(outcome string) { c.writes.WithLabelValues(outcome).Inc() }

func (c *counters) failed(reason string) { c.failures.WithLabelValues(reason).Inc() }

func (c *counters) ready(name types.NamespacedName, ready bool) {
	value := 0.0
	if ready {
		value = 1
	}
	c.isReady.WithLabelValues(name.Namespace, name.Name).Set(value)
}

func (c *counters) forget(name types.NamespacedName) {
	c.isReady.DeleteLabelValues(name.Namespace, name.Name)
}
