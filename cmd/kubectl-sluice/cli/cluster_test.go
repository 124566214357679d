package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// kubeconfigOfDemo names the namespace demo; nobody connects with it.
const kubeconfigOfDemo = `apiVersion: v1
kind: Config
current-context: fake
contexts: [{name: fake, context: {cluster: fake, user: fake, namespace: demo}}]
clusters: [{name: fake, cluster: {server: "https://192.0.2.1"}}]
users: [{name: fake, user: {}}]
`

// cluster is a fake one in which somebody acts whenever a watch of a list is opened: what is written after that is seen.
type cluster struct {
	client client.WithWatch
	// acts are done one by one, each when a watch has been opened.
	acts     chan func(context.Context, client.WithWatch)
	terminal bool
	out      safeBuffer
	errOut   safeBuffer
	fail     func(verb string, obj any) error
}

func newCluster(t *testing.T, objects ...client.Object) *cluster {
	t.Helper()
	scheme, err := Scheme()
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, []byte(kubeconfigOfDemo), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", kubeconfig)
	byName := func(o client.Object) []string { return []string{o.GetName()} }
	cl := &cluster{acts: make(chan func(context.Context, client.WithWatch), 10), fail: func(string, any) error { return nil }}
	cl.client = fake.NewClientBuilder().
		WithScheme(scheme).
		WithObjects(objects...).
		WithStatusSubresource(&v1alpha1.Rollout{}, &v1alpha1.GitSync{}).
		WithIndex(&v1alpha1.Rollout{}, metav1.ObjectNameField, byName).
		WithIndex(&v1alpha1.GitSync{}, metav1.ObjectNameField, byName).
		WithInterceptorFuncs(interceptor.Funcs{
			Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
				if review, ok := obj.(*authenticationv1.SelfSubjectReview); ok {
					review.Status.UserInfo.Username = "alice"
					return nil
				}
				return c.Create(ctx, obj, opts...)
			},
			List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
				if err := cl.fail("list", list); err != nil {
					return err
				}
				return c.List(ctx, list, opts...)
			},
			Watch: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) (watch.Interface, error) {
				w, err := c.Watch(ctx, list, opts...)
				select {
				case act := <-cl.acts:
					act(ctx, c)
				default:
				}
				return w, err
			},
		}).
		Build()
	return cl
}

// run runs kubectl-sluice in the fake cluster until it ends and returns its exit code.
func (cl *cluster) run(ctx context.Context, args ...string) int {
	return Run(ctx, args, Environment{
		Streams:   genericiooptions.IOStreams{In: &bytes.Buffer{}, Out: &cl.out, ErrOut: &cl.errOut},
		Terminal:  func() (int, int, bool) { return 100, 40, cl.terminal },
		Now:       func() time.Time { return now },
		NewID:     func() string { return "id-1" },
		NewClient: func(*genericclioptions.ConfigFlags) (client.WithWatch, error) { return cl.client, nil },
		Version:   "v0.0.0-test",
	})
}

// change has somebody change the status of demo/web when the next watch is opened.
func (cl *cluster) change(t *testing.T, change func(*v1alpha1.Rollout)) {
	t.Helper()
	cl.acts <- func(ctx context.Context, c client.WithWatch) { changeStatus(ctx, t, c, change) }
}

func changeStatus(ctx context.Context, t *testing.T, c client.Client, change func(*v1alpha1.Rollout)) {
	t.Helper()
	ro := &v1alpha1.Rollout{}
	if err := c.Get(ctx, client.ObjectKey{Namespace: "demo", Name: "web"}, ro); err != nil {
		t.Errorf("read demo/web: %v", err)
		return
	}
	change(ro)
	if err := c.Status().Update(ctx, ro); err != nil {
		t.Errorf("change demo/web: %v", err)
	}
}

// safeBuffer may be written and read at once.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// expect checks the exit code, and that each of the texts was printed.
func (cl *cluster) expect(t *testing.T, code, wantCode int, texts ...string) {
	t.Helper()
	all := cl.out.String() + cl.errOut.String()
	if code != wantCode {
		t.Errorf("exit code %d, want %d; it printed:\n%s", code, wantCode, all)
	}
	for _, text := range texts {
		if !strings.Contains(all, text) {
			t.Errorf("%q was not printed, but:\n%s", text, all)
		}
	}
}
