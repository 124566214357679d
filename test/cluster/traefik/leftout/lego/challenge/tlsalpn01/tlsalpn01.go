// Package tlsalpn01 keeps the protocol name by which Traefik's TLS code tells
// ACME handshakes from others; the challenge itself is left out.
package tlsalpn01

import (
	"errors"
	"time"
)

// ACMETLS1Protocol is the ALPN protocol of RFC 8737.
const ACMETLS1Protocol = "acme-tls/1"

// ChallengeOption configures the challenge.
type ChallengeOption func() error

// SetDelay has no effect.
func SetDelay(time.Duration) ChallengeOption { return func() error { return nil } }

// ChallengeBlocks always fails.
func ChallengeBlocks(_, _ string) (cert, key []byte, err error) {
	return nil, nil, errors.New("this build of Traefik has no ACME client")
}
