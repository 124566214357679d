package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// adopt: what examples/adopt/README.md says. A Deployment with its Service, route, autoscaler and disruption budget becomes
// a Rollout under load, which then releases, is scaled, and is taken away again without its pods.
func (u user) adopt(t *testing.T) {
	u = u.in(t, "adopt")
	u.do("apply", "-f", "examples/adopt/before.yaml")
	u.expect("3", u.kubectl, "get", "deployment", "web", "-o", "jsonpath={.status.availableReplicas}")
	u.do("rollout", "status", "deployment", "web", "--timeout", expectWithin.String())
	load := u.throughGateway("adopt.example")
	before := u.pods()
	if strings.Count(before, "\n") != 3 {
		t.Fatalf("the Deployment has these pods, want three:\n%s", before)
	}

	u.do("apply", "-f", "examples/adopt/adopt.yaml")
	u.healthy()
	u.do("wait", "deployment/web", "--for=delete", "--timeout=1m")
	u.sameSince(before, "the adoption")
	u.expect("Adopted", u.kubectl, "events", "--for", "rollout/web")

	// The autoscaler has nothing to measure by here; its least number of pods it keeps all the same.
	u.do("patch", "hpa", "web", "--type=merge", "-p", `{"spec":{"minReplicas":4}}`)
	u.reaches("{.status.availableReplicas}", "4")
	u.evictions()

	u.do("apply", "-f", edited(t, "examples/adopt/adopt.yaml", "value: v1", "value: v2", "minReplicas: 3", "minReplicas: 4"))
	u.paused("2/2")
	t.Log("\n" + u.sluice("get", "rollout", "web"))
	u.sluice("promote", "web")
	u.healthy()
	load.alone("v2")
	u.reaches("{.status.replicas}", "4")

	// Nothing becomes of the pods when the Rollout goes without them.
	before = u.pods()
	u.do("delete", "rollout", "web", "--cascade=orphan", "--timeout=2m")
	u.sameSince(before, "the Rollout was deleted without its pods")
	load.alone("v2")
	u.sameSince(before, "the Rollout was deleted without its pods")
	load.end("v1", "v2")
}

func (u user) sameSince(before, event string) {
	u.t.Helper()
	if after := u.pods(); after != before {
		u.t.Errorf("since %s the pods are others; before:\n%safter:\n%s", event, before, after)
	}
}

// evictions: the disruption budget lets one pod go, and not a second at once; the Rollout replaces it.
func (u user) evictions() {
	u.t.Helper()
	u.expect("1", u.kubectl, "get", "pdb", "web", "-o", "jsonpath={.status.disruptionsAllowed}")
	before := strings.Split(strings.TrimSpace(u.pods()), "\n")
	evict := func(pod string) (string, error) {
		name, _, _ := strings.Cut(pod, " ")
		file := filepath.Join(u.t.TempDir(), "eviction.json")
		eviction := fmt.Sprintf(`{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":%q,"namespace":%q}}`, name, u.namespace)
		if err := os.WriteFile(file, []byte(eviction), 0o600); err != nil {
			return "", err
		}
		return u.try(u.kubectl, "create", "--raw", "/api/v1/namespaces/"+u.namespace+"/pods/"+name+"/eviction", "-f", file)
	}
	if out, err := evict(before[0]); err != nil {
		u.t.Errorf("the first eviction: %v\n%s", err, out)
	}
	if out, err := evict(before[1]); err == nil || !strings.Contains(out, "disruption budget") {
		u.t.Errorf("the second eviction at once is not refused for the disruption budget: %v\n%s", err, out)
	}
	u.until("a pod in its place", func() (string, bool) {
		now := u.pods()
		return now, strings.Count(now, "\n") == len(before) && !strings.Contains(now, before[0])
	})
	u.reaches("{.status.availableReplicas}", strconv.Itoa(len(before)))
}
