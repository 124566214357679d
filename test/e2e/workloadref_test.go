package e2e

import "testing"

// workloadRef: what examples/workload-ref/README.md says, with the Deployment's pods going once a release has succeeded,
// and as others become available.
func (u user) workloadRef(t *testing.T) {
	u = u.in(t, "workload-ref")
	u.do("apply", "-f", "examples/workload-ref/deployment.yaml")
	u.do("scale", "deployment", "web", "--replicas=2")
	u.do("rollout", "status", "deployment", "web", "--timeout", expectWithin.String())
	load := u.throughService("web")

	u.do("apply", "-f", edited(t, "examples/workload-ref/rollout.yaml", "scaleDown: progressively", "scaleDown: onsuccess"))
	u.healthy()
	u.do("wait", "deployment/web", "--for=jsonpath={.spec.replicas}=0", "--timeout", expectWithin.String())
	u.reaches("{.status.availableReplicas}", "3")

	u.do("apply", "-f", edited(t, "examples/workload-ref/deployment.yaml", "value: v1", "value: v2"))
	u.paused("2/2")
	t.Log("\n" + u.sluice("get", "rollout", "web"))
	u.sluice("promote", "web")
	u.healthy()
	load.alone("v2")
	if size := u.field("{.spec.replicas}", "deployment", "web"); size != "0" {
		t.Errorf("after the release the Deployment has %s pods", size)
	}

	// The Deployment has its pods back before the Rollout's go.
	u.do("delete", "rollout", "web", "--timeout", expectWithin.String())
	u.do("wait", "deployment/web", "--for=jsonpath={.status.availableReplicas}=2", "--timeout", expectWithin.String())
	load.alone("v2")

	u.do("apply", "-f", "examples/workload-ref/rollout.yaml")
	u.healthy()
	u.do("wait", "deployment/web", "--for=jsonpath={.spec.replicas}=0", "--timeout", expectWithin.String())
	load.alone("v2")
	load.end("v1", "v2")
}
