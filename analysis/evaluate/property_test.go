package evaluate

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var outcomes = []Phase{Successful, Failed, Inconclusive, Error, Pending}

func drawMetric(t *rapid.T, name string) Metric {
	limit := rapid.Int32Range(AnyNumber, 3)
	m := Metric{
		Name:                  name,
		InitialDelay:          time.Duration(rapid.IntRange(0, 90).Draw(t, "delay")) * time.Second,
		Count:                 rapid.Int32Range(Endless, 6).Draw(t, "count"),
		FailureLimit:          limit.Draw(t, "failureLimit"),
		InconclusiveLimit:     limit.Draw(t, "inconclusiveLimit"),
		ConsecutiveErrorLimit: limit.Draw(t, "errorLimit"),
		NoData:                rapid.SampledFrom([]Action{Wait, MakeInconclusive, Fail, Pass}).Draw(t, "noData"),
		NoDataAfter:           time.Duration(rapid.IntRange(0, 120).Draw(t, "after")) * time.Second,
	}
	if m.Count != 1 {
		m.Interval = time.Duration(rapid.IntRange(1, 90).Draw(t, "interval")) * time.Second
	}
	return m
}

// drive plays a run with drawn outcomes, latencies, restarts and clocks, and checks what must hold after every round.
func drive(t *rapid.T) {
	metrics := make([]Metric, rapid.IntRange(1, 3).Draw(t, "metrics"))
	for i := range metrics {
		metrics[i] = drawMetric(t, fmt.Sprintf("m%d", i))
	}
	now := start
	run := Run{Metrics: metrics}.Start(now)
	for range rapid.IntRange(1, 40).Draw(t, "rounds") {
		before := run
		run.Terminate = run.Terminate || rapid.IntRange(0, 30).Draw(t, "terminate") == 0
		for _, index := range run.Due(now) {
			latency := time.Duration(rapid.IntRange(0, 40).Draw(t, "latency")) * time.Second
			run = run.Record(index, Measurement{
				Phase: rapid.SampledFrom(outcomes).Draw(t, "outcome"), Started: now, Finished: now.Add(latency),
			})
			now = now.Add(latency)
		}
		var wake time.Time
		run, wake = run.Conclude(now)
		checkRun(t, before, run, wake)
		if !run.Phase.Completed() && wake.After(now) {
			now = wake
		}
		now = now.Add(time.Duration(rapid.IntRange(-30, 300).Draw(t, "oversleep")) * time.Second)
	}
}

func checkRun(t *rapid.T, before, run Run, wake time.Time) {
	if before.Phase.Completed() {
		before.Terminate = run.Terminate
		if diff := cmp.Diff(before, run); diff != "" {
			t.Fatalf("a completed run changed: %s", diff)
		}
	}
	if run.Phase.Completed() != wake.IsZero() {
		t.Fatalf("phase %s and wake %s", run.Phase, wake)
	}
	if run.Phase.Completed() == run.Completed.IsZero() {
		t.Fatalf("phase %s and completed at %s", run.Phase, run.Completed)
	}
	for i, result := range run.Results {
		checkResult(t, run.Metrics[i], before.Results[i], result)
		if run.Phase.Completed() && !result.Phase.Completed() {
			t.Fatalf("the run is %s and metric %d %s", run.Phase, i, result.Phase)
		}
		if result.Phase.severity() > run.Phase.severity() && run.Phase.Completed() {
			t.Fatalf("the run is %s and metric %d %s", run.Phase, i, result.Phase)
		}
		if (result.Phase == Failed || result.Phase == Error) && !run.Phase.Completed() {
			t.Fatalf("metric %d is %s and the run goes on", i, result.Phase)
		}
	}
}

