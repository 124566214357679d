// Package certcrypto names the key types of the ACME client, which is left out.
package certcrypto

// KeyType is the kind of a certificate's key.
type KeyType string

// The key types that Traefik's configuration knows.
const (
	EC256   = KeyType("P256")
	EC384   = KeyType("P384")
	RSA2048 = KeyType("2048")
	RSA4096 = KeyType("4096")
	RSA8192 = KeyType("8192")
)
