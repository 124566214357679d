package conformance

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	upstream "sigs.k8s.io/gateway-api/conformance"
)

// gatewayPort is the only port on which the local cluster's gateway listens.
const gatewayPort = "8000"

var (
	separator = regexp.MustCompile(`(?m)^---\s*$`)
	port80    = regexp.MustCompile(`(?m)^(\s+(?:- )?port:) 80$`)
	field     = func(name string) *regexp.Regexp { return regexp.MustCompile(`(?m)^` + name + `:\s*(\S+)`) }
	kind      = field("kind")
	nameOf    = regexp.MustCompile(`(?m)^  name:\s*(\S+)`)
)

// leftOut are the base objects that only tests with TLS, TCP or UDP need.
var leftOut = []string{"same-namespace-with-https-listener", "tls-backend", "tls-backend-2", "tcp-backend", "coredns"}

// adapted are upstream's manifests with Gateways on the local gateway's port, and without what is left out.
func adapted(t *testing.T) fs.FS {
	t.Helper()
	result := fstest.MapFS{}
	err := fs.WalkDir(upstream.Manifests, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(upstream.Manifests, path)
		if err != nil {
			return err
		}
		if strings.HasSuffix(path, ".yaml") {
			content = []byte(adapt(string(content), strings.HasPrefix(path, "base/")))
		}
		result[path] = &fstest.MapFile{Data: content}
		return nil
	})
	if err != nil {
		t.Fatalf("reading upstream's manifests: %v", err)
	}
	return result
}

func adapt(text string, base bool) string {
	var kept []string
	for _, document := range separator.Split(text, -1) {
		if base && isLeftOut(document) {
			continue
		}
		if found := kind.FindStringSubmatch(document); found != nil && found[1] == "Gateway" {
			document = port80.ReplaceAllString(document, "$1 "+gatewayPort)
		}
		kept = append(kept, document)
	}
	return strings.Join(kept, "---")
}

func isLeftOut(document string) bool {
	found := nameOf.FindStringSubmatch(document)
	for _, name := range leftOut {
		if found != nil && found[1] == name {
			return true
		}
	}
	return false
}

func TestAdapt(t *testing.T) {
	got := adapt(`kind: Gateway
metadata:
  name: a
spec:
  listeners:
  - name: http
    port: 80
  - name: other
    port: 8080
---
kind: Service
metadata:
  name: a
spec:
  ports:
  - port: 80
---
kind: Deployment
metadata:
  name: coredns
`, true)
	if strings.Count(got, "port: 8000\n") != 1 || !strings.Contains(got, "port: 8080") || !strings.Contains(got, "- port: 80\n") || strings.Contains(got, "coredns") {
		t.Errorf("got\n%s", got)
	}
}
