package prometheus

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// The bounds of a connection and of an answer.
const (
	maxBody         = 1 << 20
	maxHeader       = 64 << 10
	maxRedirects    = 5
	dialTimeout     = 10 * time.Second
	idleTimeout     = 90 * time.Second
	idleConnections = 64
)

func newClient(allowLoopback bool) *http.Client {
	dialer := &net.Dialer{
		Timeout: dialTimeout,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			return checkPeer(address, allowLoopback)
		},
	}
	return &http.Client{
		CheckRedirect: checkRedirect,
		Transport: bounded{&http.Transport{
			Proxy:                  nil, // The address that is dialled must be the one that is asked.
			DialContext:            dialer.DialContext,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    dialTimeout,
			MaxResponseHeaderBytes: maxHeader,
			MaxIdleConns:           idleConnections,
			IdleConnTimeout:        idleTimeout,
		}},
	}
}

// The clouds' metadata services that are not link-local, and the prefix under which IPv6 networks embed IPv4.
var (
	metadata = []netip.Addr{netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("100.100.100.200")}
	nat64    = netip.MustParsePrefix("64:ff9b::/96")
)

// checkPeer refuses addresses that a template must not make the controller ask. The address is the resolved one, so that
// no name can lead around it.
func checkPeer(address string, allowLoopback bool) error {
	peer, err := netip.ParseAddrPort(address)
	if err != nil {
		return &refusedError{fmt.Sprintf("address %s cannot be checked: %v", address, err)}
	}
	ip := peer.Addr().WithZone("").Unmap()
	if nat64.Contains(ip) {
		raw := ip.As16()
		ip = netip.AddrFrom4([4]byte(raw[12:]))
	}
	switch {
	case ip.IsLoopback(), ip.IsUnspecified():
		if allowLoopback {
			return nil
		}
		return &refusedError{fmt.Sprintf("address %s is the controller's own host, which is not asked: name a Service,"+
			" or start the controller with --analysis-allow-loopback", ip)}
	case ip.IsLinkLocalUnicast(), ip.IsMulticast(), ip.Is4() && ip.As4()[0] >= 240:
		return &refusedError{fmt.Sprintf("address %s is link-local, multicast or reserved, which is not asked", ip)}
	}
	if slices.Contains(metadata, ip) {
		return &refusedError{fmt.Sprintf("address %s is a cloud's metadata service, which is not asked", ip)}
	}
	return nil
}

// checkRedirect follows a server only to another path of itself, and only where the query goes along.
func checkRedirect(next *http.Request, via []*http.Request) error {
	first := via[0]
	if next.URL.Scheme != first.URL.Scheme || next.URL.Host != first.URL.Host {
		return fmt.Errorf("the server redirects to %s://%s: set the address to it if that is meant", next.URL.Scheme,
			next.URL.Host)
	}
	if next.Method != via[len(via)-1].Method {
		return fmt.Errorf("the server redirects to the path %q, which loses the query: set the address to it if that is"+
			" meant", next.URL.Path)
	}
	if len(via) > maxRedirects {
		return fmt.Errorf("the server redirects more than %d times", maxRedirects)
	}
	return nil
}

// bounded limits what is read of an answer, after decompression.
type bounded struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	var tooLarge error = &refusedError{fmt.Sprintf("the answer is larger than %d KiB: aggregate in the query", maxBody>>10)}
	if resp.StatusCode/100 != 2 {
		tooLarge = fmt.Errorf("answers with status %d and more than %d KiB", resp.StatusCode, maxBody>>10)
	}
	resp.Body = &limitedBody{body: resp.Body, left: maxBody, tooLarge: tooLarge}
	return resp, nil
}

// limitedBody gives an error once more than its limit was read, where io.LimitedReader would give a shortened answer.
type limitedBody struct {
	body     io.ReadCloser
	left     int64
	tooLarge error
}

// Read implements io.Reader.
func (l *limitedBody) Read(p []byte) (int, error) {
	n, err := l.body.Read(p)
	l.left -= int64(n)
	if l.left < 0 {
		return 0, l.tooLarge
	}
	return n, err
}

// Close implements io.Closer.
func (l *limitedBody) Close() error { return l.body.Close() }
