package faultgateway

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluicehq/sluice/test/gateway/table"
)

const (
	// maxMirrored bounds the body of a request that is mirrored, in bytes; one that is larger is not.
	maxMirrored = 1 << 20
	// mirrorTimeout bounds how long a mirrored request may take.
	mirrorTimeout = 30 * time.Second
)

// applyRequestFilters changes a request on its way to an endpoint.
func applyRequestFilters(rule *table.Rule, filters []gatewayv1.HTTPRouteFilter, out *http.Request) {
	for _, f := range filters {
		if f.RequestHeaderModifier != nil {
			modify(f.RequestHeaderModifier, out.Header)
			if host := out.Header.Get("Host"); host != "" {
				out.Host = host
			}
		}
		if f.URLRewrite != nil {
			applyRewrite(rule, f.URLRewrite, out)
		}
	}
}

func applyRewrite(rule *table.Rule, filter *gatewayv1.HTTPURLRewriteFilter, out *http.Request) {
	if filter.Hostname != nil {
		out.Host = string(*filter.Hostname)
	}
	if filter.Path == nil {
		return
	}
	switch {
	case filter.Path.ReplaceFullPath != nil:
		out.URL.Path = *filter.Path.ReplaceFullPath
	case filter.Path.ReplacePrefixMatch != nil:
		rest := strings.TrimPrefix(out.URL.Path, rule.Prefix(out.URL.Path))
		out.URL.Path = strings.TrimRight(*filter.Path.ReplacePrefixMatch, "/") + rest
		if !strings.HasPrefix(out.URL.Path, "/") {
			out.URL.Path = "/" + out.URL.Path
		}
	}
	out.URL.RawPath = ""
}

// applyResponseFilters changes an answer on its way back.
func applyResponseFilters(filters []gatewayv1.HTTPRouteFilter, header http.Header) {
	for _, f := range filters {
		if f.ResponseHeaderModifier != nil {
			modify(f.ResponseHeaderModifier, header)
		}
	}
}

func modify(filter *gatewayv1.HTTPHeaderFilter, header http.Header) {
	for _, name := range filter.Remove {
		header.Del(name)
	}
	for _, set := range filter.Set {
		header.Set(string(set.Name), set.Value)
	}
	for _, add := range filter.Add {
		header.Add(string(add.Name), add.Value)
	}
}

// mirror sends copies of a request where the rule's filters want, without waiting for their answers.
func (p *proxy) mirror(config *configuration, d *decision, request *http.Request) {
	g := p.gateway
	body, ok := readAhead(request)
	if !ok {
		return
	}
	for _, mirror := range d.rule.Mirrors {
		if g.dice.draw(max(mirror.Denominator, 1)) >= mirror.Numerator {
			continue
		}
		upstream, ok := config.endpoints.Of(mirror.Backend.Service, mirror.Backend.Port)
		if !ok || len(upstream.Endpoints) == 0 {
			continue
		}
		served := d.served
		served.Mirrored, served.Service = true, mirror.Backend.Service
		served.Endpoint = upstream.Endpoints[g.dice.draw(int64(len(upstream.Endpoints)))]
		copied := &decision{rule: d.rule, backend: &mirror.Backend, upstream: upstream, served: served}
		ctx := context.WithValue(context.WithoutCancel(request.Context()), decisionKey{}, copied)
		out := request.Clone(ctx)
		out.RequestURI = ""
		out.URL.Scheme, out.URL.Host = "http", served.Endpoint.Address
		out.Body = io.NopCloser(bytes.NewReader(body))
		go p.sendMirrored(ctx, out, copied)
	}
}

// readAhead reads the body of a request, so that it can be sent more than once. ok is false for one that is too large,
// which is passed on but not mirrored.
func readAhead(request *http.Request) (body []byte, ok bool) {
	if request.Body == nil {
		return nil, true
	}
	body, err := io.ReadAll(io.LimitReader(request.Body, maxMirrored+1))
	rest := request.Body
	request.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), rest), rest}
	return body, err == nil && len(body) <= maxMirrored
}

func (p *proxy) sendMirrored(ctx context.Context, out *http.Request, d *decision) {
	ctx, cancel := context.WithTimeout(ctx, mirrorTimeout)
	defer cancel()
	answer, err := p.RoundTrip(out.WithContext(ctx))
	if err == nil {
		d.served.Code, d.served.Version = answer.StatusCode, answer.Header.Get(headerVersion)
		_ = answer.Body.Close()
	} else {
		d.served.Cause = err.Error()
	}
	d.served.Done = p.gateway.options.Now()
	p.gateway.book.request(d.served)
	p.gateway.metrics.request(d.served)
}
