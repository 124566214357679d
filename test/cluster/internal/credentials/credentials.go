// Package credentials makes what the parts of a cluster prove themselves with: a
// certificate authority of its own, certificates, the key of service account
// tokens, and a bearer token for each client of the API server.
package credentials

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// validity is how long certificates hold: longer than any test cluster lives.
const validity = 365 * 24 * time.Hour

// User is a client of the API server, known by a bearer token.
type User struct {
	Name   string
	Groups []string
	Token  string
}

// NewUser gives a user with a fresh token.
func NewUser(name string, groups ...string) User {
	secret := make([]byte, 16)
	// It never fails: the program ends if the system has no randomness.
	_, _ = rand.Read(secret)
	return User{Name: name, Groups: groups, Token: hex.EncodeToString(secret)}
}

// WriteTokens writes the users as the API server's static token file.
func WriteTokens(name string, users []User) error {
	var text strings.Builder
	for _, user := range users {
		fmt.Fprintf(&text, "%s,%s,%s,%q\n", user.Token, user.Name, user.Name, strings.Join(user.Groups, ","))
	}
	if err := os.WriteFile(name, []byte(text.String()), 0o600); err != nil {
		return fmt.Errorf("token file: %w", err)
	}
	return nil
}

// Authority is a certificate authority that writes into one folder.
type Authority struct {
	folder string
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	now    time.Time
	// PEM is the authority's own certificate.
	PEM []byte
}

// Subject says whom a certificate is for.
type Subject struct {
	// Name is the common name and the name of the two files.
	Name          string
	Organizations []string
	// Hosts are DNS names and addresses under which it serves.
	Hosts []string
}

// NewAuthority makes an authority whose certificate is folder/ca.crt and whose
// key is folder/ca.key. Certificates hold from an hour before now.
func NewAuthority(folder string, now time.Time) (*Authority, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("certificate authority: %w", err)
	}
	authority := &Authority{folder: folder, key: key, now: now}
	template, err := authority.template("sluice-test-cluster")
	if err != nil {
		return nil, err
	}
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage |= x509.KeyUsageCertSign
	authority.cert = template
	if authority.PEM, err = authority.write("ca", template, key); err != nil {
		return nil, err
	}
	return authority, nil
}

// Issue writes a certificate and its key as folder/NAME.crt and folder/NAME.key.
// It is good for serving and for being a client.
func (a *Authority) Issue(subject Subject) error {
	template, err := a.template(subject.Name)
	if err != nil {
		return err
	}
	template.Subject.Organization = subject.Organizations
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, host := range subject.Hosts {
		if address := net.ParseIP(host); address != nil {
			template.IPAddresses = append(template.IPAddresses, address)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("certificate %s: %w", subject.Name, err)
	}
	_, err = a.write(subject.Name, template, key)
	return err
}

// SigningKey writes a key pair for service account tokens as folder/NAME.key
// (private) and folder/NAME.pub.
func (a *Authority) SigningKey(name string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	if err := a.writeKey(name, key); err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	_, err = a.writePEM(name+".pub", "PUBLIC KEY", public, 0o644)
	return err
}

func (a *Authority) template(name string) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", name, err)
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    a.now.Add(-time.Hour),
		NotAfter:     a.now.Add(validity),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}, nil
}

func (a *Authority) write(name string, template *x509.Certificate, key *ecdsa.PrivateKey) ([]byte, error) {
	signed, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", name, err)
	}
	if err := a.writeKey(name, key); err != nil {
		return nil, err
	}
	return a.writePEM(name+".crt", "CERTIFICATE", signed, 0o644)
}

func (a *Authority) writeKey(name string, key *ecdsa.PrivateKey) error {
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("key %s: %w", name, err)
	}
	_, err = a.writePEM(name+".key", "PRIVATE KEY", private, 0o600)
	return err
}

func (a *Authority) writePEM(name, kind string, content []byte, mode os.FileMode) ([]byte, error) {
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content})
	if err := os.WriteFile(filepath.Join(a.folder, name), text, mode); err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	return text, nil
}
