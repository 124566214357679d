package e2e

import (
	"strings"
	"testing"
)

// Two more names of the demo app's image: another one is another revision.
const (
	otherName = "docker.io/library/sluice-demo-app:dev"
	thirdName = "index.docker.io/library/sluice-demo-app:dev"
)

// verbs: each verb of the plugin, what it does and what it says, and where it is refused.
func (u user) verbs(t *testing.T) {
	u = u.in(t, "verbs")
	u.do("apply", "-f", "test/e2e/testdata/verbs.yaml")
	u.healthy()
	load := u.throughService("web")
	for _, verb := range []string{"promote", "abort", "retry", "pause", "resume"} {
		u.refused([]string{"nothing to " + verb}, verb, "web")
	}

	u.says([]string{"sluice-demo-app:dev", otherName}, "set", "image", "web", "web="+otherName)
	u.paused("2/5")
	u.says([]string{"pause of revision", "accepted"}, "pause", "web", "--reason", "lunch")
	u.refused([]string{"paused already"}, "pause", "web")
	u.says([]string{"Paused"}, "get", "rollout", "web")
	u.says([]string{"resume of revision", "accepted"}, "resume", "web")
	u.refused([]string{"nothing to resume", "it ends with: kubectl sluice promote"}, "resume", "web")
	u.says([]string{"jump of revision", "accepted"}, "jump", "web", "4")
	u.paused("5/5")
	u.says([]string{"accepted"}, "jump", "web", "1")
	u.paused("2/5")
	u.refused([]string{"no step 9"}, "jump", "web", "9")

	u.fullPromotions()
	u.backAgain()
	u.restarted()

	out := u.says([]string{"OUTCOME", "Promoted", "FastPromoted", "Aborted", "RolledBack", "AnalysisFailed", "not today"}, "history", "web")
	t.Log("\n" + out)
	load.end("v1")
}

// fullPromotions: promote --full passes the pauses and stops at an analysis that fails; with --skip-analysis it does not.
func (u user) fullPromotions() {
	u.t.Helper()
	u.says([]string{"promote --full of revision", "accepted"}, "promote", "web", "--full")
	u.reaches("{.status.abort.reason}", "AnalysisFailed")
	u.refused([]string{"analysis of step 3/5 failed", "gate", "result[0] >= 1 is false for [0]"}, "status", "web")
	u.says([]string{"retry of revision", "accepted"}, "retry", "web")
	u.paused("2/5")
	u.refused([]string{"--full --skip-analysis"}, "promote", "web", "--skip-analysis")
	u.says([]string{"promote --full --skip-analysis of revision", "accepted"},
		"promote", "web", "--full", "--skip-analysis", "--reason", "the gate is broken")
	u.healthy()
	if seen := u.field("{.status.history[0].outcome}", "rollout", "web"); seen != "FastPromoted" {
		u.t.Errorf("after promote --full --skip-analysis the history has %s", seen)
	}
}

// backAgain: undo of what is stable is a release; undo in mid-release goes back at once; a release in small steps.
func (u user) backAgain() {
	u.t.Helper()
	u.says([]string{"the template of revision #1", otherName + " -> sluice-demo-app:dev"}, "undo", "web")
	u.paused("2/5")
	u.says([]string{"the template of revision #2", "is back"}, "undo", "web")
	u.healthy()
	if seen := u.field("{.status.history[0].outcome}", "rollout", "web"); seen != "RolledBack" {
		u.t.Errorf("after an undo in mid-release the history has %s", seen)
	}

	u.do("patch", "analysistemplate", "gate", "--type=json",
		"-p", `[{"op":"replace","path":"/spec/metrics/0/provider/prometheus/query","value":"vector(1)"}]`)
	u.sluice("set", "image", "web", "web="+thirdName)
	u.paused("2/5")
	u.says([]string{"abort of revision", "accepted"}, "abort", "web", "--reason", "not today")
	u.refused([]string{"not today"}, "status", "web")
	u.refused([]string{"was aborted", "kubectl sluice retry"}, "promote", "web")
	u.sluice("retry", "web")
	u.paused("2/5")
	u.promoter("alice")
	u.says([]string{"promote of revision", "accepted"}, "promote", "web", "--as=alice")
	u.paused("5/5")
	u.says([]string{"promote by alice accepted"}, "get", "rollout", "web")
	u.sluice("promote", "web")
	u.healthy()
}

// promoter: who may promote may do that, and none of the other verbs.
func (u user) promoter(name string) {
	u.t.Helper()
	u.do("create", "rolebinding", name, "--clusterrole=sluice-promoter", "--user="+name)
	for _, verb := range [][]string{
		{"abort", "web"}, {"pause", "web"}, {"jump", "web", "1"}, {"promote", "web", "--full"}, {"undo", "web"}, {"restart", "web"},
	} {
		u.refused([]string{name}, append(verb, "--as="+name)...)
	}
}

// restarted: every pod is replaced, and nothing else is.
func (u user) restarted() {
	u.t.Helper()
	before, revision := strings.Fields(u.pods()), u.field("{.status.stableRevision}", "rollout", "web")
	u.says([]string{"are replaced, beginning now"}, "restart", "web")
	u.until("three new pods", func() (string, bool) {
		now := u.pods()
		for _, pod := range before {
			if strings.Contains(now, pod) {
				return now, false
			}
		}
		return now, strings.Count(now, "\n") == 3
	})
	u.until("the end of the restart", func() (string, bool) {
		seen := u.field("{.spec.restartAt} {.status.restartedAt}", "rollout", "web")
		asked, done, _ := strings.Cut(seen, " ")
		return seen, asked == done
	})
	u.healthy()
	if seen := u.field("{.status.stableRevision}", "rollout", "web"); seen != revision {
		u.t.Errorf("a restart made revision %s of %s", seen, revision)
	}
}
