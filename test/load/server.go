package load

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// Handler shows a Generator over HTTP: GET /stats[?since=second] as JSON, GET /records as WriteRecords writes them,
// POST /stop, which calls stop, waits until every open request is finished (done is closed) and answers with the final
// stats.
func (g *Generator) Handler(stop func(), done <-chan struct{}) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, r *http.Request) {
		since := int64(0)
		if text := r.URL.Query().Get("since"); text != "" {
			var err error
			if since, err = strconv.ParseInt(text, 10, 64); err != nil {
				http.Error(w, "since: want a number of seconds since 1970", http.StatusBadRequest)
				return
			}
		}
		writeJSON(w, g.Stats(since))
	})
	mux.HandleFunc("GET /records", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/tab-separated-values")
		// An error here is the reader's: it went away.
		_ = WriteRecords(w, g.Records())
	})
	mux.HandleFunc("POST /stop", func(w http.ResponseWriter, r *http.Request) {
		stop()
		select {
		case <-done:
			writeJSON(w, g.Stats(0))
		case <-r.Context().Done():
		}
	})
	return mux
}

func writeJSON(w http.ResponseWriter, value any) {
	content, err := json.Marshal(value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(content) // an error is the reader's: it went away
}
