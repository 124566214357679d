package analysis

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/analysisrun"
)

func measured(atLeast int32) func(v1alpha1.AnalysisRunStatus) bool {
	return func(s v1alpha1.AnalysisRunStatus) bool {
		return len(s.MetricResults) == 1 && s.MetricResults[0].Count >= atLeast
	}
}

func TestPrometheusStopsAndComesBack(t *testing.T) {
	prometheus := startPrometheus(t)
	startController(t, analysisrun.Options{PrometheusAddress: prometheus.url()})
	run := create(t, namespace(t), metric("up", "up", "result[0] == 1", 6))
	await(t, run, "measured twice", measured(2))
	prometheus.stop()
	gap := await(t, run, "without data", func(s v1alpha1.AnalysisRunStatus) bool { return s.MetricResults[0].NoData >= 2 })
	g := NewWithT(t)
	g.Expect(gap.Phase).To(Equal(v1alpha1.AnalysisRunning))
	g.Expect(gap.Message).To(ContainSubstring(`metric "up": no data since`))
	prometheus.start()
	status := awaitEnd(t, run)
	result := status.MetricResults[0]
	g.Expect(status.Phase).To(Equal(v1alpha1.AnalysisSuccessful), status.Message)
	g.Expect([]int32{result.Count, result.Successful, result.Failed, result.Error}).To(Equal([]int32{6, 6, 0, 0}))
	g.Expect(result.NoDataSince).To(BeNil())
}

func TestControllerRestartResumes(t *testing.T) {
	prometheus := startPrometheus(t)
	address, queries := prometheus.counting()
	opts := analysisrun.Options{PrometheusAddress: address}
	stop := startController(t, opts)
	run := create(t, namespace(t), metric("up", "up", "result[0] == 1", 6))
	await(t, run, "measured twice", measured(2))
	stop()
	before := await(t, run, "measured", measured(2))
	startController(t, opts)
	status := awaitEnd(t, run)
	result := status.MetricResults[0]
	g := NewWithT(t)
	g.Expect(status.Phase).To(Equal(v1alpha1.AnalysisSuccessful), status.Message)
	g.Expect([]int32{result.Count, result.Successful, result.NoData}).To(Equal([]int32{6, 6, 0}))
	g.Expect(status.StartedAt.Equal(before.StartedAt)).To(BeTrue())
	kept := before.MetricResults[0].Measurements
	for i := range kept {
		g.Expect(result.Measurements[i].StartedAt.Equal(kept[i].StartedAt)).To(BeTrue(), "measurement %d was made again", i)
	}
	// At most the one that was under way when the controller stopped is asked again.
	g.Expect(queries.Load()).To(BeNumerically("<=", 7))
	for i := 1; i < len(result.Measurements); i++ {
		slot := result.Measurements[i].StartedAt.Sub(status.StartedAt.Time).Truncate(time.Second)
		former := result.Measurements[i-1].StartedAt.Sub(status.StartedAt.Time).Truncate(time.Second)
		g.Expect(slot).To(BeNumerically(">", former), "measurements %d and %d share a slot", i-1, i)
	}
}
