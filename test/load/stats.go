package load

import (
	"cmp"
	"slices"
	"strconv"
	"sync"
	"time"
)

// maxCauses bounds how many causes of lost requests Stats shows.
const maxCauses = 20

// Stats is the state of the load in numbers.
type Stats struct {
	// Started is when the first request was due; nil before the app answered for the first time.
	Started *time.Time `json:"started,omitempty"`
	// Done says that no more will be sent and every answer is in.
	Done bool `json:"done"`
	// Sent counts what was sent: answered, lost and open.
	Sent int `json:"sent"`
	// Open counts what was sent and is not finished.
	Open int `json:"open"`
	// Answered counts the app's own answers.
	Answered int `json:"answered"`
	// Lost counts requests without an answer of the app.
	Lost int `json:"lost"`
	// Unsent counts requests that were due and could not be sent.
	Unsent int `json:"unsent"`
	// Codes counts the app's answers by version and HTTP status.
	Codes map[string]map[string]int `json:"codes"`
	// LatencyMillis are the latencies of the app's answers by version.
	LatencyMillis map[string]Latency `json:"latencyMillis"`
	// Causes are the first causes of lost requests.
	Causes []string `json:"causes,omitempty"`
	// Seconds are the seconds that were asked for, in order, by when requests were due.
	Seconds []Second `json:"seconds,omitempty"`
}

// Latency are quantiles of latencies in milliseconds, from when a request was due.
type Latency struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// Second is what became of the requests that were due in one second.
type Second struct {
	// Second is the second since 1970.
	Second int64 `json:"second"`
	// Versions counts the app's answers by version.
	Versions map[string]int `json:"versions,omitempty"`
	// Errors counts those of them with a status of 500 or more.
	Errors int `json:"errors,omitempty"`
	// Lost and Unsent count as in Stats.
	Lost   int `json:"lost,omitempty"`
	Unsent int `json:"unsent,omitempty"`
}

// book holds the records of a run.
type book struct {
	mu      sync.Mutex
	started *time.Time
	done    bool
	sent    int
	records []Record
	// versions holds each version once, so that equal ones share their memory.
	versions map[string]string
}

func (b *book) start(at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.started = &at
}

func (b *book) finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done = true
}

func (b *book) open() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent++
}

func (b *book) add(r Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if known, ok := b.versions[r.Version]; ok {
		r.Version = known
	} else {
		if b.versions == nil {
			b.versions = map[string]string{}
		}
		b.versions[r.Version] = r.Version
	}
	b.records = append(b.records, r)
}

// snapshot is what is known now. The records share memory with the book, which only ever appends.
func (b *book) snapshot() (Stats, []Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Stats{Started: b.started, Done: b.done, Sent: b.sent}, slices.Clip(b.records)
}

// Summarise counts the records; Seconds has the whole seconds from since (seconds since 1970) on.
func Summarise(records []Record, since int64) Stats {
	stats := Stats{Codes: map[string]map[string]int{}, LatencyMillis: map[string]Latency{}}
	latencies := map[string][]time.Duration{}
	seconds := map[int64]*Second{}
	for _, r := range records {
		second := &Second{}
		if at := r.Due.Unix(); at >= since {
			if seconds[at] == nil {
				seconds[at] = &Second{Second: at, Versions: map[string]int{}}
			}
			second = seconds[at]
		}
		switch r.Outcome {
		case Answered:
			stats.Answered++
			if stats.Codes[r.Version] == nil {
				stats.Codes[r.Version] = map[string]int{}
			}
			stats.Codes[r.Version][strconv.Itoa(r.Code)]++
			latencies[r.Version] = append(latencies[r.Version], r.Latency())
			if second.Versions != nil {
				second.Versions[r.Version]++
			}
			if r.Code >= 500 {
				second.Errors++
			}
		case Lost:
			stats.Lost++
			second.Lost++
			if len(stats.Causes) < maxCauses {
				stats.Causes = append(stats.Causes, r.Due.UTC().Format(time.RFC3339Nano)+" "+r.Cause)
			}
		case Unsent:
			stats.Unsent++
			second.Unsent++
		}
	}
	stats.Sent = stats.Answered + stats.Lost
	for version, all := range latencies {
		stats.LatencyMillis[version] = quantiles(all)
	}
	for _, second := range seconds {
		stats.Seconds = append(stats.Seconds, *second)
	}
	slices.SortFunc(stats.Seconds, func(a, b Second) int { return cmp.Compare(a.Second, b.Second) })
	return stats
}

// quantiles sorts all, which must not be empty.
func quantiles(all []time.Duration) Latency {
	slices.Sort(all)
	at := func(q float64) float64 {
		index := min(int(q*float64(len(all))), len(all)-1)
		return float64(all[index].Microseconds()) / 1000
	}
	return Latency{P50: at(0.5), P99: at(0.99), Max: at(1)}
}
