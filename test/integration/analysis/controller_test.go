package analysis

import (
	"context"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/analysisrun"
)

// startController runs the controller until the test ends or stop is called.
func startController(t *testing.T, opts analysisrun.Options) (stop func()) {
	t.Helper()
	manager, err := ctrl.NewManager(cluster, ctrlOptions())
	if err != nil {
		t.Fatal(err)
	}
	if err := analysisrun.Setup(manager, opts); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- manager.Start(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the manager ended with: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func namespace(t *testing.T) string {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "analysis-"}}
	if err := direct.Create(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	return ns.Name
}

// metric is a metric that is measured every second.
func metric(name, query, success string, count int32) v1alpha1.Metric {
	m := v1alpha1.Metric{
		Name: name, SuccessCondition: success, Interval: new(v1alpha1.Duration("1s")),
		Provider: v1alpha1.MetricProvider{Prometheus: &v1alpha1.PrometheusMetric{Query: query}},
	}
	if count > 0 {
		m.Count = new(intstr.FromInt32(count))
	}
	return m
}

func create(t *testing.T, namespace string, metrics ...v1alpha1.Metric) *v1alpha1.AnalysisRun {
	t.Helper()
	run := &v1alpha1.AnalysisRun{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "run-", Namespace: namespace},
		Spec:       v1alpha1.AnalysisRunSpec{Metrics: metrics},
	}
	if err := direct.Create(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	return run
}

// await reads a run until it is as wanted.
func await(t *testing.T, run *v1alpha1.AnalysisRun, what string, want func(v1alpha1.AnalysisRunStatus) bool) v1alpha1.AnalysisRunStatus {
	t.Helper()
	fresh := &v1alpha1.AnalysisRun{}
	NewWithT(t).Eventually(func() error {
		if err := direct.Get(t.Context(), client.ObjectKeyFromObject(run), fresh); err != nil {
			return err
		}
		if !want(fresh.Status) {
			return fmt.Errorf("not yet %s: %s %q %+v", what, fresh.Status.Phase, fresh.Status.Message, fresh.Status.MetricResults)
		}
		return nil
	}, 60*time.Second, 50*time.Millisecond).Should(Succeed())
	return fresh.Status
}

func awaitEnd(t *testing.T, run *v1alpha1.AnalysisRun) v1alpha1.AnalysisRunStatus {
	t.Helper()
	return await(t, run, "completed", func(s v1alpha1.AnalysisRunStatus) bool { return s.Phase.Completed() })
}

// verdictEvents are the reasons of the events about the end of a run.
func verdictEvents(t *testing.T, run *v1alpha1.AnalysisRun) []string {
	t.Helper()
	list := &eventsv1.EventList{}
	if err := direct.List(t.Context(), list, client.InNamespace(run.Namespace)); err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for _, event := range list.Items {
		if event.Regarding.UID == run.UID && event.Reason != "NoData" {
			reasons = append(reasons, event.Reason)
		}
	}
	return reasons
}
