package fetch

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// Kind says what went wrong, for a caller that acts on it.
type Kind string

// The kinds of failures.
const (
	// Unreachable: no answer, or not one of a Git server.
	Unreachable Kind = "Unreachable"
	// Unauthorized: the server wants other credentials.
	Unauthorized Kind = "Unauthorized"
	// RepositoryNotFound: the server has no such repository, or does not show it to these credentials.
	RepositoryNotFound Kind = "RepositoryNotFound"
	// RevisionNotFound: the repository has no such branch, tag or commit.
	RevisionNotFound Kind = "RevisionNotFound"
	// TooLarge: the repository is larger than the bound.
	TooLarge Kind = "TooLarge"
	// Refused: the address or the credentials are such as this package does not use.
	Refused Kind = "Refused"
	// Broken: the clone on disk could not be used; the next attempt starts a new one.
	Broken Kind = "Broken"
)

// Error is a failure to read a repository. Its text says what to do and holds no credentials.
type Error struct {
	Kind Kind
	// URL of the repository.
	URL string
	// Text says what is wrong and what to do about it.
	Text string
	err  error
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("repository %s: %s", e.URL, e.Text) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.err }

// maxText bounds what of a foreign error's text is passed on.
const maxText = 300

var (
	errTooLarge = errors.New("more data than allowed")
	errRedirect = errors.New("redirect refused")
)

// explain makes an Error of whatever the transport returned.
func explain(url string, err error) *Error {
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	kind, text := classify(err)
	return &Error{Kind: kind, URL: url, Text: text, err: err}
}

func classify(err error) (Kind, string) {
	var authority x509.UnknownAuthorityError
	switch {
	case errors.Is(err, errTooLarge):
		return TooLarge, "it is larger than allowed; raise the limit or split the repository"
	case errors.Is(err, errRedirect):
		return Refused, "the server redirects to another host, where the credentials may not go; set the final address"
	case errors.Is(err, transport.ErrAuthenticationRequired):
		return Unauthorized, "the server asks for credentials: set source.secretRef to a Secret with username and " +
			"password, or bearerToken, and check that they are right"
	case errors.Is(err, transport.ErrAuthorizationFailed):
		return Unauthorized, "the server refuses these credentials: give them read access to the repository"
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return RepositoryNotFound, "the server has no such repository, or does not show it to these credentials: " +
			"check source.repoURL and source.secretRef"
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		return RevisionNotFound, "it is empty: push a commit"
	case errors.As(err, &authority):
		return Unreachable, "its certificate is signed by an unknown authority: put the authority's certificate " +
			"into the Secret's ca.crt"
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return Unreachable, "no answer in time; check that it can be reached from the controller"
	}
	return Unreachable, "cannot be read: " + shorten(plain(err))
}

func isTimeout(err error) bool {
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}

// plain returns the part of an error's text that is worth reading: without the address, which the Error names, and
// without what a server wrote into its answer.
func plain(err error) string {
	if answer, ok := errors.AsType[*githttp.Err](err); ok {
		return fmt.Sprintf("the server answers with status %d", answer.StatusCode())
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err.Error()
	}
	return err.Error()
}

func shorten(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxText {
		return text[:maxText] + "…"
	}
	return text
}
