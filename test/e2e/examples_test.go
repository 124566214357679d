package e2e

import (
	"strings"
	"testing"
)

// TestDemoAndExamples runs the demo, and what a user does next in its cluster.
func TestDemoAndExamples(t *testing.T) {
	cluster := "e2e"
	t.Cleanup(func() { down(t, cluster) })
	runDemo(t, "--name", cluster, "--keep")
	if t.Failed() {
		return
	}
	u := newUser(t, cluster)
	t.Run("permissions", u.permissions)
	t.Run("examples/canary", u.canary)
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
	u.t = t
	u.do("create", "namespace", "shop")
	in := func(args ...string) []string { return append(args, "-n", "shop") }
	u.do(in("apply", "-f", "examples/canary/canary.yaml", "-f", "examples/canary/route.yaml")...)
	u.sluice(in("status", "web", "--wait", "--timeout", "2m")...)
	routeBefore := u.do(in("get", "httproute", "web", "-o", "jsonpath={.spec}")...)
	serviceBefore := u.do(in("get", "service", "web", "web-canary", "-o", "jsonpath={.items[*].spec.selector}")...)

	u.do(in("apply", "-f", edited(t, "examples/canary/canary.yaml", "value: v1", "value: v2"))...)
	u.expect("Paused", u.kubectl, in("get", "rollout", "web", "-o", "jsonpath={.status.phase} {.status.release.stepIndex}")...)
	u.expect("Paused 3", u.kubectl, in("get", "rollout", "web", "-o", "jsonpath={.status.phase} {.status.release.stepIndex}")...)
	t.Log("\n" + u.sluice(in("get", "rollout", "web")...))

	u.sluice(in("abort", "web", "--reason", "a second look")...)
	u.expect("Degraded", u.kubectl, in("get", "rollout", "web", "-o", "jsonpath={.status.phase}")...)
	if out, err := u.try(u.plugin, in("status", "web")...); err == nil {
		t.Errorf("status of an aborted Rollout exits 0:\n%s", out)
	}
	u.sluice(in("retry", "web")...)
	u.expect("Paused 3", u.kubectl, in("get", "rollout", "web", "-o", "jsonpath={.status.phase} {.status.release.stepIndex}")...)
	u.sluice(in("promote", "web")...)
	u.sluice(in("status", "web", "--wait", "--timeout", "3m")...)

	// At rest everything is as the user wrote it; the old pods are kept for a while before that.
	u.expect(routeBefore, u.kubectl, in("get", "httproute", "web", "-o", "jsonpath={.spec}")...)
	u.expect(serviceBefore, u.kubectl, in("get", "service", "web", "web-canary", "-o", "jsonpath={.items[*].spec.selector}")...)
	t.Log("\n" + u.sluice(in("get", "rollout", "web")...))
}

// badInput: what cannot work is refused with the field's name, or shown as a condition that goes away when it is mended.
func (u user) badInput(t *testing.T) {
	u.t = t
	u.do("create", "namespace", "bad")
	in := func(args ...string) []string { return append(args, "-n", "bad") }
	condition := in("get", "rollout", "web", "-o", `jsonpath={.status.conditions[?(@.type=="Invalid")]}`)

	out, err := u.try(u.kubectl, in("apply", "-f", edited(t, "examples/canary/canary.yaml", "setWeight: 20", "setWeight: 120"))...)
	if err == nil || !strings.Contains(out, "setWeight") {
		t.Errorf("a weight of 120 is not refused by name: %s", out)
	}
	u.do(in("apply", "-f", "examples/canary/canary.yaml")...)
	u.expect("InvalidService", u.kubectl, condition...)
	u.do(in("apply", "-f", "examples/canary/route.yaml")...)
	u.sluice(in("status", "web", "--wait", "--timeout", "2m")...)

	u.do(in("apply", "-f", edited(t, "examples/canary/canary.yaml", "containerPort: 8080", "containerPort: 99999999"))...)
	u.expect("InvalidPodTemplate", u.kubectl, condition...)
	u.expect("containerPort", u.kubectl, condition...)
	u.do(in("apply", "-f", "examples/canary/canary.yaml")...)
	u.sluice(in("status", "web", "--wait", "--timeout", "2m")...)

	// A revision whose image is not there is rolled back by itself, without any metric.
	u.do(in("apply", "-f", edited(t, "examples/canary/canary.yaml", "sluice-demo-app:dev", "nowhere.invalid/app:v9"))...)
	u.expect("PodsUnhealthy", u.kubectl, in("get", "rollout", "web", "-o", "jsonpath={.status.abort.reason}")...)
}
