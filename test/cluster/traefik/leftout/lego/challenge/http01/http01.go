// Package http01 keeps the path of the ACME HTTP challenge, which is left out.
package http01

import "time"

// PathPrefix is the path below which tokens would be served.
const PathPrefix = "/.well-known/acme-challenge/"

// ChallengeOption configures the challenge.
type ChallengeOption func() error

// SetDelay has no effect.
func SetDelay(time.Duration) ChallengeOption { return func() error { return nil } }
