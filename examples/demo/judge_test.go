package main

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	sluicev1alpha1 "github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/test/load"
)

var epoch = time.Unix(1_700_000_000, 0)

func at(seconds float64) time.Time { return epoch.Add(time.Duration(seconds * float64(time.Second))) }

// step is a moment at which the revision's weight was asked for, with what gateways may serve.
func step(seconds float64, revision string, asked, low, high int32) moment {
	return moment{at: at(seconds), status: sluicev1alpha1.RolloutStatus{Release: &sluicev1alpha1.ReleaseStatus{
		Revision: revision, Weights: &sluicev1alpha1.ReleaseWeights{Asked: asked, Low: low, High: high},
	}}}
}

// goodRelease is a release that settles at each weight for some seconds.
func goodRelease() *history {
	h := &history{}
	for _, m := range []moment{
		{at: at(0)},
		step(1, "new", 20, 0, 20), step(6, "new", 20, 20, 20), step(8, "new", 20, 20, 20), step(10, "new", 50, 20, 50),
		step(15, "new", 50, 50, 50), step(20, "new", 100, 50, 100), step(25, "", 100, 100, 100), step(30, "", 0, 0, 100),
	} {
		if m.at.Equal(at(25)) { // the commit of the promotion
			m.status.StableRevision, m.status.Release.SwitchingFrom = "new", "old"
		}
		h.addMoment(m)
	}
	return h
}

// answers gives 100 answers a second for 40 s, with the new version's share by the time.
func answers(share func(second int) int) []load.Record {
	var records []load.Record
	for i := range 4000 {
		version := "v1"
		if i%100 < share(i/100) {
			version = "v2"
		}
		due := epoch.Add(time.Duration(i) * 10 * time.Millisecond)
		records = append(records, load.Record{Due: due, Done: due, Version: version, Code: 200})
	}
	return records
}

// honest is the share of a gateway that needs up to four seconds for a change.
func honest(second int) int {
	switch {
	case second < 4:
		return 0
	case second < 13:
		return 20
	case second < 23:
		return 50
	}
	return 100
}

func goodStats() load.Stats {
	return load.Stats{Done: true, Sent: 10_500, Answered: 10_500, Codes: map[string]map[string]int{
		"v1": {"200": 4000}, "v2": {"200": 6000}, "v3": {"200": 350, "500": 150},
	}}
}

func TestAGoodReleaseIsJudgedGood(t *testing.T) {
	t.Parallel()
	shares := observe(goodRelease(), "new", "v2", answers(honest))
	if err := judge(goodStats(), 10_000, shares); err != nil {
		t.Errorf("%v (shares %v)", err, shares)
	}
	if got := shares[0].total; got != 400 {
		t.Errorf("20 %% was settled from second 6 to 10, but %d answers were looked at", got)
	}
}

