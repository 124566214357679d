package live

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

var forbidden = apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", errors.New("no right"))

func pod(namespace, name, app string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"app": app}}}
}

func names(feed *Feed) []string {
	var out []string
	for _, p := range Objects[*corev1.Pod](feed, 0) {
		out = append(out, p.Namespace+"/"+p.Name)
	}
	return out
}

func silent(t *testing.T) func(error) {
	t.Helper()
	return func(err error) { t.Errorf("trouble: %v", err) }
}

func TestFeedShowsWhatTheQueryAsksFor(t *testing.T) {
	g := NewWithT(t)
	c := fake.NewClientBuilder().WithObjects(pod("b", "two", "web"), pod("a", "two", "web"), pod("a", "one", "web"), pod("a", "three", "api")).Build()
	feed, err := Open(t.Context(), c, silent(t), Query{List: &corev1.PodList{}, Labels: labels.SelectorFromSet(labels.Set{"app": "web"})})
	g.Expect(err).NotTo(HaveOccurred())
	defer feed.Close()
	g.Expect(names(feed)).To(Equal([]string{"a/one", "a/two", "b/two"}))
	// The fake server forgets what happens between a list and its watch: write until it is seen.
	g.Eventually(func() []string {
		_ = c.Create(t.Context(), pod("a", "four", "api"))
		_ = c.Delete(t.Context(), pod("a", "five", "web"))
		_ = c.Create(t.Context(), pod("a", "five", "web"))
		return names(feed)
	}, 10*time.Second).Should(Equal([]string{"a/five", "a/one", "a/two", "b/two"}))
	g.Eventually(feed.Changed()).Should(Receive())
}

// TestFirstErrorIsTold: who may not list is told so at once, unless the feed can do without.
func TestFirstErrorIsTold(t *testing.T) {
	g := NewWithT(t)
	var allowed atomic.Bool
	c := fake.NewClientBuilder().WithObjects(pod("a", "one", "web")).WithInterceptorFuncs(interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if !allowed.Load() {
				return forbidden
			}
			return c.List(ctx, list, opts...)
		},
	}).Build()
	_, err := Open(t.Context(), c, silent(t), Query{List: &corev1.PodList{}})
	g.Expect(apierrors.IsForbidden(err)).To(BeTrue(), "got %v", err)

	feed, err := Open(t.Context(), c, silent(t), Query{List: &corev1.PodList{}, Optional: true})
	g.Expect(err).NotTo(HaveOccurred())
	defer feed.Close()
	g.Expect(feed.Missing(0)).To(MatchError(ContainSubstring("watch pods: ")))
	g.Expect(names(feed)).To(BeEmpty())
	allowed.Store(true)
	g.Eventually(func() error { return feed.Missing(0) }, 20*time.Second).Should(Succeed())
	g.Eventually(func() []string { return names(feed) }).Should(Equal([]string{"a/one"}))
}

// TestLostConnectionIsTakenUpAgain: a watch that fails later is told as trouble, and the feed goes on.
func TestLostConnectionIsTakenUpAgain(t *testing.T) {
	g := NewWithT(t)
	var broken atomic.Bool
	watches := make(chan watch.Interface, 10)
	c := fake.NewClientBuilder().WithObjects(pod("a", "one", "web")).WithInterceptorFuncs(interceptor.Funcs{
		Watch: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) (watch.Interface, error) {
			if broken.Load() {
				return nil, fmt.Errorf("connect: %w", syscall.ECONNREFUSED)
			}
			w, err := c.Watch(ctx, list, opts...)
			watches <- w
			return w, err
		},
	}).Build()
	trouble := make(chan error, 100)
	feed, err := Open(t.Context(), c, func(err error) { trouble <- err }, Query{List: &corev1.PodList{}})
	g.Expect(err).NotTo(HaveOccurred())
	defer feed.Close()
	first := <-watches
	broken.Store(true)
	first.Stop()
	g.Eventually(trouble, 20*time.Second).Should(Receive(MatchError("watch pods: connect: connection refused")))
	broken.Store(false)
	g.Eventually(watches, 20*time.Second).Should(Receive())
	g.Expect(c.Create(t.Context(), pod("a", "two", "web"))).To(Succeed())
	g.Eventually(func() []string { return names(feed) }).Should(Equal([]string{"a/one", "a/two"}))
}

func TestFollowEnds(t *testing.T) {
	g := NewWithT(t)
	c := fake.NewClientBuilder().WithObjects(pod("a", "one", "web")).Build()
	query := Query{List: &corev1.PodList{}, Namespace: "a"}
	over := errors.New("over")

	g.Expect(Follow(t.Context(), c, silent(t), query, func(p *corev1.Pod, exists bool) (bool, error) {
		return exists && p.Name == "one", nil
	})).To(Succeed())
	g.Expect(Follow(t.Context(), c, silent(t), query, func(*corev1.Pod, bool) (bool, error) { return false, over })).To(MatchError(over))
	ctx, cancel := context.WithCancelCause(t.Context())
	g.Expect(Follow(ctx, c, silent(t), query, func(*corev1.Pod, bool) (bool, error) {
		cancel(over)
		return false, nil
	})).To(MatchError(over))
	query.Namespace = "elsewhere"
	g.Expect(Follow(t.Context(), c, silent(t), query, func(p *corev1.Pod, exists bool) (bool, error) {
		return !exists && p == nil, nil
	})).To(Succeed())
}
