package adoption

import (
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/gitsync"
	"github.com/sluicehq/sluice/test/gitserver"
	"github.com/sluicehq/sluice/test/integration/apiserver"
	"github.com/sluicehq/sluice/test/integration/playing"
)

// repository is a Git repository, and a GitSync of its folder "app" that does all by itself.
func (w *world) repository() *gitserver.Worktree {
	w.Helper()
	everything := []rbacv1.PolicyRule{{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}}
	names := metav1.ObjectMeta{Namespace: w.Namespace, Name: "deployer"}
	for _, object := range []client.Object{
		&corev1.ServiceAccount{ObjectMeta: names},
		&rbacv1.Role{ObjectMeta: names, Rules: everything},
		&rbacv1.RoleBinding{
			ObjectMeta: names, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "deployer"},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: w.Namespace, Name: "deployer"}},
		},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "sluice-impersonator"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: apiserver.ImpersonatorRole},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, Name: apiserver.ControllerName}},
		},
	} {
		w.Expect(direct.Create(w.Context(), object)).To(gomega.Succeed())
	}
	server, err := gitserver.New(w.Context(), gitserver.Options{Root: w.TempDir()})
	w.Expect(err).NotTo(gomega.HaveOccurred())
	w.Expect(server.CreateRepository(w.Context(), "app")).To(gomega.Succeed())
	listener := httptest.NewServer(server)
	w.Cleanup(listener.Close)
	worktree, err := gitserver.Clone(w.Context(), listener.URL+"/app.git", filepath.Join(w.TempDir(), "work"))
	w.Expect(err).NotTo(gomega.HaveOccurred())
	w.Expect(direct.Create(w.Context(), &v1alpha1.GitSync{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "app"},
		Spec: v1alpha1.GitSyncSpec{
			Source:             v1alpha1.GitSource{RepoURL: listener.URL + "/app.git", Path: "app"},
			ServiceAccountName: "deployer", Interval: new(v1alpha1.Duration("1s")),
			SyncPolicy: &v1alpha1.SyncPolicy{Automated: &v1alpha1.AutomatedSync{Prune: true, SelfHeal: true}},
		},
	})).To(gomega.Succeed())
	return worktree
}

func (w *world) push(tree *gitserver.Worktree, files map[string]string) string {
	w.Helper()
	content := map[string][]byte{}
	for name, text := range files {
		content["app/"+name] = []byte(text)
	}
	commit, err := tree.Push(w.Context(), "change", content)
	w.Expect(err).NotTo(gomega.HaveOccurred())
	return commit
}

// untilSynced waits until a commit is applied and healthy, with a message.
func (w *world) untilSynced(commit, text string) {
	w.Helper()
	gs := &v1alpha1.GitSync{}
	w.Eventually(func() error {
		w.Get(gs, "app")
		c := meta.FindStatusCondition(gs.Status.Conditions, v1alpha1.ConditionReady)
		if gs.Status.Revision != commit || c == nil || c.Status != metav1.ConditionTrue || !strings.Contains(c.Message, text) {
			return fmt.Errorf("GitSync is at %s: %+v", gs.Status.Revision, gs.Status.Conditions)
		}
		return nil
	}, patience, pace).Should(gomega.Succeed())
}

// One commit replaces the Deployment by a Rollout: the pods stay, and the GitSync and the Rollout do not fight.
func TestAdoptFromGit(t *testing.T) {
	w := newWorld(t)
	w.Stop()
	w.StartAs(cluster.Controller, func(mgr ctrl.Manager) error {
		return gitsync.Setup(mgr, gitsync.Options{CacheDir: t.TempDir()})
	})
	tree := w.repository()
	first := w.push(tree, map[string]string{"web.yaml": deploymentOf("app:1"), "network.yaml": network})
	w.untilSynced(first, "") // which waits until the Deployment has its pods
	w.settled(3)
	before := w.pods()

	second := w.push(tree, map[string]string{"web.yaml": rolloutOf("app:1", adopt, "")})
	w.untilSynced(second, "")
	ro := w.UntilHealthy()
	w.adopted(before, ro, "web-"+playing.HashOf("app:1"))
	w.samePods(before)
	if got := ro.Annotations[v1alpha1.AnnotationCommit]; got != second {
		t.Errorf("the Rollout has commit %q, want %q", got, second)
	}
	// The Rollout's size is not Git's, and healing leaves it.
	w.Patch(&v1alpha1.Rollout{}, "web", `{"spec":{"replicas":4}}`)
	w.UntilHealthy()
	w.Eventually(func() int { return len(w.pods()) }, patience, pace).Should(gomega.Equal(4))

	third := w.push(tree, map[string]string{"web.yaml": rolloutOf("app:2", adopt, "")})
	paused := w.untilPaused()
	if paused.Annotations[v1alpha1.AnnotationCommit] != third || *paused.Spec.Replicas != 4 {
		t.Errorf("commit %q with %d replicas", paused.Annotations[v1alpha1.AnnotationCommit], *paused.Spec.Replicas)
	}
	w.adopted(before, paused, "web-"+playing.HashOf("app:1"))
}
