package adoption

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/test/integration/playing"
)

// limited lets a number of writes through, and then none.
type limited struct {
	mu     sync.Mutex
	left   int
	refuse bool
	// last is the last write that went through.
	last string
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// writes says whether a request changes anything that matters.
func writes(r *http.Request) bool {
	return r.Method != http.MethodGet && !strings.Contains(r.URL.RawQuery, "dryRun") && !strings.Contains(r.URL.Path, "/events")
}

func (l *limited) config() *rest.Config {
	config := rest.CopyConfig(cluster.Controller)
	config.WrapTransport = func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if writes(r) && !l.pass(r) {
				return nil, errors.New("the process has ended")
			}
			return next.RoundTrip(r)
		})
	}
	return config
}

func (l *limited) pass(r *http.Request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left == 0 {
		l.refuse = true
		return false
	}
	l.left--
	l.last = r.Method + " " + r.URL.Path
	return true
}

func (l *limited) ended() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refuse
}

// The controller may end after any of its writes: another one goes on, and no pod is lost by it.
func TestCrashWhileAdopting(t *testing.T) {
	const most = 14
	for n := range most + 1 {
		t.Run(fmt.Sprintf("after %d writes", n), func(t *testing.T) {
			w := newWorld(t)
			w.Stop()
			w.running("app:0")
			w.Apply(deploymentOf("app:1"))
			w.settled(3)
			before := w.pods()
			limit := &limited{left: n}
			w.StartAs(limit.config())
			w.Apply(rolloutOf("app:1", adopt, ""))
			healthy := func() bool {
				ro := w.Rollout()
				return ro.Status.Phase == v1alpha1.RolloutHealthy && ro.Status.ObservedGeneration == ro.Generation
			}
			w.Eventually(func() bool { return limit.ended() || healthy() }, patience, pace).Should(gomega.BeTrue())
			if n == most && limit.ended() {
				t.Errorf("an adoption takes more than %d writes, so that not all of them are tried", most)
			}
			w.Stop()
			t.Logf("ended: %v, after %s", limit.ended(), limit.last)
			w.StartAs(cluster.Controller)
			ro := w.UntilHealthy()
			w.adopted(before, ro, "web-"+playing.HashOf("app:1"))
			w.samePods(before)
			if old := w.set("web-" + playing.HashOf("app:0")); !metav1.IsControlledBy(old, ro) || old.Labels[v1alpha1.LabelPodTemplateHash] == "" {
				t.Errorf("the Deployment's history was lost: %+v", old.ObjectMeta)
			}
			if *ro.Spec.Replicas != 3 || ro.Status.CurrentRevision != ro.Status.StableRevision {
				t.Errorf("replicas %d, current %s, stable %s", *ro.Spec.Replicas, ro.Status.CurrentRevision, ro.Status.StableRevision)
			}
		})
	}
}
