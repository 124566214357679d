package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// The headers that an app under test sets on every answer of its own.
const (
	HeaderApp     = "X-App"
	HeaderVersion = "X-Version"
)

// maxAnswer bounds how much of an answer is read, in bytes.
const maxAnswer = 1 << 20

// Config says what is sent.
type Config struct {
	// URL is where the requests go; its host is where to connect to.
	URL string
	// Host is the Host header; empty means the URL's.
	Host string
	// Rate is the number of requests per second.
	Rate float64
	// FreshEvery sends every n-th request over a connection of its own, the others over kept connections; 0 means none.
	FreshEvery int
	// BodyEvery makes every n-th request a POST with a body, which no proxy may send twice; 0 means none.
	BodyEvery int
	// Timeout is how long an answer may take; absent means 10 s.
	Timeout time.Duration
	// MaxLate is how much later than due a request is still sent; absent means 2 s.
	MaxLate time.Duration
	// MaxOpen is how many requests may be open; absent means 4096.
	MaxOpen int
	// MaxRequests ends the run; absent means 1,000,000, which bounds the memory.
	MaxRequests int
}

// Generator sends requests by a Config. It runs once.
type Generator struct {
	config Config
	now    func() time.Time
	kept   http.RoundTripper
	fresh  http.RoundTripper
	body   []byte
	opened atomic.Int64
	book   book
}

// New checks the configuration. The error names the field. Now is the clock.
func New(config Config, now func() time.Time) (*Generator, error) {
	target, err := url.Parse(config.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("load URL: %w", err)
	case target.Scheme != "http" && target.Scheme != "https", target.Host == "":
		return nil, fmt.Errorf("load URL %q: want http://host/ or https://host/", config.URL)
	case !(config.Rate > 0 && config.Rate <= 100_000):
		return nil, fmt.Errorf("load rate %v: want more than 0 and at most 100000 requests per second", config.Rate)
	case config.FreshEvery < 0, config.BodyEvery < 0, config.Timeout < 0, config.MaxLate < 0, config.MaxOpen < 0, config.MaxRequests < 0:
		return nil, errors.New("load configuration: no number may be negative")
	}
	setDefault(&config.Timeout, 10*time.Second)
	setDefault(&config.MaxLate, 2*time.Second)
	setDefault(&config.MaxOpen, 4096)
	setDefault(&config.MaxRequests, 1_000_000)
	return &Generator{
		config: config,
		now:    now,
		// The idle timeout is far below that of gateways, so that it is this side that closes an unused connection.
		kept: &http.Transport{
			MaxIdleConns: config.MaxOpen, MaxIdleConnsPerHost: config.MaxOpen,
			IdleConnTimeout: 20 * time.Second, DisableCompression: true,
		},
		fresh: &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		body:  bytes.Repeat([]byte("sluice "), 64),
	}, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// AwaitApp returns once the app has answered with a status below 500, asking every pause, or with the context's error
// and the last reason.
func (g *Generator) AwaitApp(ctx context.Context, pause time.Duration) error {
	timer := time.NewTicker(pause)
	defer timer.Stop()
	for {
		record := g.exchange(ctx, g.fresh, false)
		if record.Outcome == Answered && record.Code < http.StatusInternalServerError {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no answer of the app at %s (last: status %d %s): %w", g.config.URL, record.Code, record.Cause, ctx.Err())
		case <-timer.C:
		}
	}
}

// Run sends until the context ends or MaxRequests were scheduled, and returns when every open request is finished.
func (g *Generator) Run(ctx context.Context) {
	start := g.now()
	g.book.start(start)
	defer g.book.finish()
	var open sync.WaitGroup
	defer open.Wait()
	// Requests that are open when the run is stopped are carried through.
	requests := context.WithoutCancel(ctx)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := range g.config.MaxRequests {
		due := start.Add(time.Duration(float64(i) / g.config.Rate * float64(time.Second)))
		if !g.sleepUntil(ctx, timer, due) {
			return
		}
		now := g.now()
		if now.Sub(due) > g.config.MaxLate || g.opened.Load() >= int64(g.config.MaxOpen) {
			g.book.add(Record{Due: due, Done: now, Outcome: Unsent})
			continue
		}
		g.opened.Add(1)
		g.book.open()
		open.Go(func() {
			defer g.opened.Add(-1)
			record := g.exchange(requests, g.pathOf(i), nth(i, g.config.BodyEvery))
			record.Due = due
			g.book.add(record)
		})
	}
}

// sleepUntil says whether the time came before the context's end.
func (g *Generator) sleepUntil(ctx context.Context, timer *time.Timer, due time.Time) bool {
	if wait := due.Sub(g.now()); wait > 0 {
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
		}
	}
	return ctx.Err() == nil
}

func (g *Generator) pathOf(i int) http.RoundTripper {
	if nth(i, g.config.FreshEvery) {
		return g.fresh
	}
	return g.kept
}

// nth says whether request i is among every n-th.
func nth(i, n int) bool { return n > 0 && i%n == n-1 }

// exchange sends one request and reads its answer.
func (g *Generator) exchange(ctx context.Context, path http.RoundTripper, withBody bool) Record {
	ctx, cancel := context.WithTimeout(ctx, g.config.Timeout)
	defer cancel()
	// The transport tries a request again where a kept connection is closed under it. That is a request that its
	// server failed, and counts as lost even if the second try is answered.
	var connections atomic.Int64
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connections.Add(1) }})
	lost := func(format string, args ...any) Record {
		return Record{Done: g.now(), Outcome: Lost, Cause: fmt.Sprintf(format, args...)}
	}

	method, body := http.MethodGet, io.Reader(nil)
	if withBody {
		method, body = http.MethodPost, bytes.NewReader(g.body)
	}
	request, err := http.NewRequestWithContext(ctx, method, g.config.URL, body)
	if err != nil {
		return lost("request: %v", err)
	}
	request.Host = g.config.Host
	answer, err := path.RoundTrip(request)
	if err != nil {
		return lost("%s: %v", method, err)
	}
	_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer))
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return lost("%s: the answer %d broke off: %v", method, answer.StatusCode, err)
	}
	if answer.Header.Get(HeaderApp) == "" {
		record := lost("%s: %d that is not the app's own", method, answer.StatusCode)
		record.Code = answer.StatusCode
		return record
	}
	if connections.Load() > 1 {
		record := lost("%s: the connection was closed under the request; a second one gave %d", method, answer.StatusCode)
		record.Code = answer.StatusCode
		return record
	}
	return Record{Done: g.now(), Outcome: Answered, Code: answer.StatusCode, Version: answer.Header.Get(HeaderVersion)}
}

// Stats is the present state; Seconds has the whole seconds from since (seconds since 1970) on.
func (g *Generator) Stats(since int64) Stats {
	known, records := g.book.snapshot()
	stats := Summarise(records, since)
	stats.Open = known.Sent - stats.Sent
	stats.Sent, stats.Started, stats.Done = known.Sent, known.Started, known.Done
	return stats
}

// Records are the finished and the unsent requests, in the order in which they finished. They must not be changed.
func (g *Generator) Records() []Record {
	_, records := g.book.snapshot()
	return records
}
