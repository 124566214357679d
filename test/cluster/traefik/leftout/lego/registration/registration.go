// Package registration names the account types of the ACME client, which is left out.
package registration

// Resource is an account's registration.
type Resource struct{ URI string }

// RegisterOptions are the options of a registration.
type RegisterOptions struct{ TermsOfServiceAgreed bool }

// RegisterEABOptions are the options of a registration with an external account.
type RegisterEABOptions struct {
	TermsOfServiceAgreed bool
	Kid, HmacEncoded     string
}
