package prometheus

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluicehq/sluice/analysis"
	"github.com/sluicehq/sluice/api/v1alpha1"
)

func newProvider(t *testing.T, opts Options) *Provider {
	t.Helper()
	p, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.client.CloseIdleConnections()
		p.trusted.CloseIdleConnections()
	})
	return p
}

func metric(address string) v1alpha1.MetricProvider {
	return v1alpha1.MetricProvider{Prometheus: &v1alpha1.PrometheusMetric{Address: address, Query: "up"}}
}

// answering is a server that says the same to everyone.
func answering(t *testing.T, status int, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func vector(values ...string) string {
	samples := make([]string, len(values))
	for i, value := range values {
		samples[i] = fmt.Sprintf(`{"metric":{"i":"%d"},"value":[1700000000,"%s"]}`, i, value)
	}
	return `{"status":"success","data":{"resultType":"vector","result":[` + strings.Join(samples, ",") + `]}}`
}

func TestValues(t *testing.T) {
	tests := map[string]struct {
		body string
		want analysis.Reading
	}{
		"a vector":            {vector("1", "0.5"), analysis.Reading{Value: []float64{1, 0.5}}},
		"NaN and infinities":  {vector("NaN", "+Inf", "-Inf"), analysis.Reading{Value: []float64{math.NaN(), math.Inf(1), math.Inf(-1)}}},
		"a scalar":            {`{"status":"success","data":{"resultType":"scalar","result":[1700000000,"2.5"]}}`, analysis.Reading{Value: 2.5}},
		"warnings are a note": {`{"status":"success","warnings":["partial","slow"],"data":{"resultType":"scalar","result":[1,"2"]}}`, analysis.Reading{Value: 2.0, Note: "partial; slow"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t, Options{Address: answering(t, http.StatusOK, test.body)})
			got, err := p.Measure(t.Context(), metric(""))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, cmpopts.EquateNaNs()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What a server says decides whether it is an outage or an error of the metric.
func TestAnswersThatAreNoValue(t *testing.T) {
	fault := func(kind, text string) string {
		return fmt.Sprintf(`{"status":"error","errorType":%q,"error":%q}`, kind, text)
	}
	many := make([]string, 1001)
	for i := range many {
		many[i] = "1"
	}
	const secret = "<html>the secret of another service</html>"
	tests := map[string]struct {
		status int
		body   string
		noData bool
		want   string
	}{
		"no series":                        {200, vector(), true, "no data: the query gives no series"},
		"an unavailable server":            {503, secret, true, "no data: server error: 503"},
		"a proxy that finds nothing":       {404, secret, true, "no data: client error: 404"},
		"a proxy that wants a login":       {401, secret, true, "no data: client error: 401"},
		"a throttling proxy":               {429, secret, true, "no data: client error: 429"},
		"a page instead of an answer":      {200, secret, true, "no data: the answer is not one of Prometheus"},
		"an empty answer":                  {200, "", true, "no data: the answer is not one of Prometheus"},
		"a cut answer":                     {200, vector("1")[:40], true, "no data: the answer is not one of Prometheus"},
		"an answer of another kind":        {200, `{"status":"success","data":{"resultType":"table","result":[]}}`, true, "no data: the answer is not one of Prometheus"},
		"a bad request that is a page":     {400, secret, true, "no data: client error: 400"},
		"a timeout on the server":          {503, fault("timeout", "query timed out"), true, "no data: server error: 503"},
		"a storage that cannot be read":    {422, fault("execution", "expanding series: store unavailable"), true, "no data: expanding series: store unavailable"},
		"an error of an unknown type":      {422, fault("moon", secret), true, `no data: the server answers with an error of type "moon"`},
		"a query that does not parse":      {400, fault("bad_data", "parse error: unexpected end"), false, "the server refuses the query: parse error: unexpected end"},
		"a query that cannot be run":       {422, fault("execution", "many-to-many matching not allowed"), false, "the server cannot run the query: many-to-many matching not allowed"},
		"a matrix":                         {200, `{"status":"success","data":{"resultType":"matrix","result":[]}}`, false, "the query gives a range of values (matrix)"},
		"a text":                           {200, `{"status":"success","data":{"resultType":"string","result":[1,"x"]}}`, true, "no data: the answer is not one of Prometheus with numbers"},
		"too many series":                  {200, vector(many...), false, "the query gives 1001 series: at most 1000 are read, aggregate them"},
		"a native histogram":               {200, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"histogram":[1,{"count":"1","sum":"1","buckets":[]}]}]}}`, false, "the query gives native histograms"},
		"an answer that is too large":      {200, strings.Repeat(" ", 2<<20), false, "the answer is larger than 1024 KiB: aggregate in the query"},
		"a large page that is no answer":   {502, strings.Repeat(" ", 2<<20), true, "no data: answers with status 502 and more than 1024 KiB"},
		"a redirect that leads in circles": {307, "", true, "no data:"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t, Options{Address: answering(t, test.status, test.body)})
			got, err := p.Measure(t.Context(), metric(""))
			if err == nil {
				t.Fatalf("got %+v", got)
			}
			if errors.Is(err, analysis.ErrNoData) != test.noData || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %q (no data: %v), want %q (%v)", err, errors.Is(err, analysis.ErrNoData), test.want, test.noData)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("shows what another service says: %v", err)
			}
		})
	}
}

func TestACompressedAnswerIsBoundedOnceUnpacked(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		packed := gzip.NewWriter(w)
		_, _ = packed.Write([]byte(strings.Repeat(" ", 64<<20)))
		_ = packed.Close()
	}))
	t.Cleanup(server.Close)
	p := newProvider(t, Options{Address: server.URL})
	if _, err := p.Measure(t.Context(), metric("")); err == nil || !strings.Contains(err.Error(), "larger than 1024 KiB") {
		t.Errorf("got %v", err)
	}
}

func TestAServerThatHangs(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	p := newProvider(t, Options{Address: server.URL})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.Measure(ctx, metric("")); !errors.Is(err, analysis.ErrNoData) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestAServerThatIsGone(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	p := newProvider(t, Options{Address: server.URL})
	_, err := p.Measure(t.Context(), metric(""))
	if !errors.Is(err, analysis.ErrNoData) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v", err)
	}
}

func TestAddresses(t *testing.T) {
	good := answering(t, http.StatusOK, vector("1"))
	port := good[strings.LastIndex(good, ":"):]
	tests := map[string]struct {
		opts    Options
		address string
		want    string
	}{
		"none at all":                      {Options{}, "", "no address: set provider.prometheus.address, or start the controller with --prometheus-address"},
		"the controller's own, by default": {Options{Address: good}, "", ""},
		"loopback":                         {Options{}, good, "address 127.0.0.1 is the controller's own host, which is not asked"},
		"loopback by name":                 {Options{}, "http://localhost" + port, "is the controller's own host, which is not asked"},
		"loopback if allowed":              {Options{AllowLoopback: true}, good, ""},
		"another scheme":                   {Options{}, "file:///etc/passwd", `address "file:///etc/passwd": want a form such as`},
		"no host":                          {Options{}, "http:///x", "want a form such as"},
		"no URL":                           {Options{}, "http://[", "address cannot be read"},
		"credentials":                      {Options{}, "http://user:hunter2@prometheus:9090", `address of host "prometheus:9090" holds credentials`},
		"a query":                          {Options{}, "http://prometheus:9090/?x=y", "must have neither query nor fragment"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newProvider(t, test.opts).Measure(t.Context(), metric(test.address))
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			if err != nil && (errors.Is(err, analysis.ErrNoData) || strings.Contains(err.Error(), "hunter2")) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := New(Options{Address: "prometheus:9090"}); err == nil {
		t.Error("a default address without a scheme is accepted")
	}
}

func TestPeers(t *testing.T) {
	tests := map[string]struct{ refused, withLoopback bool }{
		"10.0.0.1:9090":               {false, false},
		"[2001:db8::1]:9090":          {false, false},
		"127.0.0.1:80":                {true, false},
		"127.8.8.8:80":                {true, false},
		"[::1]:80":                    {true, false},
		"[::ffff:127.0.0.1]:80":       {true, false},
		"0.0.0.0:80":                  {true, false},
		"[::]:80":                     {true, false},
		"169.254.169.254:80":          {true, true},
		"[::ffff:169.254.169.254]:80": {true, true},
		"[64:ff9b::a9fe:a9fe]:80":     {true, true},
		"[fe80::1%eth0]:80":           {true, true},
		"[fd00:ec2::254]:80":          {true, true},
		"100.100.100.200:80":          {true, true},
		"224.0.0.1:80":                {true, true},
		"[ff02::1]:80":                {true, true},
		"255.255.255.255:80":          {true, true},
		"prometheus.monitoring:9090":  {true, true},
		"[64:ff9b::7f00:1]:80":        {true, false},
	}
	for address, test := range tests {
		t.Run(address, func(t *testing.T) {
			if err := checkPeer(address, false); (err != nil) != test.refused {
				t.Errorf("got %v", err)
			}
			if err := checkPeer(address, true); (err != nil) != test.withLoopback {
				t.Errorf("with loopback: got %v", err)
			}
		})
	}
}

func TestRedirects(t *testing.T) {
	elsewhere := answering(t, http.StatusOK, vector("666"))
	var server *httptest.Server
	redirect := func(status int, to func() string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to(), status) }
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/cross/", redirect(http.StatusTemporaryRedirect, func() string { return elsewhere + "/api/v1/query" }))
	mux.HandleFunc("/lost/", redirect(http.StatusFound, func() string { return "/good" }))
	mux.HandleFunc("/kept/", redirect(http.StatusPermanentRedirect, func() string { return "/good" }))
	mux.HandleFunc("/circle/", redirect(http.StatusTemporaryRedirect, func() string { return "/circle/again" }))
	mux.HandleFunc("/good", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("query") != "up" {
			http.Error(w, "no query", http.StatusBadRequest)
			return
		}
		fmt.Fprint(w, vector("1"))
	})
	server = httptest.NewServer(mux)
	t.Cleanup(server.Close)
	tests := map[string]struct{ path, want string }{
		"to another host":       {"/cross", "no data: the server redirects to " + elsewhere},
		"that loses the query":  {"/lost", `no data: the server redirects to the path "/good", which loses the query`},
		"to a path of its own":  {"/kept", ""},
		"that leads in circles": {"/circle", "no data: the server redirects more than 5 times"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t, Options{AllowLoopback: true})
			got, err := p.Measure(t.Context(), metric(server.URL+test.path))
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)) {
				t.Errorf("got %v and %v, want %q", got, err, test.want)
			}
		})
	}
}
