package e2e

import (
	"os"
	"strings"
	"testing"
)

// TestDemoAndExamples runs the demo, and what a user does next in its cluster: the examples, two of them at a time.
func TestDemoAndExamples(t *testing.T) {
	cluster := os.Getenv("SLUICE_E2E_CLUSTER")
	if cluster == "" {
		cluster = "e2e"
		t.Cleanup(func() { down(t, cluster) })
		runDemo(t, "--name", cluster, "--keep")
		if t.Failed() {
			return
		}
	}
	u := newUser(t, cluster)
	t.Run("permissions", u.permissions)
	t.Run("another strategy", u.migrate) // the longest first
	t.Run("examples/adopt", u.adopt)
	t.Run("examples/blue-green", u.blueGreen)
	t.Run("examples/canary", u.canary)
	t.Run("examples/canary-without-router", u.withoutRouter)
	t.Run("examples/workload-ref", u.workloadRef)
	t.Run("verbs", u.verbs)
	t.Run("bad input", u.badInput)
}

// permissions: the controller's account has no wildcard, and no list or watch on Secrets.
func (u user) permissions(t *testing.T) {
	u.t = t
	out := u.do("auth", "can-i", "--list", "--as=system:serviceaccount:sluice-system:sluice", "-n", "default")
	t.Log("\n" + out)
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "[/") || strings.HasPrefix(fields[0], "[") {
			continue // non-resource URLs of system:discovery
		}
		if strings.Contains(line, "*") {
			t.Errorf("a wildcard: %s", line)
		}
	}
	for _, verb := range []string{"list", "watch"} {
		answer, err := u.try(u.kubectl, "auth", "can-i", verb, "secrets", "--as=system:serviceaccount:sluice-system:sluice", "-A")
		if err == nil || !strings.Contains(answer, "no") {
			t.Errorf("the controller may %s Secrets: %s", verb, answer)
		}
	}
}

// canary: what examples/canary/README.md says, with an abort and a retry on the way.
func (u user) canary(t *testing.T) {
	u = u.in(t, "shop")
	u.do("apply", "-f", "examples/canary/canary.yaml", "-f", "examples/canary/route.yaml")
	u.sluice("status", "web", "--wait", "--timeout", "2m")
	routeBefore := u.do("get", "httproute", "web", "-o", "jsonpath={.spec}")
	serviceBefore := u.do("get", "service", "web", "web-canary", "-o", "jsonpath={.items[*].spec.selector}")

	u.do("apply", "-f", edited(t, "examples/canary/canary.yaml", "value: v1", "value: v2"))
	u.expect("Paused", u.kubectl, "get", "rollout", "web", "-o", "jsonpath={.status.phase} {.status.release.stepIndex}")
	u.expect("Paused 3", u.kubectl, "get", "rollout", "web", "-o", "jsonpath={.status.phase} {.status.release.stepIndex}")
	t.Log("\n" + u.sluice("get", "rollout", "web"))

	u.sluice("abort", "web", "--reason", "a second look")
	u.expect("Degraded", u.kubectl, "get", "rollout", "web", "-o", "jsonpath={.status.phase}")
	if out, err := u.try(u.plugin, "status", "web"); err == nil {
		t.Errorf("status of an aborted Rollout exits 0:\n%s", out)
	}
	u.sluice("retry", "web")
	u.expect("Paused 3", u.kubectl, "get", "rollout", "web", "-o", "jsonpath={.status.phase} {.status.release.stepIndex}")
	u.sluice("promote", "web")
	u.sluice("status", "web", "--wait", "--timeout", "3m")

	// At rest everything is as the user wrote it; the old pods are kept for a while before that.
	u.expect(routeBefore, u.kubectl, "get", "httproute", "web", "-o", "jsonpath={.spec}")
	u.expect(serviceBefore, u.kubectl, "get", "service", "web", "web-canary", "-o", "jsonpath={.items[*].spec.selector}")
	t.Log("\n" + u.sluice("get", "rollout", "web"))
}

// badInput: what cannot work is refused with the field's name, or shown as a condition that goes away when it is mended.
func (u user) badInput(t *testing.T) {
	u = u.in(t, "bad")
	condition := []string{"get", "rollout", "web", "-o", `jsonpath={.status.conditions[?(@.type=="Invalid")]}`}

	out, err := u.try(u.kubectl, "apply", "-f", edited(t, "examples/canary/canary.yaml", "setWeight: 20", "setWeight: 120"))
	if err == nil || !strings.Contains(out, "setWeight") {
		t.Errorf("a weight of 120 is not refused by name: %s", out)
	}
	u.do("apply", "-f", "examples/canary/canary.yaml")
	u.expect("InvalidService", u.kubectl, condition...)
	u.do("apply", "-f", "examples/canary/route.yaml")
	u.sluice("status", "web", "--wait", "--timeout", "2m")

	u.do("apply", "-f", edited(t, "examples/canary/canary.yaml", "containerPort: 8080", "containerPort: 99999999"))
	u.expect("InvalidPodTemplate", u.kubectl, condition...)
	u.expect("containerPort", u.kubectl, condition...)
	u.do("apply", "-f", "examples/canary/canary.yaml")
	u.sluice("status", "web", "--wait", "--timeout", "2m")

	// A revision whose image is not there is rolled back by itself, without any metric.
	u.do("apply", "-f", edited(t, "examples/canary/canary.yaml", "sluice-demo-app:dev", "nowhere.invalid/app:v9"))
	u.expect("PodsUnhealthy", u.kubectl, "get", "rollout", "web", "-o", "jsonpath={.status.abort.reason}")
}
