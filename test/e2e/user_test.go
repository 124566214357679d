package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// user is somebody with kubectl and the plugin.
type user struct {
	t                           *testing.T
	kubectl, plugin, kubeconfig string
}

func newUser(t *testing.T, cluster string) user {
	t.Helper()
	u := user{t: t, plugin: build(t, "./cmd/kubectl-sluice")}
	out, err := run(t, 2*time.Minute, "go", "-C", "test/cluster", "run", ".", "kubeconfig", "-name", cluster)
	if err != nil {
		t.Fatalf("kubeconfig: %v\n%s", err, out)
	}
	u.kubeconfig = last(out)
	if out, err = run(t, 2*time.Minute, "go", "-C", "test/cluster", "run", ".", "assets"); err != nil {
		t.Fatalf("assets: %v\n%s", err, out)
	}
	u.kubectl = filepath.Join(last(out), "kubectl")
	return u
}

func last(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return strings.TrimSpace(strings.TrimPrefix(lines[len(lines)-1], "KUBECONFIG="))
}

func (u user) try(name string, args ...string) (string, error) {
	u.t.Helper()
	return run(u.t, 3*time.Minute, name, append([]string{"--kubeconfig", u.kubeconfig}, args...)...)
}

// do runs kubectl and expects it to work.
func (u user) do(args ...string) string { return u.must(u.kubectl, args...) }

// sluice runs the plugin and expects it to work.
func (u user) sluice(args ...string) string { return u.must(u.plugin, args...) }

func (u user) must(name string, args ...string) string {
	u.t.Helper()
	out, err := u.try(name, args...)
	if err != nil {
		u.t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return out
}

// expect waits for the output of a command to hold some text.
func (u user) expect(text, name string, args ...string) {
	u.t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		out, err := u.try(name, args...)
		if err == nil && strings.Contains(out, text) {
			return
		}
		if time.Now().After(deadline) {
			u.t.Fatalf("%s %s never showed %q; at last (%v):\n%s", filepath.Base(name), strings.Join(args, " "), text, err, out)
		}
	}
}

// edited is a copy of an example with some text replaced.
func edited(t *testing.T, example, from, to string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root(t), example))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(content), from) {
		t.Fatalf("%s holds no %q", example, from)
	}
	file := filepath.Join(t.TempDir(), filepath.Base(example))
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(content), from, to)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
