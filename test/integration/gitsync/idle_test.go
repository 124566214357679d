package gitsync_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// TestIdle: with nothing to do the controller asks the Git server alone, once for all GitSyncs of a repository, and
// after a restart it writes nothing. It runs by itself, before the tests that run side by side.
func TestIdle(t *testing.T) {
	f := newFixture(t)
	f.push(good)
	one := f.sync(nil)
	f.await(one, v1alpha1.ConditionReady, metav1.ConditionTrue, "")
	polls := func(n int64) {
		t.Helper()
		after := f.server.Advertisements() + n
		f.g.Eventually(f.server.Advertisements).WithTimeout(patience).WithPolling(pollTime).Should(beAtLeast(after))
	}
	polls(2)
	before := requests.count()
	polls(3)
	if made := requests.since(before); len(made) > 0 {
		t.Errorf("requests while idle: %q", made)
	}
	version := f.versions(one)

	f.push(map[string]string{"README.md": "nothing that is rendered"})
	before = requests.count()
	polls(3)
	if made := requests.since(before); len(made) > 0 {
		t.Errorf("requests for a commit that changes nothing: %q", made)
	}

	f.must(controller.stop())
	f.must(controller.start())
	polls(3)
	if after := f.versions(one); after != version {
		t.Errorf("a restart has written: %v, before %v", after, version)
	}
	f.push(map[string]string{"app/a.yaml": configMap("a", "2")})
	f.awaitData("a", "2")
}

// versions are the resourceVersions of a GitSync, of what it applied, and of its inventory.
func (f *fixture) versions(gs *v1alpha1.GitSync) [4]string {
	f.t.Helper()
	latest := &v1alpha1.GitSync{}
	f.must(admin.Get(f.t.Context(), client.ObjectKeyFromObject(gs), latest))
	versions := [4]string{latest.ResourceVersion}
	for i, name := range []string{"a", "b", "app-inventory-0"} {
		found := &corev1.ConfigMap{}
		f.must(admin.Get(f.t.Context(), client.ObjectKey{Namespace: f.namespace, Name: name}, found))
		versions[i+1] = found.ResourceVersion
	}
	return versions
}
