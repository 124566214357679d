package credentials

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestIssuedCertificateServesItsHosts(t *testing.T) {
	folder, now := t.TempDir(), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	authority, err := NewAuthority(folder, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := authority.Issue(Subject{Name: "server", Organizations: []string{"o"}, Hosts: []string{"10.0.0.1", "localhost"}}); err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(folder, "server.crt"), filepath.Join(folder, "server.key"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority.PEM)
	for host, ok := range map[string]bool{"10.0.0.1": true, "localhost": true, "10.0.0.2": false, "example.com": false} {
		_, err := pair.Leaf.Verify(x509.VerifyOptions{
			DNSName: host, Roots: pool, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		})
		if (err == nil) != ok {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestKeysAreForTheirOwnerOnly(t *testing.T) {
	folder := t.TempDir()
	authority, err := NewAuthority(folder, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	if err := authority.SigningKey("accounts"); err != nil {
		t.Fatal(err)
	}
	tokens := filepath.Join(folder, "tokens")
	if err := WriteTokens(tokens, []User{{Name: "admin", Groups: []string{"system:masters", "b"}, Token: "t"}}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ca.key", "accounts.key", "tokens"} {
		info, err := os.Stat(filepath.Join(folder, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
	text, err := os.ReadFile(tokens)
	if err != nil || strings.TrimSpace(string(text)) != `t,admin,admin,"system:masters,b"` {
		t.Errorf("token file %q, %v", text, err)
	}
}

func TestTokensDiffer(t *testing.T) {
	if first, second := NewUser("a").Token, NewUser("a").Token; first == second || len(first) < 32 {
		t.Errorf("tokens %s and %s", first, second)
	}
}
