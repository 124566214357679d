package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
)

func environment(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestRead(t *testing.T) {
	t.Parallel()
	s, err := read(environment(map[string]string{"VERSION": "v3", "ERROR_RATE": "0.3", "LATENCY": "20ms", "READY_DELAY": "1s", "DRAIN": "2s", "LISTEN": ":1"}))
	want := settings{version: "v3", errorRate: 0.3, latency: 20 * time.Millisecond, readyDelay: time.Second, drain: 2 * time.Second, listen: ":1", listenMetrics: ":9090"}
	if err != nil || s != want {
		t.Errorf("%+v, %v; want %+v", s, err, want)
	}
	for name, values := range map[string]map[string]string{
		"VERSION":    {},
		"ERROR_RATE": {"VERSION": "v1", "ERROR_RATE": "1.1"},
		"LATENCY":    {"VERSION": "v1", "LATENCY": "-1s"},
		"DRAIN":      {"VERSION": "v1", "DRAIN": "ten"},
	} {
		if _, err := read(environment(values)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v: error %v does not name %s", values, err, name)
		}
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// get gives status, X-Version, whether the server closes, and body.
func get(t *testing.T, address net.Addr, path string) (int, http.Header, bool, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://%s%s", address, path), nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return 0, nil, false, err.Error()
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, answer.Close, string(body)
}

func TestTheLifeOfAnApp(t *testing.T) {
	t.Parallel()
	g := gomega.NewWithT(t)
	app := newApp(settings{version: "v9", errorRate: 0, readyDelay: 200 * time.Millisecond, drain: time.Second})
	public, private := listen(t), listen(t)
	ctx, terminate := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, app, public, private) }()

	code := func(path string) func() int {
		return func() int { code, _, _, _ := get(t, private.Addr(), path); return code }
	}
	g.Eventually(code("/livez")).Should(gomega.Equal(200))
	g.Expect(code("/readyz")()).To(gomega.Equal(503), "ready before READY_DELAY")
	g.Eventually(code("/readyz")).Should(gomega.Equal(200))

	status, header, closes, body := get(t, public.Addr(), "/any")
	if status != 200 || header.Get("X-App") != "1" || header.Get("X-Version") != "v9" || closes || !strings.Contains(body, `"version":"v9"`) {
		t.Errorf("answer %d, %v, closes %v, %s", status, header, closes, body)
	}

	terminate()
	g.Eventually(code("/readyz")).Should(gomega.Equal(503))
	status, _, closes, _ = get(t, public.Addr(), "/")
	if status != 200 || !closes {
		t.Errorf("while it drains: %d, closes %v; want 200 on a connection that closes", status, closes)
	}
	_, _, _, metrics := get(t, private.Addr(), "/metrics")
	for _, want := range []string{`http_requests_total{code="200"} 2`, `http_requests_total{code="500"} 0`, "http_request_duration_seconds_count 2"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics lack %s:\n%s", want, metrics)
		}
	}
	g.Eventually(ended, 5*time.Second).Should(gomega.Receive(gomega.BeNil()))
}

func TestErrorsAreTheAppsOwn(t *testing.T) {
	t.Parallel()
	app := newApp(settings{version: "v3", errorRate: 1})
	public, private := listen(t), listen(t)
	go func() { _ = serve(t.Context(), app, public, private) }()
	status, header, _, _ := get(t, public.Addr(), "/")
	if status != 500 || header.Get("X-App") != "1" || header.Get("X-Version") != "v3" {
		t.Errorf("%d, %v; want the app's own 500", status, header)
	}
}
