// Package gitsync_test runs the GitSync controller against a real API server and a real Git server, with the rights
// that its markers ask for and no others.
package gitsync_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/test/gitserver"
)

const (
	// patience is how long a test waits for what should take about a second.
	patience = 30 * time.Second
	pollTime = 50 * time.Millisecond
)

var (
	// admin may do everything; cluster is the API server's configuration for it.
	admin   client.Client
	cluster *rest.Config
	scheme  = runtime.NewScheme()
	// controller is what is tested; requests are those that it makes of the API server.
	controller *process
	requests   = &recorder{}
)

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// run runs the tests with an API server and a controller.
func run(m *testing.M) (int, error) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		return 1, errors.New("KUBEBUILDER_ASSETS is not set: it must name a folder with etcd and kube-apiserver " +
			"(make assets prints one)")
	}
	ctrl.SetLogger(logr.Discard())
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	gateway, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api").Output()
	if err != nil {
		return 1, fmt.Errorf("the folder of sigs.k8s.io/gateway-api: %w", err)
	}
	environment := &envtest.Environment{
		CRDDirectoryPaths: []string{
			filepath.Join("..", "..", "..", "config", "crd"),
			filepath.Join(strings.TrimSpace(string(gateway)), "config", "crd", "standard"),
		},
		ErrorIfCRDPathMissing: true,
	}
	cluster, err = environment.Start()
	if err != nil {
		return 1, fmt.Errorf("starting the API server: %w", err)
	}
	defer func() { _ = environment.Stop() }()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return 1, err
		}
	}
	if admin, err = client.New(cluster, client.Options{Scheme: scheme}); err != nil {
		return 1, err
	}
	restricted, err := controllerConfig(ctx, environment)
	if err != nil {
		return 1, err
	}
	dir, err := os.MkdirTemp("", "clones-")
	if err != nil {
		return 1, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	restricted.WrapTransport = func(next http.RoundTripper) http.RoundTripper { return requests.wrap(next) }
	controller = &process{ctx: ctx, config: restricted, dir: dir}
	if err := controller.start(); err != nil {
		return 1, err
	}
	code := m.Run()
	return code, controller.stop()
}

// controllerConfig makes a user with exactly the rights that the controller's markers ask for. The right to impersonate
// service accounts is a role of its own, which each fixture binds in its namespace.
func controllerConfig(ctx context.Context, environment *envtest.Environment) (*rest.Config, error) {
	source, err := os.ReadFile(filepath.Join("..", "..", "..", "controllers", "gitsync", "setup.go"))
	if err != nil {
		return nil, err
	}
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "controller"}}
	marker := regexp.MustCompile(`// \+kubebuilder:rbac:groups=(\S*),resources=(\S+),verbs=(\S+)`)
	for _, m := range marker.FindAllStringSubmatch(string(source), -1) {
		role.Rules = append(role.Rules, rbacv1.PolicyRule{
			APIGroups: strings.Split(strings.Trim(m[1], `"`), ";"), Resources: strings.Split(m[2], ";"),
			Verbs: strings.Split(m[3], ";"),
		})
	}
	impersonator := &rbacv1.ClusterRole{}
	shipped, err := os.ReadFile(filepath.Join("..", "..", "..", "config", "rbac", "cluster", "impersonator_role.yaml"))
	if err != nil {
		return nil, err
	}
	if err := yaml.Unmarshal(shipped, impersonator); err != nil {
		return nil, err
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "controller"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, Name: "controller"}},
	}
	for _, object := range []client.Object{role, binding, impersonator} {
		if err := admin.Create(ctx, object); err != nil {
			return nil, err
		}
	}
	user, err := environment.AddUser(envtest.User{Name: "controller"}, nil)
	if err != nil {
		return nil, err
	}
	return user.Config(), nil
}

// fixture is a namespace with a service account that may do everything in it, and a repository.
type fixture struct {
	t         *testing.T
	g         *gomega.WithT
	namespace string
	server    *gitserver.Server
	listener  *httptest.Server
	worktree  *gitserver.Worktree
	url       string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	if t.Name() != "TestIdle" {
		t.Parallel()
	}
	f := &fixture{t: t, g: gomega.NewWithT(t)}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "sync-"}}
	f.must(admin.Create(t.Context(), namespace))
	f.namespace = namespace.Name
	f.must(admin.Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "sluice-impersonator"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "sluice-impersonator"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, Name: "controller"}},
	}))
	f.account("deployer", rbacv1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}})
	f.serve()
	return f
}

// serve starts a Git server with one repository and clones it.
func (f *fixture) serve() {
	f.t.Helper()
	var err error
	f.server, err = gitserver.New(f.t.Context(), gitserver.Options{Root: f.t.TempDir()})
	f.must(err)
	f.must(f.server.CreateRepository(f.t.Context(), "app"))
	f.listener = httptest.NewServer(f.server)
	f.t.Cleanup(func() { f.listener.Close() })
	f.url = f.listener.URL + "/app.git"
	f.worktree, err = gitserver.Clone(f.t.Context(), f.url, filepath.Join(f.t.TempDir(), "work"))
	f.must(err)
}

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// account makes a service account with these rights in the namespace.
func (f *fixture) account(name string, rules ...rbacv1.PolicyRule) {
	f.t.Helper()
	meta := metav1.ObjectMeta{Namespace: f.namespace, Name: name}
	for _, object := range []client.Object{
		&corev1.ServiceAccount{ObjectMeta: meta},
		&rbacv1.Role{ObjectMeta: meta, Rules: rules},
		&rbacv1.RoleBinding{
			ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: f.namespace, Name: name}},
		},
	} {
		f.must(admin.Create(f.t.Context(), object))
	}
}

