package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// maxBody bounds how much of a request's body is read, in bytes.
const maxBody = 1 << 20

// app answers requests and counts them.
type app struct {
	settings settings
	pod      string
	ready    atomic.Bool
	draining atomic.Bool
	metrics  *prometheus.Registry
	requests *prometheus.CounterVec
	duration prometheus.Histogram
}

func newApp(settings settings) *app {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	a := &app{
		settings: settings,
		pod:      host,
		metrics:  prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total", Help: "Requests by status code.",
		}, []string{"code"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "http_request_duration_seconds", Help: "How long requests took.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}),
	}
	a.metrics.MustRegister(a.requests, a.duration)
	// A counter that is there from the start has a rate from its first scrape on.
	a.requests.WithLabelValues("200")
	a.requests.WithLabelValues("500")
	return a
}

// ServeHTTP answers every path and method.
func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, maxBody)) // an error shows in the answer's own write
	if !a.delay(r) {
		return
	}
	code := http.StatusOK
	if a.settings.errorRate > 0 && rand.Float64() < a.settings.errorRate { //nolint:gosec // no secret hangs on it
		code = http.StatusInternalServerError
	}
	header := w.Header()
	header.Set("X-App", "1")
	header.Set("X-Version", a.settings.version)
	header.Set("Content-Type", "application/json")
	if a.draining.Load() {
		// The client hears that this connection is at its end; closing it when idle could meet a request on its way.
		header.Set("Connection", "close")
	}
	w.WriteHeader(code)
	_, _ = fmt.Fprintf(w, `{"app":"demo","version":%q,"pod":%q}`+"\n", a.settings.version, a.pod) // an error is the client's
	a.requests.WithLabelValues(strconv.Itoa(code)).Inc()
	a.duration.Observe(time.Since(start).Seconds())
}

// delay waits for the latency and says whether the client is still there.
func (a *app) delay(r *http.Request) bool {
	if a.settings.latency == 0 {
		return true
	}
	timer := time.NewTimer(a.settings.latency)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// admin is what the kubelet and Prometheus ask for.
func (a *app) admin() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /livez", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !a.ready.Load() {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
		}
	})
	return mux
}
