package faultgateway

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sluicehq/sluice/test/gateway/table"
)

// metrics are those of one gateway, in a registry of their own.
type metrics struct {
	registry   *prometheus.Registry
	requests   *prometheus.CounterVec
	generation *prometheus.GaugeVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fault_gateway_requests_total",
			Help: "Requests by the replica and the route that decided, the Service that served, what its app calls its version, and the code.",
		}, []string{"replica", "kind", "namespace", "route", "service", "version", "code"}),
		generation: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "fault_gateway_route_generation",
			Help: "Generation of each route that status acknowledges (at=status) or that a replica serves (at=its number).",
		}, []string{"at", "kind", "namespace", "route"}),
	}
	m.registry.MustRegister(m.requests, m.generation)
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *metrics) request(s Served) {
	m.requests.WithLabelValues(strconv.Itoa(s.Replica), s.Route.Kind, s.Route.Namespace, s.Route.Name, s.Service.Name,
		s.Version, strconv.Itoa(s.Code)).Inc()
}

func (m *metrics) followed(replica int, route table.RouteKey, generation int64) {
	m.generation.WithLabelValues(strconv.Itoa(replica), route.Kind, route.Namespace, route.Name).Set(float64(generation))
}

func (m *metrics) acknowledged(route table.RouteKey, generation int64) {
	m.generation.WithLabelValues("status", route.Kind, route.Namespace, route.Name).Set(float64(generation))
}
