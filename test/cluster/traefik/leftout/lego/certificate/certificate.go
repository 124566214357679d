// Package certificate names the request types of the ACME client, which is left out.
package certificate

// Resource is a certificate with its key.
type Resource struct {
	Domain                  string
	PrivateKey, Certificate []byte
}

// ObtainRequest asks for a certificate.
type ObtainRequest struct {
	Domains                 []string
	Bundle                  bool
	EmailAddresses          []string
	Profile, PreferredChain string
}

// RenewOptions asks for the renewal of a certificate.
type RenewOptions struct {
	Bundle                  bool
	EmailAddresses          []string
	Profile, PreferredChain string
}
