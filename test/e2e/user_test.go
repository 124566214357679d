package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
)

// How long what is expected may take, on a busy machine too, and how often it is looked for.
const (
	expectWithin = 3 * time.Minute
	lookEvery    = 300 * time.Millisecond
)

// user is somebody with kubectl and the plugin, in a namespace of their own.
type user struct {
	t                           *testing.T
	kubectl, plugin, kubeconfig string
	// namespace is empty for what is in none.
	namespace string
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

// in is the user in a new namespace, for one test that others may run beside. The namespace goes when the test ends; if it
// has failed, what is in it is shown before.
func (u user) in(t *testing.T, namespace string) user {
	t.Helper()
	t.Parallel()
	u.t, u.namespace = t, ""
	u.do("delete", "namespace", namespace, "--ignore-not-found", "--timeout=2m")
	u.do("create", "namespace", namespace)
	u.namespace = namespace
	t.Cleanup(func() {
		if t.Failed() {
			u.show("get", "rollouts,replicasets,deployments,pods,services,endpointslices,analysisruns", "-o", "wide")
			u.show("get", "rollouts,httproutes,services", "-o", "yaml")
			u.show("events")
		}
		u.namespace = ""
		u.show("delete", "namespace", namespace, "--wait=false")
	})
	return u
}

// show logs what kubectl prints, when the test's own context may have ended.
func (u user) show(args ...string) {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.t.Context()), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, u.kubectl, u.line(args)...).CombinedOutput()
	if err != nil {
		u.t.Logf("kubectl %s: %v", strings.Join(args, " "), err)
	}
	u.t.Logf("kubectl %s\n%s", strings.Join(args, " "), out)
}

func (u user) line(args []string) []string {
	line := []string{"--kubeconfig", u.kubeconfig}
	if u.namespace != "" {
		line = append(line, "--namespace", u.namespace)
	}
	return append(line, args...)
}

func (u user) try(name string, args ...string) (string, error) {
	u.t.Helper()
	return run(u.t, 5*time.Minute, name, u.line(args)...)
}

// do runs kubectl and expects it to work.
func (u user) do(args ...string) string { u.t.Helper(); return u.must(u.kubectl, args...) }

// sluice runs the plugin and expects it to work.
func (u user) sluice(args ...string) string { u.t.Helper(); return u.must(u.plugin, args...) }

func (u user) must(name string, args ...string) string {
	u.t.Helper()
	out, err := u.try(name, args...)
	if err != nil {
		u.t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return out
}

// says runs the plugin, expects it to work and to print each of the words.
func (u user) says(words []string, args ...string) string {
	u.t.Helper()
	out := u.sluice(args...)
	u.holds(out, words, args)
	return out
}

// refused runs the plugin, expects it to fail and to print each of the words.
func (u user) refused(words []string, args ...string) {
	u.t.Helper()
	out, err := u.try(u.plugin, args...)
	if err == nil {
		u.t.Errorf("kubectl sluice %s exits 0:\n%s", strings.Join(args, " "), out)
	}
	u.holds(out, words, args)
}

func (u user) holds(out string, words, args []string) {
	u.t.Helper()
	for _, word := range words {
		if !strings.Contains(out, word) {
			u.t.Errorf("kubectl sluice %s does not say %q:\n%s", strings.Join(args, " "), word, out)
		}
	}
}

// expect waits for the output of a command to hold some text.
func (u user) expect(text, name string, args ...string) {
	u.t.Helper()
	u.until(strings.Join(args, " ")+" to show "+text, func() (string, bool) {
		out, err := u.try(name, args...)
		return out, err == nil && strings.Contains(out, text)
	})
}

// until waits until look is content; the text is what it saw last.
func (u user) until(what string, look func() (seen string, ok bool)) {
	u.t.Helper()
	gomega.NewWithT(u.t).Eventually(func() error {
		seen, ok := look()
		if !ok {
			return fmt.Errorf("last seen: %s", seen)
		}
		return nil
	}).WithTimeout(expectWithin).WithPolling(lookEvery).Should(gomega.Succeed(), "waiting for "+what)
}

// field is what a JSONPath finds in an object, or in several.
func (u user) field(path string, object ...string) string {
	u.t.Helper()
	return u.do(append([]string{"get", "-o", "jsonpath=" + path}, object...)...)
}

// reaches waits until a field of the Rollout web has a value.
func (u user) reaches(path, value string) {
	u.t.Helper()
	u.do("wait", "rollout/web", "--for=jsonpath="+path+"="+value, "--timeout="+expectWithin.String())
}

// paused waits until the Rollout web is paused at a step, such as 2/4.
func (u user) paused(step string) {
	u.t.Helper()
	u.until("a pause at step "+step, func() (string, bool) {
		seen := u.field("{.status.phase} {.status.step} {.status.message}", "rollout", "web")
		return seen, strings.HasPrefix(seen, "Paused "+step+" ")
	})
}

// healthy waits until the release of the Rollout web is done.
func (u user) healthy() {
	u.t.Helper()
	u.sluice("status", "web", "--wait", "--timeout", expectWithin.String())
}

// served is the version that a Service answers with, as the API server reaches it.
func (u user) served(service string) string {
	out, err := u.try(u.kubectl, "get", "--raw", "/api/v1/namespaces/"+u.namespace+"/services/"+service+":80/proxy/")
	if err != nil {
		return out
	}
	_, version, _ := strings.Cut(out, `"version":"`)
	version, _, _ = strings.Cut(version, `"`)
	return version
}

// serves waits until a Service answers with a version.
func (u user) serves(service, version string) {
	u.t.Helper()
	u.until("Service "+service+" to answer with "+version, func() (string, bool) {
		seen := u.served(service)
		return seen, seen == version
	})
}

// pods are the names and UIDs of the pods of app web that are not terminating, sorted by name.
func (u user) pods() string {
	u.t.Helper()
	return u.do("get", "pods", "-l", "app=web", "--sort-by=.metadata.name", "-o",
		`go-template={{range .items}}{{if not .metadata.deletionTimestamp}}{{.metadata.name}} {{.metadata.uid}}{{"\n"}}{{end}}{{end}}`)
}

// edited is a copy of an example with some texts replaced: pairs of what is there and what takes its place.
func edited(t *testing.T, example string, pairs ...string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root(t), example))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(string(content), pairs[i]) {
			t.Fatalf("%s holds no %q", example, pairs[i])
		}
	}
	file := filepath.Join(t.TempDir(), filepath.Base(example))
	if err := os.WriteFile(file, []byte(strings.NewReplacer(pairs...).Replace(string(content))), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
