// Package lego names the ACME client, which is left out: NewClient always fails.
package lego

import (
	"crypto/x509"
	"errors"
	"net/http"
	"time"

	"github.com/go-acme/lego/v4/certcrypto"
	"github.com/go-acme/lego/v4/certificate"
	"github.com/go-acme/lego/v4/challenge"
	"github.com/go-acme/lego/v4/challenge/dns01"
	"github.com/go-acme/lego/v4/challenge/http01"
	"github.com/go-acme/lego/v4/challenge/tlsalpn01"
	"github.com/go-acme/lego/v4/registration"
)

// LEDirectoryProduction is the default of Traefik's setting caServer.
const LEDirectoryProduction = "https://acme-v02.api.letsencrypt.org/directory"

var errLeftOut = errors.New("this build of Traefik has no ACME client")

// Config is the client's configuration.
type Config struct {
	CADirURL, UserAgent string
	HTTPClient          *http.Client
	Certificate         CertificateConfig
}

// CertificateConfig says which certificates to ask for.
type CertificateConfig struct {
	KeyType           certcrypto.KeyType
	Timeout           time.Duration
	DisableCommonName bool
}

// Client is never made.
type Client struct {
	Challenge    Challenges
	Certificate  Certifier
	Registration Registrar
}

// NewConfig gives an empty configuration.
func NewConfig(any) *Config { return &Config{} }

// NewClient always fails.
func NewClient(*Config) (*Client, error) { return nil, errLeftOut }

// CreateCertPool always fails.
func CreateCertPool([]string, bool) (*x509.CertPool, error) { return nil, errLeftOut }

// Challenges would hold the challenge solvers.
type Challenges struct{}

// SetDNS01Provider always fails.
func (Challenges) SetDNS01Provider(challenge.Provider, ...dns01.ChallengeOption) error {
	return errLeftOut
}

// SetHTTP01Provider always fails.
func (Challenges) SetHTTP01Provider(challenge.Provider, ...http01.ChallengeOption) error {
	return errLeftOut
}

// SetTLSALPN01Provider always fails.
func (Challenges) SetTLSALPN01Provider(challenge.Provider, ...tlsalpn01.ChallengeOption) error {
	return errLeftOut
}

// Certifier would obtain certificates.
type Certifier struct{}

// Obtain always fails.
func (Certifier) Obtain(certificate.ObtainRequest) (*certificate.Resource, error) {
	return nil, errLeftOut
}

// RenewWithOptions always fails.
func (Certifier) RenewWithOptions(certificate.Resource, *certificate.RenewOptions) (*certificate.Resource, error) {
	return nil, errLeftOut
}

// Registrar would register accounts.
type Registrar struct{}

// Register always fails.
func (Registrar) Register(registration.RegisterOptions) (*registration.Resource, error) {
	return nil, errLeftOut
}

// RegisterWithExternalAccountBinding always fails.
func (Registrar) RegisterWithExternalAccountBinding(registration.RegisterEABOptions) (*registration.Resource, error) {
	return nil, errLeftOut
}
