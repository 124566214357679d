package faultgateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"time"

	"github.com/sluicehq/sluice/test/gateway/table"
)

const (
	// headerError says, in an answer of the gateway's own, what was wrong.
	headerError = "X-Gateway-Error"
	// headerVersion is what apps under test call their version in.
	headerVersion = "X-Version"
	// maxVersion bounds what is remembered of it, in bytes.
	maxVersion = 64
)

// proxy is the data plane.
type proxy struct {
	gateway *Gateway
	reverse *httputil.ReverseProxy
	plain   http.RoundTripper
	h2c     http.RoundTripper
}

func newProxy(g *Gateway) *proxy {
	p := &proxy{gateway: g, plain: once{newTransport(g, false)}, h2c: newTransport(g, true)}
	p.reverse = &httputil.ReverseProxy{
		Rewrite: rewrite, Transport: p, ModifyResponse: modifyResponse, ErrorHandler: failed,
		// Streams are passed on as they come.
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0),
	}
	return p
}

func newTransport(g *Gateway, h2c bool) *http.Transport {
	transport := &http.Transport{
		DialContext: g.options.Dial, MaxIdleConnsPerHost: 1024, IdleConnTimeout: 90 * time.Second, DisableCompression: true,
		Protocols: new(http.Protocols),
	}
	transport.Protocols.SetHTTP1(!h2c)
	transport.Protocols.SetUnencryptedHTTP2(h2c)
	return transport
}

// once is a transport that does not try again what it may already have sent. HTTP/2 needs no such care: it repeats only
// what the other side says it has not touched.
type once struct{ transport http.RoundTripper }

// RoundTrip sends a request with a body that cannot be read anew, which keeps net/http from repeating it.
func (o once) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Body == nil || request.Body == http.NoBody {
		request = request.Clone(request.Context())
		request.Body = io.NopCloser(bytes.NewReader(nil))
	}
	request.GetBody = nil
	return o.transport.RoundTrip(request)
}

// decision is where a request goes, and what became of it.
type decision struct {
	rule     *table.Rule
	backend  *table.Backend
	upstream table.Upstream
	served   Served
}

type decisionKey struct{}

func decisionOf(request *http.Request) *decision {
	d, _ := request.Context().Value(decisionKey{}).(*decision)
	return d
}

// ServeHTTP sends a request where the configuration of one of the replicas, drawn by lot, says.
func (p *proxy) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	g := p.gateway
	d := &decision{served: Served{At: g.options.Now(), Replica: int(g.dice.draw(int64(len(g.replicas))))}}
	broken := true
	defer func() {
		if broken && d.served.Cause == "" {
			d.served.Code, d.served.Cause = 0, "the answer broke off"
		}
		d.served.Done = g.options.Now()
		g.book.request(d.served)
		g.metrics.request(d.served)
	}()
	config := g.replicas[d.served.Replica].now.Load()
	if code, cause := p.decide(config, d, request); code != 0 {
		d.refuse(w, code, cause)
		broken = false
		return
	}
	ctx := context.WithValue(request.Context(), decisionKey{}, d)
	if d.rule.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.rule.Timeout)
		defer cancel()
	}
	request = request.WithContext(ctx)
	if len(d.rule.Mirrors) > 0 {
		p.mirror(config, d, request)
	}
	p.reverse.ServeHTTP(w, request) // Panics with http.ErrAbortHandler when the answer breaks off.
	broken = false
}

// decide finds the rule, the backend and the endpoint. A code says that there is none.
func (p *proxy) decide(config *configuration, d *decision, request *http.Request) (code int, cause string) {
	dice := p.gateway.dice
	if config == nil {
		return http.StatusServiceUnavailable, "the replica has no configuration yet"
	}
	d.rule = config.routes.Find(request)
	if d.rule == nil {
		return http.StatusNotFound, "no rule matches"
	}
	d.served.Route, d.served.Generation, d.served.Rule = d.rule.Route, d.rule.Generation, d.rule.Index
	var ok bool
	if d.backend, ok = d.rule.Pick(dice.draw); !ok {
		return http.StatusInternalServerError, "no backend has weight"
	}
	d.served.Service = d.backend.Service
	if d.backend.Unresolved != "" {
		return http.StatusInternalServerError, d.backend.Unresolved
	}
	d.upstream, ok = config.endpoints.Of(d.backend.Service, d.backend.Port)
	if !ok || len(d.upstream.Endpoints) == 0 {
		return http.StatusServiceUnavailable, fmt.Sprintf("Service %s has no endpoints on port %d", d.backend.Service, d.backend.Port)
	}
	d.served.Endpoint = d.upstream.Endpoints[dice.draw(int64(len(d.upstream.Endpoints)))]
	return 0, ""
}

// refuse answers for the gateway itself.
func (d *decision) refuse(w http.ResponseWriter, code int, cause string) {
	d.served.Code, d.served.Cause = code, cause
	w.Header().Set(headerError, cause)
	http.Error(w, cause, code)
}

// rewrite makes the request to the endpoint.
func rewrite(request *httputil.ProxyRequest) {
	d := decisionOf(request.In)
	request.SetXForwarded()
	request.Out.URL.Scheme, request.Out.URL.Host = "http", d.served.Endpoint.Address
	request.Out.Host = request.In.Host
	applyRequestFilters(d.rule, d.rule.Filters, request.Out)
	applyRequestFilters(d.rule, d.backend.Filters, request.Out)
}

// RoundTrip chooses the protocol that the endpoint speaks.
func (p *proxy) RoundTrip(request *http.Request) (*http.Response, error) {
	if d := decisionOf(request); d.backend.GRPC || d.upstream.H2C {
		return p.h2c.RoundTrip(request)
	}
	return p.plain.RoundTrip(request)
}

func modifyResponse(response *http.Response) error {
	d := decisionOf(response.Request)
	version := response.Header.Get(headerVersion)
	d.served.Code, d.served.Version = response.StatusCode, version[:min(len(version), maxVersion)]
	applyResponseFilters(d.backend.Filters, response.Header)
	applyResponseFilters(d.rule.Filters, response.Header)
	return nil
}

// failed answers where the endpoint did not.
func failed(w http.ResponseWriter, request *http.Request, err error) {
	d := decisionOf(request)
	if errors.Is(err, context.DeadlineExceeded) {
		d.refuse(w, http.StatusGatewayTimeout, fmt.Sprintf("no answer of %s within %s", d.served.Endpoint.Address, d.rule.Timeout))
		return
	}
	d.refuse(w, http.StatusBadGateway, err.Error())
}
