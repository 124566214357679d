package evaluate

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden traces")

// TestTraces plays runs against scripted providers and compares what happened with testdata/*.golden.
func TestTraces(t *testing.T) {
	endless := with(func(m *Metric) { m.Name, m.Count = "endless", Endless })
	quick := with(func(m *Metric) { m.Name, m.Count, m.Interval = "quick", 2, 20*time.Second })
	delayed := with(func(m *Metric) { m.Name, m.Count, m.InitialDelay = "delayed", 1, 90*time.Second })
	patient := with(func(m *Metric) { m.Name, m.Count, m.NoDataAfter = "patient", 3, 0 })
	tests := map[string]struct {
		metrics []Metric
		// scripts give the outcomes of a metric's measurements in their order; the last one is repeated.
		scripts map[string]string
		// terminate ends the run then; 0 means never.
		terminate time.Duration
	}{
		"all-good":                {[]Metric{quick, delayed}, map[string]string{"quick": "S", "delayed": "S"}, 0},
		"one-fails-others-stop":   {[]Metric{quick, endless}, map[string]string{"quick": "SF", "endless": "S"}, 0},
		"failed-before-others":    {[]Metric{quick, delayed}, map[string]string{"quick": "F", "delayed": "S"}, 0},
		"outage-in-the-middle":    {[]Metric{patient}, map[string]string{"patient": "SNNNNNNNNNNNNNNNS"}, 0},
		"outage-for-too-long":     {[]Metric{quick}, map[string]string{"quick": "SN"}, 0},
		"inconclusive-waits":      {[]Metric{quick, delayed, endless}, map[string]string{"quick": "I", "delayed": "S", "endless": "S"}, 0},
		"failure-beats-doubt":     {[]Metric{quick, delayed}, map[string]string{"quick": "I", "delayed": "F"}, 0},
		"errors-then-recovery":    {[]Metric{quick}, map[string]string{"quick": "EEES"}, 0},
		"errors-in-a-row":         {[]Metric{quick}, map[string]string{"quick": "E"}, 0},
		"terminated-in-time":      {[]Metric{endless}, map[string]string{"endless": "S"}, 150 * time.Second},
		"terminated-without-data": {[]Metric{endless}, map[string]string{"endless": "N"}, 15 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := play(t, test.metrics, test.scripts, test.terminate)
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v; run with -update to write it", err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("the trace differs (-update rewrites it):\n%s", diff)
			}
		})
	}
}

var letters = map[byte]Phase{'S': Successful, 'F': Failed, 'I': Inconclusive, 'E': Error, 'N': Pending}

// play runs to the end, always sleeping as long as it is told to.
func play(t *testing.T, metrics []Metric, scripts map[string]string, terminate time.Duration) []byte {
	t.Helper()
	var log bytes.Buffer
	out := bufio.NewWriter(&log)
	now := start
	run := Run{Metrics: metrics}.Start(now)
	asked := map[string]int{}
	for range 200 {
		run.Terminate = terminate > 0 && now.Sub(start) >= terminate
		for _, index := range run.Due(now) {
			name := run.Metrics[index].Name
			script := scripts[name]
			phase := letters[script[min(asked[name], len(script)-1)]]
			asked[name]++
			run = run.Record(index, Measurement{Phase: phase, Message: "scripted", Started: now, Finished: now})
			fmt.Fprintf(out, "%5s %-8s %-12s -> %s: %s\n", now.Sub(start), name, phase, run.Results[index].Phase,
				run.Results[index].Message)
		}
		var wake time.Time
		run, wake = run.Conclude(now)
		if run.Phase.Completed() {
			for i, result := range run.Results {
				fmt.Fprintf(out, "      %-8s %s: %s\n", run.Metrics[i].Name, result.Phase, result.Message)
			}
			fmt.Fprintf(out, "%5s verdict  %s: %s\n", now.Sub(start), run.Phase, run.Message)
			_ = out.Flush()
			return log.Bytes()
		}
		if !wake.After(now) {
			t.Fatalf("asked to wake at %s, which is not after %s", wake.Sub(start), now.Sub(start))
		}
		if terminate > 0 && now.Before(at(terminate)) && wake.After(at(terminate)) {
			wake = at(terminate)
		}
		now = wake
	}
	t.Fatalf("no end:\n%s", strings.TrimSpace(log.String()))
	return nil
}

func TestConcludeLeavesACompletedRunAlone(t *testing.T) {
	run := Run{Metrics: []Metric{standard()}}.Start(start).Record(0, look(Failed, 0))
	first, wake := run.Conclude(at(time.Second))
	if first.Phase != Failed || !wake.IsZero() || !first.Completed.Equal(at(time.Second)) {
		t.Fatalf("got %s at %s, wake %s", first.Phase, first.Completed, wake)
	}
	first.Terminate = true
	second, wake := first.Record(0, look(Successful, time.Minute)).Conclude(at(time.Hour))
	if diff := cmp.Diff(first, second); diff != "" || !wake.IsZero() {
		t.Errorf("changed, wake %s: %s", wake, diff)
	}
}

func TestARunThatIsTerminatedAtOnceMeasuresNothing(t *testing.T) {
	run := Run{Metrics: []Metric{standard()}, Terminate: true}.Start(start)
	if due := run.Due(start); due != nil {
		t.Errorf("due: %v", due)
	}
	run, _ = run.Conclude(start)
	if run.Phase != Inconclusive || run.Message != `metric "m" Inconclusive: terminated; there was no successful measurement before` {
		t.Errorf("got %s %q", run.Phase, run.Message)
	}
}

func TestAClockThatGoesBackAdvancesNothing(t *testing.T) {
	run := Run{Metrics: []Metric{standard()}}.Start(start).Record(0, look(Successful, 0))
	if due := run.Due(at(-time.Hour)); due != nil {
		t.Errorf("due: %v", due)
	}
	run, wake := run.Conclude(at(-time.Hour))
	if run.Phase != Running || !wake.Equal(at(time.Minute)) {
		t.Errorf("got %s, wake %s", run.Phase, wake.Sub(start))
	}
}
