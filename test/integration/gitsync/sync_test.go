package gitsync_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// TestCommits: an overlay is applied, a second commit changes it, a third takes something away.
func TestCommits(t *testing.T) {
	f := newFixture(t)
	first := f.push(map[string]string{
		"base/kustomization.yaml": "resources: [a.yaml, b.yaml]",
		"base/a.yaml":             configMap("a", "1"),
		"base/b.yaml":             configMap("b", "1"),
		"app/kustomization.yaml":  "namePrefix: my-\nresources: [../base]",
	})
	gs := f.sync(nil)
	f.awaitRevision(gs, first)
	f.awaitData("my-a", "1")
	f.awaitData("my-b", "1")
	f.await(gs, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded)
	if status := f.status(gs); status.Objects != 2 || len(status.Inventory) != 1 || status.Inventory[0].Name != "app-inventory-0" {
		t.Errorf("status = %+v", status)
	}

	start := time.Now()
	second := f.push(map[string]string{"base/a.yaml": configMap("a", "2")})
	f.awaitData("my-a", "2")
	t.Logf("from push to applied: %s", time.Since(start))
	f.awaitRevision(gs, second)

	third := f.push(map[string]string{"base/b.yaml": "", "base/kustomization.yaml": "resources: [a.yaml]"})
	f.awaitGone("my-b")
	f.awaitRevision(gs, third)

	other := f.push(map[string]string{"README.md": "nothing that is rendered"})
	asked := f.server.Advertisements() + 2
	f.g.Eventually(f.server.Advertisements).WithTimeout(patience).Should(beAtLeast(asked))
	if status := f.status(gs); status.Revision != third || strings.Contains(status.LastAttemptedRevision, other) {
		t.Errorf("a commit that changes nothing is taken for one that does: %+v", status)
	}
}
