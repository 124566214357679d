package analysis

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/analysisrun"
)

func TestVerdicts(t *testing.T) {
	prometheus := startPrometheus(t)
	startController(t, analysisrun.Options{PrometheusAddress: prometheus.url()})
	ns := namespace(t)

	noData := func(action v1alpha1.NoDataAction, after string) v1alpha1.Metric {
		m := metric("missing", "no_such_metric", "result[0] > 0", 2)
		m.NoData = &v1alpha1.NoDataPolicy{Action: action, After: new(v1alpha1.Duration(after))}
		return m
	}
	broken := metric("broken", "sum(", "result[0] > 0", 2)
	broken.ConsecutiveErrorLimit = new(intstr.FromInt32(1))
	matrix := metric("matrix", "up[1m]", "result[0] > 0", 2)
	matrix.ConsecutiveErrorLimit = new(intstr.FromInt32(0))
	once := metric("once", "up", "result[0] == 1", 0)
	once.Interval = nil
	refused := metric("refused", "up", "result[0] == 1", 1)
	refused.Provider.Prometheus.Address = prometheus.url()
	refused.ConsecutiveErrorLimit = new(intstr.FromInt32(0))

	tests := map[string]struct {
		metrics []v1alpha1.Metric
		phase   v1alpha1.AnalysisPhase
		message string
	}{
		"a good value is a success": {
			metrics: []v1alpha1.Metric{metric("up", "up", "result[0] == 1", 3)},
			phase:   v1alpha1.AnalysisSuccessful, message: "all metrics are good (measurements: 3)",
		},
		"without an interval there is one measurement": {
			metrics: []v1alpha1.Metric{once},
			phase:   v1alpha1.AnalysisSuccessful, message: "all metrics are good (measurements: 1)",
		},
		"a scalar is one number": {
			metrics: []v1alpha1.Metric{metric("scalar", "scalar(up)", "result >= 1", 1)},
			phase:   v1alpha1.AnalysisSuccessful, message: "all metrics are good (measurements: 1)",
		},
		"a bad value fails and stops the others": {
			metrics: []v1alpha1.Metric{
				metric("up", "up", "result[0] > 1", 5),
				metric("endless", "up", "result[0] == 1", 0),
			},
			phase:   v1alpha1.AnalysisFailed,
			message: `metric "up" Failed: result[0] > 1 is false for [1] (1 failed, 0 borne)`,
		},
		"a query that does not parse is an error, not an outage": {
			metrics: []v1alpha1.Metric{broken},
			phase:   v1alpha1.AnalysisError, message: `metric "broken" Error: the server refuses the query:`,
		},
		"a matrix is refused": {
			metrics: []v1alpha1.Metric{matrix},
			phase:   v1alpha1.AnalysisError, message: "the query gives a range of values (matrix)",
		},
		"a metric may not name the controller's own host": {
			metrics: []v1alpha1.Metric{refused},
			phase:   v1alpha1.AnalysisError, message: "is the controller's own host, which is not asked",
		},
		"0/0 is no verdict": {
			metrics: []v1alpha1.Metric{func() v1alpha1.Metric {
				m := metric("nan", "0 * up / 0", "result[0] >= 0.95", 1)
				m.ConsecutiveErrorLimit = new(intstr.FromInt32(0))
				return m
			}()},
			phase: v1alpha1.AnalysisError, message: "the value is NaN",
		},
		"no data, inconclusive": {
			metrics: []v1alpha1.Metric{noData(v1alpha1.NoDataInconclusive, "2s")},
			phase:   v1alpha1.AnalysisInconclusive, message: "noData.action is inconclusive",
		},
		"no data, wait": {
			metrics: []v1alpha1.Metric{noData(v1alpha1.NoDataWait, "2s")},
			phase:   v1alpha1.AnalysisInconclusive, message: "noData.action is wait",
		},
		"no data, fail": {
			metrics: []v1alpha1.Metric{noData(v1alpha1.NoDataFail, "2s")},
			phase:   v1alpha1.AnalysisFailed, message: "noData.action is fail",
		},
		"no data, pass": {
			metrics: []v1alpha1.Metric{noData(v1alpha1.NoDataPass, "2s")},
			phase:   v1alpha1.AnalysisSuccessful, message: "all metrics are good (measurements: 0)",
		},
		"a condition that does not compile ends the run at once": {
			metrics: []v1alpha1.Metric{metric("old", "up", "all(result, # > 0)", 1)},
			phase:   v1alpha1.AnalysisError, message: "in CEL write: result.all(r, r > 0)",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := create(t, ns, test.metrics...)
			status := awaitEnd(t, run)
			g := NewWithT(t)
			g.Expect(status.Phase).To(Equal(test.phase), status.Message)
			g.Expect(status.Message).To(ContainSubstring(test.message))
			g.Expect(status.ObservedGeneration).To(BeEquivalentTo(1))
			g.Expect(status.CompletedAt).NotTo(BeNil())
			g.Expect(meta.IsStatusConditionFalse(status.Conditions, v1alpha1.ConditionReconciling)).To(BeTrue())
			g.Expect(meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionStalled)).
				To(Equal(test.phase == v1alpha1.AnalysisError))
			g.Eventually(func() []string { return verdictEvents(t, run) }, 10*time.Second, 50*time.Millisecond).
				Should(Equal([]string{"Analysis" + string(test.phase)}))
		})
	}
}

func TestTerminate(t *testing.T) {
	prometheus := startPrometheus(t)
	startController(t, analysisrun.Options{PrometheusAddress: prometheus.url()})
	ns := namespace(t)
	good := create(t, ns, metric("up", "up", "result[0] == 1", 0))
	empty := create(t, ns, metric("missing", "no_such_metric", "result[0] == 1", 0))
	await(t, good, "measured twice", func(s v1alpha1.AnalysisRunStatus) bool {
		return len(s.MetricResults) == 1 && s.MetricResults[0].Successful >= 2
	})
	await(t, empty, "without data", func(s v1alpha1.AnalysisRunStatus) bool {
		return len(s.MetricResults) == 1 && s.MetricResults[0].NoData >= 1
	})
	for run, phase := range map[*v1alpha1.AnalysisRun]v1alpha1.AnalysisPhase{
		good: v1alpha1.AnalysisSuccessful, empty: v1alpha1.AnalysisInconclusive,
	} {
		patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"terminate":true}}`))
		if err := direct.Patch(t.Context(), run, patch); err != nil {
			t.Fatal(err)
		}
		status := awaitEnd(t, run)
		g := NewWithT(t)
		g.Expect(status.Phase).To(Equal(phase), status.Message)
		g.Expect(status.ObservedGeneration).To(BeEquivalentTo(2))
	}
}
