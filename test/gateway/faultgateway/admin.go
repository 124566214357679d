package faultgateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// maxFaults bounds the text of faults that are sent, in bytes.
const maxFaults = 64 << 10

// AdminHandler shows the gateway and changes its faults over HTTP, for tests that run it as a process. It asks nobody who
// they are: serve it on loopback only.
//
//	GET  /faults             the present ones, as JSON
//	PUT  /faults             replaces all of them; those that are absent are off
//	GET  /served?since=MS    requests, oldest first; since is in milliseconds since 1970, absent for all
//	GET  /timeline?since=MS  what status said and what the replicas followed
//	GET  /metrics            counters, for Prometheus
//	GET  /healthz            200 once the data plane has a configuration
func (g *Gateway) AdminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, g.Faults()) })
	mux.HandleFunc("PUT /faults", func(w http.ResponseWriter, request *http.Request) {
		var faults Faults
		decoder := json.NewDecoder(http.MaxBytesReader(w, request.Body, maxFaults))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&faults); err != nil {
			http.Error(w, fmt.Sprintf("faults: %v", err), http.StatusBadRequest)
			return
		}
		if err := g.SetFaults(faults); err != nil {
			http.Error(w, fmt.Sprintf("faults: %v", err), http.StatusBadRequest)
			return
		}
		writeJSON(w, g.Faults())
	})
	mux.HandleFunc("GET /served", since(func(w http.ResponseWriter, at time.Time) { writeJSON(w, g.Served(at)) }))
	mux.HandleFunc("GET /timeline", since(func(w http.ResponseWriter, at time.Time) { writeJSON(w, g.Timeline(at)) }))
	mux.Handle("GET /metrics", g.metrics.handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		for _, r := range g.replicas {
			if r.now.Load() == nil {
				http.Error(w, fmt.Sprintf("replica %d has no configuration yet", r.index), http.StatusServiceUnavailable)
				return
			}
		}
		fmt.Fprintln(w, "ok")
	})
	return mux
}

// since reads the moment that is asked for.
func since(show func(http.ResponseWriter, time.Time)) http.HandlerFunc {
	return func(w http.ResponseWriter, request *http.Request) {
		text := request.URL.Query().Get("since")
		if text == "" {
			show(w, time.Time{})
			return
		}
		millis, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			http.Error(w, "since: want milliseconds since 1970", http.StatusBadRequest)
			return
		}
		show(w, time.UnixMilli(millis))
	}
}

func writeJSON(w http.ResponseWriter, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(text, '\n')) // An error is the reader's: it went away.
}
