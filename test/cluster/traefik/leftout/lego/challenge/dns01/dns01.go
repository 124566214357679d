// Package dns01 keeps the name handling that Traefik's TLS code uses; the ACME
// DNS challenge is left out.
package dns01

import (
	"strings"
	"time"
)

// ChallengeOption configures the challenge.
type ChallengeOption func() error

func none() error { return nil }

// UnFqdn drops the trailing dot of a fully qualified name.
func UnFqdn(name string) string { return strings.TrimSuffix(name, ".") }

// AddRecursiveNameservers has no effect.
func AddRecursiveNameservers([]string) ChallengeOption { return none }

// RecursiveNSsPropagationRequirement has no effect.
func RecursiveNSsPropagationRequirement() ChallengeOption { return none }

// DisableAuthoritativeNssPropagationRequirement has no effect.
func DisableAuthoritativeNssPropagationRequirement() ChallengeOption { return none }

// PropagationWait has no effect.
func PropagationWait(time.Duration, bool) ChallengeOption { return none }

// CondOption has no effect.
func CondOption(bool, ChallengeOption) ChallengeOption { return none }
