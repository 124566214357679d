package analysisrun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/sluicehq/sluice/analysis"
	"github.com/sluicehq/sluice/api/v1alpha1"
)

var start = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// scripted is a provider that answers each query by its own script: one letter for each time it is asked, the last one
// repeated. S is 1, F is 0, N is no data and E an error.
type scripted struct {
	mu      sync.Mutex
	scripts map[string]string
	asked   map[string]int
	// before is called before each answer.
	before func()
}

func (s *scripted) Measure(_ context.Context, m v1alpha1.MetricProvider) (analysis.Reading, error) {
	if s.before != nil {
		s.before()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	query := m.Prometheus.Query
	script := s.scripts[query]
	letter := script[min(s.asked[query], len(script)-1)]
	s.asked[query]++
	switch letter {
	case 'S':
		return analysis.Reading{Value: []float64{1}}, nil
	case 'F':
		return analysis.Reading{Value: []float64{0}}, nil
	case 'N':
		return analysis.Reading{}, fmt.Errorf("%w: scripted", analysis.ErrNoData)
	}
	return analysis.Reading{}, errors.New("scripted error")
}

// world is a reconciler with a fake API server, a clock and a provider that the test sets.
type world struct {
	t        *testing.T
	client   client.Client
	clock    *clocktesting.FakePassiveClock
	provider *scripted
	recorder *events.FakeRecorder
	registry *prometheus.Registry
	writes   int
	// onWrite may replace a write of status by an error.
	onWrite func() error
	*Reconciler
}

func newWorld(t *testing.T, scripts map[string]string, runs ...*v1alpha1.AnalysisRun) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, clock: clocktesting.NewFakePassiveClock(start), recorder: events.NewFakeRecorder(100),
		provider: &scripted{scripts: scripts, asked: map[string]int{}}, registry: prometheus.NewRegistry(),
	}
	builder := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1alpha1.AnalysisRun{})
	for _, run := range runs {
		builder = builder.WithObjects(run)
	}
	w.client = builder.WithInterceptorFuncs(interceptor.Funcs{
		SubResourceApply: func(ctx context.Context, c client.Client, sub string, obj runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
			w.writes++
			if w.onWrite != nil {
				if err := w.onWrite(); err != nil {
					return err
				}
			}
			return c.SubResource(sub).Apply(ctx, obj, opts...)
		},
	}).Build()
	counters, err := newCounters(w.registry)
	if err != nil {
		t.Fatal(err)
	}
	w.Reconciler = &Reconciler{
		client: w.client, providers: analysis.Providers{analysis.ProviderPrometheus: w.provider}, clock: w.clock,
		recorder: w.recorder, counters: counters, bulkhead: newBulkhead(share),
	}
	return w
}

func newRun(metrics ...v1alpha1.Metric) *v1alpha1.AnalysisRun {
	return &v1alpha1.AnalysisRun{
		ObjectMeta: metav1.ObjectMeta{Name: "run", Namespace: "shop", UID: "1", Generation: 1},
		Spec:       v1alpha1.AnalysisRunSpec{Metrics: metrics},
	}
}

// minutely is a metric of that name and query, measured once a minute.
func minutely(name string, count int32) v1alpha1.Metric {
	m := v1alpha1.Metric{
		Name: name, Interval: new(v1alpha1.Duration("1m")), SuccessCondition: "result[0] == 1",
		Provider: v1alpha1.MetricProvider{Prometheus: &v1alpha1.PrometheusMetric{Query: name}},
	}
	if count > 0 {
		m.Count = new(intstr.FromInt32(count))
	}
	return m
}

func request() ctrl.Request {
	return ctrl.Request{NamespacedName: client.ObjectKey{Namespace: "shop", Name: "run"}}
}

// round reconciles once.
func (w *world) round() time.Duration {
	w.t.Helper()
	result, err := w.Reconcile(w.t.Context(), request())
	if err != nil {
		w.t.Fatal(err)
	}
	return result.RequeueAfter
}

// play reconciles, always sleeping as long as it is told to, until there is nothing more to do.
func (w *world) play() *v1alpha1.AnalysisRun {
	w.t.Helper()
	for range 100 {
		wait := w.round()
		if wait == 0 {
			return w.run()
		}
		w.clock.SetTime(w.clock.Now().Add(wait))
	}
	w.t.Fatalf("no end: %+v", w.run().Status)
	return nil
}

