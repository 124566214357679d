package routing

import (
	"strings"
	"testing"

	"github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/trafficrouting"
	"github.com/sluicehq/sluice/trafficrouting/gatewayapi"
)

func TestProblems(t *testing.T) {
	for name, tc := range map[string]struct {
		prepare func(w *world)
		reason  string
		says    string
	}{
		"missing": {func(*world) {}, trafficrouting.ReasonRouteNotFound, "does not exist"},
		"not accepted": {func(w *world) {
			w.mustApply("team", simple)
		}, trafficrouting.ReasonNotAccepted, "no gateway has accepted"},
		"refused": {func(w *world) {
			w.mustApply("team", simple)
			w.report("edge", "False", "True")
		}, trafficrouting.ReasonNotAccepted, "Because: said so"},
		"another gateway's": {func(w *world) {
			w.mustApply("team", simple)
			w.report("other", "True", "True")
		}, trafficrouting.ReasonNotAccepted, "edge"},
		"unresolved": {func(w *world) {
			w.mustApply("team", simple)
			w.report("edge", "True", "False")
		}, trafficrouting.ReasonRefsNotResolved, "Because: said so"},
		"not our Service": {func(w *world) {
			w.mustApply("team", "- backendRefs: [{name: other, port: 80}]")
			w.accept()
		}, trafficrouting.ReasonNoStableBackend, "web-stable"},
		"switched off": {func(w *world) {
			w.mustApply("team", "- backendRefs: [{name: web-stable, port: 80, weight: 0}, {name: other, port: 80}]")
			w.accept()
		}, trafficrouting.ReasonNoTraffic, "weight 0"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.T = t
			tc.prepare(w)
			seen := w.observe()
			if seen.ProblemReason != tc.reason || !strings.Contains(seen.Problem, tc.says) || seen.Original != "" {
				t.Errorf("want %s with %q, got %+v", tc.reason, tc.says, seen)
			}
		})
	}
}

func TestAcknowledgement(t *testing.T) {
	w := newWorld(t)
	w.mustApply("team", simple)
	w.accept()
	if seen := w.observe(); !seen.Acknowledged || seen.Waiting != "" {
		t.Errorf("at rest: %+v", seen)
	}
	w.begin()
	w.setWeight(20)
	if seen := w.observe(); seen.Acknowledged || !strings.Contains(seen.Waiting, "has not looked at generation") {
		t.Errorf("just written: %+v", seen)
	}
	w.accept()
	if seen := w.observe(); !seen.Acknowledged {
		t.Errorf("looked at: %+v", seen)
	}
	w.report("edge", "True", "False")
	if seen := w.observe(); seen.Acknowledged || seen.Problem != "" || !strings.Contains(seen.Waiting, "said so") {
		t.Errorf("what cannot be resolved in mid-release is waited for: %+v", seen)
	}
	w.report("edge", "False", "True")
	if seen := w.observe(); seen.Acknowledged || seen.Problem != "" || !strings.Contains(seen.Waiting, "does not accept") {
		t.Errorf("a refusal in mid-release is waited for: %+v", seen)
	}
	// Our own marks are no change of the spec.
	w.accept()
	w.setWeight(0)
	w.accept()
	generation := w.live().GetGeneration()
	w.restore()
	if got := w.live().GetGeneration(); got > generation+1 {
		t.Errorf("restoring took %d generations", got-generation)
	}
}

func TestRefusedWrites(t *testing.T) {
	w := newWorld(t)
	w.mustApply("team", simple)
	w.accept()
	if _, err := w.router.SetWeight(t.Context(), w.target, nil, 20); err == nil || !strings.Contains(err.Error(), "recorded") {
		t.Errorf("a weight without a record: %v", err)
	}
	w.begin()
	if _, err := w.router.SetWeight(t.Context(), w.target, w.target.Originals, 101); err == nil {
		t.Error("101 %% was written")
	}
	// One route that is gone does not keep the others from being written.
	w.target.Routes = append([]trafficrouting.RouteRef{{Kind: "HTTPRoute", Namespace: w.namespace, Name: "gone"}}, w.target.Routes...)
	w.target.Originals["gone"] = w.target.Originals["web"]
	written, err := w.router.SetWeight(t.Context(), w.target, w.target.Originals, 20)
	if err == nil || !strings.Contains(err.Error(), "/gone") || written["web"] == "" {
		t.Errorf("got %v, %v", written, err)
	}
	if written, err = w.router.Restore(t.Context(), w.target, w.target.Originals); err != nil || written["web"] == "" {
		t.Errorf("restoring: %v, %v", written, err)
	}
}

// A cache shows the route with its managed fields, once it has caught up.
func TestObserveThroughACache(t *testing.T) {
	g := gomega.NewWithT(t)
	w := newWorld(t)
	w.mustApply("team", simple)
	w.accept()
	w.begin()
	informers, err := cache.New(cluster, cache.Options{Scheme: direct.Scheme(), DefaultNamespaces: map[string]cache.Config{w.namespace: {}}})
	g.Expect(err).NotTo(gomega.HaveOccurred())
	go func() { _ = informers.Start(t.Context()) }()
	g.Expect(informers.WaitForCacheSync(t.Context())).To(gomega.BeTrue())
	if _, err := informers.GetInformer(t.Context(), gatewayapi.NewRoute(w.kind)); err != nil {
		t.Fatal(err)
	}
	written, err := w.router.SetWeight(t.Context(), w.target, w.target.Originals, 20)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Eventually(func() (string, error) {
		routes, err := w.router.Observe(t.Context(), client.Reader(informers), w.target)
		if err != nil {
			return "", err
		}
		return routes[0].ResourceVersion, nil
	}).Should(gomega.Equal(written["web"]))
}
