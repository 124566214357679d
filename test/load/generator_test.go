package load

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// transport is a RoundTripper that answers as the app after a delay.
type transport func() time.Duration

func (d transport) RoundTrip(*http.Request) (*http.Response, error) {
	<-time.After(d())
	return &http.Response{
		StatusCode: http.StatusOK,
		Header:     http.Header{HeaderApp: {"1"}, HeaderVersion: {"v1"}},
		Body:       io.NopCloser(strings.NewReader("")),
	}, nil
}

func generatorOver(t *testing.T, config Config, path http.RoundTripper, now func() time.Time) *Generator {
	t.Helper()
	config.URL = "http://app.test/"
	g, err := New(config, now)
	if err != nil {
		t.Fatal(err)
	}
	g.kept, g.fresh = path, path
	return g
}

func TestASlowAppDoesNotSlowTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := generatorOver(t, Config{Rate: 100}, transport(func() time.Duration { return 3 * time.Second }), time.Now)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second-time.Millisecond)
		defer cancel()
		g.Run(ctx)
		stats := g.Stats(0)
		if stats.Sent != 200 || stats.Answered != 200 || stats.Lost != 0 || stats.Unsent != 0 || !stats.Done {
			t.Errorf("2 s at 100/s against an app that takes 3 s: %+v", stats)
		}
		if got := stats.LatencyMillis["v1"]; got.P50 != 3000 || got.Max != 3000 {
			t.Errorf("latency %+v, want 3000 ms", got)
		}
	})
}

func TestAStallOfTheGeneratorIsCountedNotHidden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var jump atomic.Int64
		now := func() time.Time { return time.Now().Add(time.Duration(jump.Load())) }
		var sent atomic.Int64
		g := generatorOver(t, Config{Rate: 100, MaxRequests: 1000, MaxLate: 2 * time.Second}, transport(func() time.Duration {
			if sent.Add(1) == 100 { // the first second is over
				jump.Store(int64(5 * time.Second))
			}
			return 0
		}), now)
		g.Run(t.Context())
		stats := g.Stats(0)
		if stats.Sent+stats.Unsent != 1000 {
			t.Errorf("sent %d and unsent %d of 1000", stats.Sent, stats.Unsent)
		}
		if stats.Unsent < 295 || stats.Unsent > 305 {
			t.Errorf("unsent %d after a stall of 5 s at 100/s of which 2 s are borne, want some 300", stats.Unsent)
		}
		if got := stats.LatencyMillis["v1"].Max; got < 1900 {
			t.Errorf("the greatest latency is %v ms: requests that were sent late must count from when they were due", got)
		}
	})
}

func TestTooManyOpenRequestsAreUnsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := generatorOver(t, Config{Rate: 100, MaxRequests: 100, MaxOpen: 10},
			transport(func() time.Duration { return time.Minute }), time.Now)
		g.config.Timeout = 2 * time.Minute
		g.Run(t.Context())
		if stats := g.Stats(0); stats.Answered != 10 || stats.Unsent != 90 {
			t.Errorf("%+v, want 10 answered and 90 unsent", stats)
		}
	})
}

func hijack(w http.ResponseWriter, raw string) {
	connection, buffer, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = buffer.WriteString(raw)
	_ = buffer.Flush()
	_ = connection.Close()
}

func asApp(w http.ResponseWriter, code int) {
	w.Header().Set(HeaderApp, "1")
	w.Header().Set(HeaderVersion, "v7")
	w.WriteHeader(code)
}