func (w *world) run() *v1alpha1.AnalysisRun {
	w.t.Helper()
	run := &v1alpha1.AnalysisRun{}
	if err := w.client.Get(w.t.Context(), request().NamespacedName, run); err != nil {
		w.t.Fatal(err)
	}
	return run
}

func (w *world) events() []string {
	close(w.recorder.Events)
	return slices.Collect(func(yield func(string) bool) {
		for event := range w.recorder.Events {
			if !yield(event) {
				return
			}
		}
	})
}

func TestASuccess(t *testing.T) {
	w := newWorld(t, map[string]string{"up": "S"}, newRun(minutely("up", 3)))
	run := w.play()
	status := run.Status
	if status.Phase != v1alpha1.AnalysisSuccessful || status.Message != "all metrics are good (measurements: 3)" {
		t.Errorf("got %s %q", status.Phase, status.Message)
	}
	if got := status.CompletedAt.Sub(status.StartedAt.Time).Round(time.Second); got != 2*time.Minute {
		t.Errorf("three measurements a minute apart took %s", got)
	}
	result := status.MetricResults[0]
	if result.Count != 3 || len(result.Measurements) != 3 || result.Measurements[0].Value != "[1]" || result.Query != "up" {
		t.Errorf("got %+v", result)
	}
	if w.writes != 4 { // The start, and one for each measurement.
		t.Errorf("%d writes", w.writes)
	}
	if got, want := w.events(), []string{"Normal AnalysisSuccessful all metrics are good (measurements: 3)"}; !slices.Equal(got, want) {
		t.Errorf("events: %q", got)
	}
	got := w.counts()
	want := map[string]float64{
		"sluice_analysis_measurements_total phase=successful provider=prometheus": 3,
		"sluice_analysis_runs_completed_total phase=successful":                   1,
	}
	if !maps.Equal(got, want) {
		t.Errorf("counters: %v", got)
	}
}

// counts are the counters by their names and labels.
func (w *world) counts() map[string]float64 {
	w.t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			parts := []string{family.GetName()}
			for _, label := range metric.GetLabel() {
				parts = append(parts, label.GetName()+"="+label.GetValue())
			}
			name := strings.Join(parts, " ")
			if metric.GetCounter() != nil {
				out[name] = metric.GetCounter().GetValue()
			}
		}
	}
	return out
}

func TestACompletedRunIsLeftAlone(t *testing.T) {
	w := newWorld(t, map[string]string{"up": "F"}, newRun(minutely("up", 3)))
	before := w.play()
	writes, asked := w.writes, w.provider.asked["up"]
	w.clock.SetTime(start.Add(time.Hour))
	if wait := w.round(); wait != 0 || w.writes != writes || w.provider.asked["up"] != asked {
		t.Errorf("wait %s, writes %d to %d, asked %d to %d", wait, writes, w.writes, asked, w.provider.asked["up"])
	}
	// A change of the spec after the verdict is seen and changes nothing.
	before.Spec.Terminate = true
	before.Generation = 2
	if err := w.client.Update(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	w.round()
	if got := w.run().Status; got.ObservedGeneration != 2 || got.Phase != v1alpha1.AnalysisFailed ||
		!got.CompletedAt.Equal(before.Status.CompletedAt) || w.provider.asked["up"] != asked {
		t.Errorf("got %+v", got)
	}
	if got := w.events(); len(got) != 1 {
		t.Errorf("events: %q", got)
	}
}

func TestAFailureEndsTheRunAtOnce(t *testing.T) {
	w := newWorld(t, map[string]string{"good": "S", "bad": "SF"}, newRun(minutely("good", 0), minutely("bad", 5)))
	status := w.play().Status
	if want := `metric "bad" Failed: result[0] == 1 is false for [0] (1 failed, 0 borne)`; status.Message != want {
		t.Errorf("got %q", status.Message)
	}
	if meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionReconciling) ||
		meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionStalled) {
		t.Errorf("conditions: %+v", status.Conditions)
	}
	if got := w.events(); len(got) != 1 || !strings.HasPrefix(got[0], "Warning AnalysisFailed metric \"bad\"") {
		t.Errorf("events: %q", got)
	}
}