// push commits files; an empty text removes one. It returns the commit.
func (f *fixture) push(files map[string]string) string {
	f.t.Helper()
	content := map[string][]byte{}
	for name, text := range files {
		content[name] = []byte(text)
		if text == "" {
			content[name] = nil
		}
	}
	commit, err := f.worktree.Push(f.t.Context(), "change", content)
	f.must(err)
	return commit
}

// sync makes a GitSync of the folder "app" that does all by itself, after change.
func (f *fixture) sync(change func(*v1alpha1.GitSync)) *v1alpha1.GitSync {
	f.t.Helper()
	gs := &v1alpha1.GitSync{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "app"},
		Spec: v1alpha1.GitSyncSpec{
			Source:             v1alpha1.GitSource{RepoURL: f.url, Path: "app"},
			ServiceAccountName: "deployer",
			Interval:           new(v1alpha1.Duration("1s")),
			SyncPolicy:         &v1alpha1.SyncPolicy{Automated: &v1alpha1.AutomatedSync{Prune: true, SelfHeal: true}},
		},
	}
	if change != nil {
		change(gs)
	}
	f.must(admin.Create(f.t.Context(), gs))
	f.t.Cleanup(func() { f.remove(gs) })
	return gs
}

// remove deletes a GitSync and waits until it is gone.
func (f *fixture) remove(gs *v1alpha1.GitSync) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := admin.Delete(ctx, gs); client.IgnoreNotFound(err) != nil {
		f.t.Error(err)
	}
	f.g.Eventually(func() error {
		return admin.Get(ctx, client.ObjectKeyFromObject(gs), &v1alpha1.GitSync{})
	}).WithTimeout(patience).WithPolling(pollTime).ShouldNot(gomega.Succeed())
}

// change updates a GitSync.
func (f *fixture) change(gs *v1alpha1.GitSync, change func(*v1alpha1.GitSync)) {
	f.t.Helper()
	f.eventually(func() error {
		latest := &v1alpha1.GitSync{}
		if err := admin.Get(f.t.Context(), client.ObjectKeyFromObject(gs), latest); err != nil {
			return err
		}
		change(latest)
		return admin.Update(f.t.Context(), latest)
	})
}

func (f *fixture) eventually(check func() error) {
	f.t.Helper()
	f.g.Eventually(check).WithContext(f.t.Context()).WithTimeout(patience).WithPolling(pollTime).Should(gomega.Succeed())
}

// status reads the status of a GitSync.
func (f *fixture) status(gs *v1alpha1.GitSync) v1alpha1.GitSyncStatus {
	f.t.Helper()
	latest := &v1alpha1.GitSync{}
	f.must(admin.Get(f.t.Context(), client.ObjectKeyFromObject(gs), latest))
	return latest.Status
}

// await waits until a condition has a status and a reason, and returns its message.
func (f *fixture) await(gs *v1alpha1.GitSync, kind string, want metav1.ConditionStatus, reason string) string {
	f.t.Helper()
	message := ""
	f.eventually(func() error {
		status := f.status(gs)
		c := meta.FindStatusCondition(status.Conditions, kind)
		if c == nil || c.Status != want || (reason != "" && c.Reason != reason) {
			return fmt.Errorf("%s is %+v, want %s %s", kind, c, want, reason)
		}
		message = c.Message
		return nil
	})
	return message
}

// awaitRevision waits until a commit is applied.
func (f *fixture) awaitRevision(gs *v1alpha1.GitSync, commit string) {
	f.t.Helper()
	f.eventually(func() error {
		if got := f.status(gs); got.Revision != commit {
			return fmt.Errorf("revision is %q, want %q; %+v", got.Revision, commit, got.Conditions)
		}
		return nil
	})
}

// data returns a ConfigMap's value for the key "v", or an error.
func (f *fixture) data(name string) (string, error) {
	found := &corev1.ConfigMap{}
	err := admin.Get(f.t.Context(), client.ObjectKey{Namespace: f.namespace, Name: name}, found)
	return found.Data["v"], err
}

func (f *fixture) awaitData(name, want string) {
	f.t.Helper()
	f.eventually(func() error {
		if got, err := f.data(name); err != nil || got != want {
			return fmt.Errorf("ConfigMap %s holds %q, want %q (%w)", name, got, want, err)
		}
		return nil
	})
}

func (f *fixture) awaitGone(name string) {
	f.t.Helper()
	f.eventually(func() error {
		if _, err := f.data(name); client.IgnoreNotFound(err) != nil || err == nil {
			return fmt.Errorf("ConfigMap %s is still there (%w)", name, err)
		}
		return nil
	})
}

// configMap is a manifest.
func configMap(name, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {v: %q}\n", name, value)
}
