package e2e

import (
	"bytes"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// withoutRouter: what examples/canary-without-router/README.md says, with the load going through the Service.
func (u user) withoutRouter(t *testing.T) {
	u = u.in(t, "no-router")
	u.do("apply", "-f", "examples/canary-without-router")
	u.healthy()
	load := u.throughService("web")
	sizes := u.watchSizes()

	u.do("apply", "-f", edited(t, "examples/canary-without-router/canary.yaml", "value: v1", "value: v2"))
	u.paused("2/4")
	if counts := u.sizes(); counts != "1 4" {
		t.Errorf("at 20 %% of five pods the ReplicaSets have %q pods, want 1 and 4", counts)
	}
	u.sluice("abort", "web")
	u.reaches("{.status.phase}", "Degraded")
	load.alone("v1")
	u.sluice("retry", "web")
	u.paused("2/4")
	t.Log("\n" + u.says([]string{"Paused", "20 %"}, "get", "rollout", "web"))
	u.sluice("promote", "web")
	u.paused("4/4")
	if counts := u.sizes(); counts != "2 3" {
		t.Errorf("at 60 %% of five pods the ReplicaSets have %q pods, want 2 and 3", counts)
	}
	u.healthy()
	load.alone("v2")
	load.end("v1", "v2")
	for _, size := range sizes() {
		if size < 5 || size > 6 {
			t.Errorf("with maxSurge 1 and maxUnavailable 0 five pods became %d", size)
		}
	}
}

// sizes are the sizes of the ReplicaSets that have pods, the least first.
func (u user) sizes() string {
	u.t.Helper()
	var sizes []string
	for size := range strings.FieldsSeq(u.do("get", "replicasets", "--sort-by=.spec.replicas", "-o", "jsonpath={.items[*].spec.replicas}")) {
		if size != "0" {
			sizes = append(sizes, size)
		}
	}
	return strings.Join(sizes, " ")
}

// watchSizes writes down how many pods all ReplicaSets together ask for, after each change; calling it gives the numbers.
func (u user) watchSizes() func() []int {
	u.t.Helper()
	var out bytes.Buffer
	cmd := exec.CommandContext(u.t.Context(), u.kubectl, u.line([]string{
		"get", "replicasets", "--watch", "-o", `jsonpath={.metadata.name} {.spec.replicas}{"\n"}`,
	})...)
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		u.t.Fatalf("watch ReplicaSets: %v", err)
	}
	return func() []int {
		u.t.Helper()
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		var totals []int
		by := map[string]int{}
		for line := range strings.Lines(out.String()) {
			name, count, _ := strings.Cut(strings.TrimSpace(line), " ")
			size, err := strconv.Atoi(count)
			if err != nil {
				u.t.Fatalf("watch of ReplicaSets: %q", line)
			}
			by[name] = size
			total := 0
			for _, n := range by {
				total += n
			}
			totals = append(totals, total)
		}
		if len(totals) < 10 {
			u.t.Errorf("the watch of ReplicaSets saw these sizes only: %v", totals)
		}
		u.t.Logf("pods asked for: %v", totals)
		return totals
	}
}