func TestAnOutageIsToldOnceAndIsNoVerdict(t *testing.T) {
	w := newWorld(t, map[string]string{"up": "SNNNNS"}, newRun(minutely("up", 3)))
	status := w.play().Status
	if status.Phase != v1alpha1.AnalysisSuccessful || status.MetricResults[0].NoData != 4 || status.MetricResults[0].Count != 3 {
		t.Errorf("got %+v", status)
	}
	got := w.events()
	want := []string{
		`Warning NoData metric "up": no data since 2026-09-01T12:01:00Z: no data: scripted`,
		"Normal AnalysisSuccessful all metrics are good (measurements: 3)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("events: %q", got)
	}
}

func TestAnInvalidRunIsAnErrorAtOnce(t *testing.T) {
	m := minutely("up", 3)
	m.SuccessCondition = "result[0] > {{args.limit}}"
	w := newWorld(t, map[string]string{"up": "S"}, newRun(m))
	status := w.play().Status
	if status.Phase != v1alpha1.AnalysisError || !strings.Contains(status.Message, `argument "limit" has no value`) ||
		!meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionStalled) || w.provider.asked["up"] != 0 {
		t.Errorf("got %+v", status)
	}
}

func TestATerminatedRunMeasuresNoMore(t *testing.T) {
	run := newRun(minutely("up", 0))
	run.Spec.Terminate = true
	w := newWorld(t, map[string]string{"up": "S"}, run)
	status := w.play().Status
	if status.Phase != v1alpha1.AnalysisInconclusive || w.provider.asked["up"] != 0 || status.StartedAt == nil {
		t.Errorf("got %+v", status)
	}
}