func TestEachFaultIsNamed(t *testing.T) {
	t.Parallel()
	shares := observe(goodRelease(), "new", "v2", answers(honest))
	for want, spoil := range map[string]func(*load.Stats){
		"requests were lost":               func(s *load.Stats) { s.Lost, s.Causes = 1, []string{"GET: EOF"} },
		"could not be sent":                func(s *load.Stats) { s.Unsent = 1 },
		"still open":                       func(s *load.Stats) { s.Done = false },
		"fewer than 10000":                 func(s *load.Stats) { s.Sent = 9999 },
		"v2 answered 1 requests":           func(s *load.Stats) { s.Codes["v2"]["503"] = 1 },
		"v3 answered no request":           func(s *load.Stats) { delete(s.Codes["v3"], "500") },
		"1 requests were lost:\n  GET: EO": func(s *load.Stats) { s.Lost, s.Causes = 1, []string{"GET: EOF"} },
	} {
		stats := goodStats()
		spoil(&stats)
		if err := judge(stats, 10_000, shares); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	for name, share := range map[string]func(int) int{
		"a gateway that serves 40 for 20": func(second int) int {
			if s := honest(second); s != 20 {
				return s
			}
			return 40
		},
		"one old answer at 100": func(second int) int {
			if second == 27 {
				return 99
			}
			return honest(second)
		},
	} {
		err := judge(goodStats(), 10_000, observe(goodRelease(), "new", "v2", answers(share)))
		if err == nil || !strings.Contains(err.Error(), "on the wire is not") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := judge(goodStats(), 10_000, observe(&history{}, "new", "v2", answers(honest))); err == nil {
		t.Error("weights that were never settled were accepted")
	}
}

func TestTimesFromTheHistory(t *testing.T) {
	t.Parallel()
	h := &history{}
	h.addPod(at(1), "old")
	h.addPod(at(3), "new")
	h.addPod(at(5), "new")
	h.addPod(at(5), "")
	if took, ok := h.podsAfter(at(1), "new"); !ok || took != 2*time.Second {
		t.Errorf("pods after %v, %v", took, ok)
	}
	if _, ok := h.podsAfter(at(1), "other"); ok {
		t.Error("pods of a revision that has none")
	}

	h.addRoute(at(0), map[string]int32{"app": 1})
	h.addRoute(at(4), map[string]int32{"app": 80, canaryService: 20})
	h.addRun(judged{at: at(6), name: "good", phase: sluicev1alpha1.AnalysisFailed})
	h.addRoute(at(7), map[string]int32{"app": 1})
	h.addRoute(at(10), map[string]int32{"app": 80, canaryService: 20})
	if !h.addRun(judged{at: at(11), name: "bad", phase: sluicev1alpha1.AnalysisRunning}) {
		t.Error("a new run is news")
	}
	if h.addRun(judged{at: at(11.5), name: "bad", phase: sluicev1alpha1.AnalysisRunning}) {
		t.Error("an unchanged run is no news")
	}
	if _, ok := h.rollbackAfterVerdict(at(8), canaryService); ok {
		t.Error("rolled back before a verdict")
	}
	h.addRun(judged{at: at(12), name: "bad", phase: sluicev1alpha1.AnalysisFailed})
	h.addRoute(at(12.3), map[string]int32{"app": 1, canaryService: 0})
	if took, ok := h.rollbackAfterVerdict(at(8), canaryService); !ok || took != 300*time.Millisecond {
		t.Errorf("rolled back %v after the verdict, %v", took, ok)
	}
}

func TestPromotedAndRejected(t *testing.T) {
	t.Parallel()
	m := moment{commit: "abc", current: true, status: sluicev1alpha1.RolloutStatus{
		Phase: sluicev1alpha1.RolloutHealthy, CurrentRevision: "new", StableRevision: "new",
	}}
	if !m.promoted("abc") || m.promoted("abd") {
		t.Error("promoted is about the commit")
	}
	m.current = false
	if m.promoted("abc") {
		t.Error("an old status says nothing about a new spec")
	}
	m.current = true
	m.status.Rejected = []sluicev1alpha1.RejectedRevision{{Revision: "other", At: metav1.NewMicroTime(at(0))}}
	if _, ok := m.rejection("abc"); ok {
		t.Error("another revision was rejected")
	}
	m.status.Rejected[0].Revision = "new"
	if _, ok := m.rejection("abc"); !ok {
		t.Error("the revision was rejected")
	}
}

func TestLeftInRoute(t *testing.T) {
	t.Parallel()
	backend := func(name string, weight *int32) gatewayv1.HTTPBackendRef {
		return gatewayv1.HTTPBackendRef{BackendRef: gatewayv1.BackendRef{
			BackendObjectReference: gatewayv1.BackendObjectReference{Name: gatewayv1.ObjectName(name)}, Weight: weight,
		}}
	}
	route := func(backends ...gatewayv1.HTTPBackendRef) *gatewayv1.HTTPRoute {
		return &gatewayv1.HTTPRoute{Spec: gatewayv1.HTTPRouteSpec{Rules: []gatewayv1.HTTPRouteRule{{BackendRefs: backends}}}}
	}
	marked := route(backend(appName, nil))
	marked.Annotations = map[string]string{"weight.sluice.dev/app": "0"}
	owned := route(backend(appName, nil))
	owned.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "sluice-gitsync"}, {Manager: "sluice-controller"}}
	for want, route := range map[string]*gatewayv1.HTTPRoute{
		"":           route(backend(appName, new(int32(1)))),
		"annotation": marked,
		"app-canary": route(backend(appName, nil), backend(canaryService, new(int32(0)))),
		"with a wei": route(backend(appName, new(int32(100)))),
		"owned by":   owned,
	} {
		if got := leftInRoute(route); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("got %q, want %q in it", got, want)
		}
	}
}