func checkResult(t *rapid.T, m Metric, before, r Result) {
	switch {
	case r.Phase == Successful && r.Successful == 0 && m.NoData != Pass:
		t.Fatalf("Successful without a successful measurement: %+v", r)
	case r.Count != r.Successful+r.Failed+r.Inconclusive:
		t.Fatalf("count %d is not the sum of %+v", r.Count, r)
	case m.Count != Endless && r.Count > m.Count:
		t.Fatalf("%d of %d measurements", r.Count, m.Count)
	case r.Phase == Failed && !exceeds(r.Failed, m.FailureLimit) && m.NoData != Fail:
		t.Fatalf("Failed within its limits: %+v", r)
	case r.Phase == Error && !exceeds(r.ConsecutiveError, m.ConsecutiveErrorLimit):
		t.Fatalf("Error within its limits: %+v", r)
	case r.ConsecutiveError > r.Error, len(r.Measurements) > KeptMeasurements:
		t.Fatalf("impossible: %+v", r)
	case before.Phase.Completed() && !cmp.Equal(before, r):
		t.Fatalf("a completed metric changed: %s", cmp.Diff(before, r))
	}
}

func TestRunInvariants(t *testing.T) { rapid.Check(t, drive) }

// Counters do not depend on the order of measurements as long as none of them decides.
func TestOrderDoesNotMatterToCounters(t *testing.T) {
	unlimited := Metric{
		Interval: time.Second, FailureLimit: AnyNumber, InconclusiveLimit: AnyNumber, ConsecutiveErrorLimit: AnyNumber, NoData: Wait,
	}
	counters := func(phases []Phase) Result {
		var r Result
		for i, phase := range phases {
			r = Next(unlimited, r, look(phase, time.Duration(i)*time.Second))
		}
		return Result{Count: r.Count, Successful: r.Successful, Failed: r.Failed, Inconclusive: r.Inconclusive, Error: r.Error, NoData: r.NoData}
	}
	rapid.Check(t, func(t *rapid.T) {
		phases := rapid.SliceOfN(rapid.SampledFrom(outcomes), 0, 30).Draw(t, "phases")
		shuffled := rapid.Permutation(slices.Clone(phases)).Draw(t, "shuffled")
		if diff := cmp.Diff(counters(phases), counters(shuffled)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Outages, however long, never move a verdict other than by the policy: with wait and without end the rest of the
// measurements decides as if there had been none.
func TestNoDataIsNoUpdate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMetric(t, "m")
		m.NoData, m.NoDataAfter = Wait, 0
		var with, without Result
		for i, phase := range rapid.SliceOfN(rapid.SampledFrom(outcomes), 0, 30).Draw(t, "phases") {
			s := look(phase, time.Duration(i)*time.Hour)
			with = Next(m, with, s)
			if phase != Pending {
				without = Next(m, without, s)
			}
		}
		if with.Phase != without.Phase && (with.Phase.Completed() || without.Phase.Completed()) {
			t.Fatalf("%s with gaps, %s without", with.Phase, without.Phase)
		}
	})
}

// A due time is in the future of the last measurement, on the grid or a retry, and no later than the next slot.
func TestDueIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMetric(t, "m")
		finished := at(m.InitialDelay + time.Duration(rapid.Int64Range(0, int64(24*time.Hour)).Draw(t, "finished")))
		phase := rapid.SampledFrom(outcomes).Draw(t, "phase")
		r := Result{Phase: Running, Measurements: []Measurement{{Phase: phase, Started: finished, Finished: finished}}}
		due, ok := Due(m, start, r)
		first := at(m.InitialDelay)
		if !ok || !due.After(finished) {
			t.Fatalf("due %s after a measurement at %s", due, finished)
		}
		if wait := due.Sub(finished); m.Interval > 0 && wait > m.Interval || m.Interval == 0 && wait != retryAfter {
			t.Fatalf("waits %s with interval %s", wait, m.Interval)
		}
		if m.Interval > 0 && (phase == Successful || phase == Failed) && due.Sub(first)%m.Interval != 0 {
			t.Fatalf("due %s is off the grid", due.Sub(first))
		}
	})
}