// A round that began from a stale copy is dropped: its measurement is neither counted nor told.
func TestAStaleRoundIsDropped(t *testing.T) {
	w := newWorld(t, map[string]string{"up": "F"}, newRun(minutely("up", 3)))
	w.clock.SetTime(w.clock.Now().Add(w.round()))
	w.provider.before = func() {
		w.provider.before = nil
		run := w.run()
		run.Labels = map[string]string{"changed": "meanwhile"}
		if err := w.client.Update(t.Context(), run); err != nil {
			t.Error(err)
		}
	}
	if wait := w.round(); wait != staleAfter {
		t.Errorf("wait %s", wait)
	}
	if got := w.run().Status; got.Phase != v1alpha1.AnalysisRunning || got.MetricResults[0].Count != 0 || len(w.recorder.Events) != 0 {
		t.Errorf("got %+v and %d events", got, len(w.recorder.Events))
	}
	if got := w.play().Status; got.Phase != v1alpha1.AnalysisFailed || got.MetricResults[0].Count != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestARunThatIsDeletedMeanwhile(t *testing.T) {
	w := newWorld(t, map[string]string{"up": "S"}, newRun(minutely("up", 3)))
	w.clock.SetTime(w.clock.Now().Add(w.round()))
	w.provider.before = func() {
		w.provider.before = nil
		if err := w.client.Delete(t.Context(), w.run()); err != nil {
			t.Error(err)
		}
	}
	w.round()
	if wait := w.round(); wait != 0 || w.provider.asked["up"] != 1 {
		t.Errorf("wait %s, asked %d", wait, w.provider.asked["up"])
	}
}

func TestAWriteThatFailsIsTriedAgain(t *testing.T) {
	w := newWorld(t, map[string]string{"up": "S"}, newRun(minutely("up", 1)))
	w.onWrite = func() error { return errors.New("the API server is away") }
	_, err := w.Reconcile(t.Context(), request())
	if err == nil || !strings.Contains(err.Error(), "writing the status of AnalysisRun shop/run: the API server is away") {
		t.Errorf("got %v", err)
	}
	w.onWrite = nil
	if got := w.play().Status; got.Phase != v1alpha1.AnalysisSuccessful || got.MetricResults[0].Count != 1 {
		t.Errorf("got %+v", got)
	}
}

// A controller that stops in the middle of a measurement leaves no trace of it.
func TestAStopInMidMeasurement(t *testing.T) {
	w := newWorld(t, map[string]string{"up": "N"}, newRun(minutely("up", 1)))
	w.clock.SetTime(w.clock.Now().Add(w.round()))
	ctx, cancel := context.WithCancel(t.Context())
	w.provider.before = cancel
	if _, err := w.Reconcile(ctx, request()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := w.run().Status.MetricResults[0]; got.NoData != 0 || w.writes != 1 {
		t.Errorf("got %+v after %d writes", got, w.writes)
	}
}

// Each round may be the last one of its controller: another one goes on exactly as the first would have.
func TestRestartsChangeNothing(t *testing.T) {
	scripts := map[string]string{"a": "SSNNSSSE", "b": "SNESS"}
	steady := newWorld(t, scripts, newRun(minutely("a", 5), minutely("b", 3)))
	want := steady.play().Status
	restarted := newWorld(t, scripts, newRun(minutely("a", 5), minutely("b", 3)))
	for range 100 {
		wait := restarted.round()
		if wait == 0 {
			break
		}
		restarted.clock.SetTime(restarted.clock.Now().Add(wait))
		next := *restarted.Reconciler
		restarted.Reconciler = &next
		restarted.round() // The first look of a new controller finds nothing to do before the time.
	}
	got := restarted.run().Status
	if len(got.MetricResults) != len(want.MetricResults) || got.Phase != want.Phase || got.Message != want.Message {
		t.Fatalf("got %+v, want %+v", got, want)
	}
	for i := range want.MetricResults {
		g, h := got.MetricResults[i], want.MetricResults[i]
		if g.Count != h.Count || g.NoData != h.NoData || g.Error != h.Error || len(g.Measurements) != len(h.Measurements) {
			t.Errorf("got %+v, want %+v", g, h)
		}
	}
}

func TestANamespaceHoldsNoMoreThanItsShare(t *testing.T) {
	b := newBulkhead(8)
	for i, want := range []bool{true, true, false} {
		if b.enter("a") != want {
			t.Errorf("a namespace's entry %d: want %t: its share is a quarter of eight", i+1, want)
		}
	}
	if !b.enter("b") {
		t.Error("another namespace is kept out")
	}
	b.leave("a")
	if !b.enter("a") {
		t.Error("a place that was given back is not free")
	}
	b.leave("a")
	b.leave("a")
	b.leave("b")
	if len(b.held) != 0 {
		t.Errorf("still held: %v", b.held)
	}

	w := newWorld(t, map[string]string{"up": "S"}, newRun(minutely("up", 1)))
	w.clock.SetTime(w.clock.Now().Add(w.round()))
	w.bulkhead.enter("shop")
	if wait := w.round(); wait != crowdedAfter || w.provider.asked["up"] != 0 {
		t.Errorf("wait %s, asked %d", wait, w.provider.asked["up"])
	}
}

func TestCountersAreSharedByTheManagersOfAProcess(t *testing.T) {
	registry := prometheus.NewRegistry()
	first, err := newCounters(registry)
	if err != nil {
		t.Fatal(err)
	}
	second, err := newCounters(registry)
	if err != nil || first.runs != second.runs {
		t.Errorf("got %v", err)
	}
}

// A run of many metrics that all say much stays small enough to be written, and loses none of its counters.
func TestAStatusIsBounded(t *testing.T) {
	var status v1alpha1.AnalysisRunStatus
	for i := range 50 {
		result := v1alpha1.MetricResult{Name: strconv.Itoa(i), Count: 10, Query: strings.Repeat("q", 16<<10)}
		for range 10 {
			result.Measurements = append(result.Measurements, v1alpha1.Measurement{
				Phase: v1alpha1.AnalysisFailed, Value: strings.Repeat("ä", 512), Message: strings.Repeat("m", 1024),
			})
		}
		status.MetricResults = append(status.MetricResults, result)
	}
	bounded, err := bound(status)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(bounded)
	if err != nil || len(raw) > maxStatus {
		t.Errorf("%d bytes, %v", len(raw), err)
	}
	last := bounded.MetricResults[49]
	if last.Count != 10 || len(last.Measurements) != 10 || last.Measurements[9].Value != strings.Repeat("ä", 64) {
		t.Errorf("got %+v", last)
	}
	small := v1alpha1.AnalysisRunStatus{MetricResults: status.MetricResults[:1]}
	if got, err := bound(small); err != nil || !equality.Semantic.DeepEqual(got, small) {
		t.Errorf("a small status was changed: %v", err)
	}
}
