package fetch

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// Source is a repository and what it takes to be let in.
type Source struct {
	// URL is https://… , or http://… without credentials. It has no user part.
	URL string
	// Credentials may be empty.
	Credentials Credentials
}

// Credentials are what a server asks for. They print as nothing.
type Credentials struct {
	// Username and Password are for basic authentication.
	Username, Password string
	// BearerToken, where set, is used instead.
	BearerToken string
	// CA holds PEM certificates of authorities that are trusted besides the system's.
	CA []byte
}

// String hides the credentials.
func (Credentials) String() string { return "(credentials)" }

// GoString hides the credentials.
func (Credentials) GoString() string { return "(credentials)" }

// secret tells whether there is anything that must not be seen.
func (c Credentials) secret() bool {
	return c.Username != "" || c.Password != "" || c.BearerToken != ""
}

// auth returns what go-git signs requests with; nil means nothing.
func (c Credentials) auth() transport.AuthMethod {
	switch {
	case c.BearerToken != "":
		return &githttp.TokenAuth{Token: c.BearerToken}
	case c.Username != "" || c.Password != "":
		return &githttp.BasicAuth{Username: c.Username, Password: c.Password}
	default:
		return nil
	}
}

// key names the clone of a source. Credentials enter as a keyed hash: the name is seen on disk.
func (s Source) key(salt []byte) string {
	mac := hmac.New(sha256.New, salt)
	for _, part := range []string{
		s.URL, s.Credentials.Username, s.Credentials.Password, s.Credentials.BearerToken, string(s.Credentials.CA),
	} {
		fmt.Fprintf(mac, "%d:%s,", len(part), part)
	}
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// check refuses what this package does not talk to.
func (s Source) check() error {
	refuse := func(text string) error { return &Error{Kind: Refused, URL: s.URL, Text: text} }
	u, err := url.Parse(s.URL)
	switch {
	case err != nil:
		return &Error{Kind: Refused, URL: "(unreadable)", Text: "the address is no URL"}
	case u.User != nil:
		return &Error{Kind: Refused, URL: u.Redacted(), Text: "the address must hold no credentials: " +
			"put them into a Secret and name it in source.secretRef"}
	case u.Scheme != "https" && u.Scheme != "http":
		return refuse("the address must begin with https:// (or http:// where no credentials are given)")
	case u.Host == "":
		return refuse("the address names no host")
	case u.Scheme == "http" && s.Credentials.secret():
		return refuse("credentials are not sent over http: use https")
	case len(s.Credentials.CA) > 0 && !x509.NewCertPool().AppendCertsFromPEM(s.Credentials.CA):
		return refuse("the Secret's ca.crt holds no PEM certificate")
	}
	return nil
}

// maxRedirects bounds a chain of redirects.
const maxRedirects = 5

// client returns the Git client for a source: its own trust, its own rules for redirects, bounded answers.
func (s Source) client(maxBytes int64) (transport.Transport, *http.Transport) {
	base := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   1,
		IdleConnTimeout:       idleTimeout,
		TLSHandshakeTimeout:   listTimeout,
		ResponseHeaderTimeout: headerTimeout,
	}
	if len(s.Credentials.CA) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		pool.AppendCertsFromPEM(s.Credentials.CA)
		base.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	client := &http.Client{
		Transport: bounded{next: base, max: maxBytes},
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			first := via[0].URL
			switch {
			case len(via) > maxRedirects,
				first.Scheme == "https" && next.URL.Scheme != "https",
				s.Credentials.secret() && next.URL.Host != first.Host:
				return errRedirect
			}
			return nil
		},
	}
	return githttp.NewClientWithOptions(client, nil), base
}

// bounded cuts answers off, with an error, where they exceed max bytes.
type bounded struct {
	next http.RoundTripper
	max  int64
}

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.next.RoundTrip(r)
	if err == nil {
		answer.Body = &boundedBody{ReadCloser: answer.Body, left: b.max}
	}
	return answer, err
}

type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errTooLarge
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return n, errTooLarge
	}
	return n, err
}
