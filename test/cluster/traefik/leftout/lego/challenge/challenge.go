// Package challenge names the interface of the ACME challenges, which are left out.
package challenge

// Provider presents and cleans up a challenge.
type Provider interface {
	Present(domain, token, keyAuth string) error
	CleanUp(domain, token, keyAuth string) error
}