func TestWhatIsLost(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer  func(w http.ResponseWriter)
		outcome Outcome
		code    int
		cause   string
	}{
		"the app's answer":               {func(w http.ResponseWriter) { asApp(w, 200) }, Answered, 200, ""},
		"the app's own error":            {func(w http.ResponseWriter) { asApp(w, 500) }, Answered, 500, ""},
		"the gateway's 503":              {func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }, Lost, 503, "not the app's own"},
		"the gateway's 404":              {func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }, Lost, 404, "not the app's own"},
		"a connection that is closed":    {func(w http.ResponseWriter) { hijack(w, "") }, Lost, 0, "EOF"},
		"an answer that is no HTTP":      {func(w http.ResponseWriter) { hijack(w, "hello\r\n\r\n") }, Lost, 0, "malformed"},
		"an answer that breaks off":      {func(w http.ResponseWriter) { hijack(w, "HTTP/1.1 200 OK\r\nX-App: 1\r\nContent-Length: 9\r\n\r\nab") }, Lost, 0, "broke off"},
		"an answer that does not arrive": {nil, Lost, 0, "deadline"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			release := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if test.answer == nil {
					<-release
					return
				}
				test.answer(w)
			}))
			defer server.Close()
			defer close(release)
			g, err := New(Config{URL: server.URL, Rate: 1, Timeout: 300 * time.Millisecond}, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			for _, withBody := range []bool{false, true} {
				record := g.exchange(t.Context(), g.kept, withBody)
				if record.Outcome != test.outcome || record.Code != test.code || !strings.Contains(record.Cause, test.cause) {
					t.Errorf("body %v: %v, code %d, cause %q; want %v, %d, %q",
						withBody, record.Outcome, record.Code, record.Cause, test.outcome, test.code, test.cause)
				}
				if test.outcome == Answered && record.Version != "v7" {
					t.Errorf("version %q, want v7", record.Version)
				}
			}
		})
	}
}

// A server that closes kept connections under its clients loses requests, though a transport would try again.
func TestASilentSecondTryIsLost(t *testing.T) {
	t.Parallel()
	var seen atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if seen.Add(1) == 2 {
			hijack(w, "")
			return
		}
		asApp(w, 200)
	}))
	defer server.Close()
	g, err := New(Config{URL: server.URL, Rate: 1}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	first, second := g.exchange(t.Context(), g.kept, false), g.exchange(t.Context(), g.kept, false)
	if first.Outcome != Answered {
		t.Errorf("first request: %+v", first)
	}
	if second.Outcome != Lost || !strings.Contains(second.Cause, "closed under the request") {
		t.Errorf("second request, whose connection was closed: %+v", second)
	}
}

func TestRunAgainstAServer(t *testing.T) {
	t.Parallel()
	var hosts, posts, fresh atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host == "app.example" {
			hosts.Add(1)
		}
		if r.Method == http.MethodPost {
			posts.Add(1)
		}
		if r.Close {
			fresh.Add(1)
		}
		asApp(w, 200)
	}))
	defer server.Close()
	g, err := New(Config{URL: server.URL, Host: "app.example", Rate: 1000, MaxRequests: 200, FreshEvery: 10, BodyEvery: 4}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	shown := httptest.NewServer(g.Handler(stop, done))
	defer shown.Close()
	if err := g.AwaitApp(ctx, time.Millisecond); err != nil {
		t.Fatal(err)
	}
	g.Run(ctx)
	close(done)
	if hosts.Load() != 201 || posts.Load() != 50 || fresh.Load() != 21 {
		t.Errorf("%d with the Host, %d POSTs, %d fresh connections; want 201, 50, 21", hosts.Load(), posts.Load(), fresh.Load())
	}
	answer, err := http.Get(shown.URL + "/records")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	records, err := ReadRecords(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	stats := Summarise(records, 0)
	if stats.Answered != 200 || stats.Codes["v7"]["200"] != 200 {
		t.Errorf("from the records: %+v", stats)
	}
	stopped, err := http.Post(shown.URL+"/stop", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stopped.Body.Close()
	if stopped.StatusCode != http.StatusOK {
		t.Errorf("stop: %s", stopped.Status)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]Config{
		"no URL":      {Rate: 1},
		"other URL":   {URL: "ftp://x/", Rate: 1},
		"no rate":     {URL: "http://x/"},
		"a wild rate": {URL: "http://x/", Rate: 1e9},
		"negative":    {URL: "http://x/", Rate: 1, Timeout: -1},
	} {
		if _, err := New(config, time.Now); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
