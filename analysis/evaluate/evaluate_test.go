package evaluate

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var start = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// at is a time after the start.
func at(d time.Duration) time.Time { return start.Add(d) }

// look is a measurement that took no time.
func look(phase Phase, after time.Duration) Measurement {
	return Measurement{Phase: phase, Message: "because", Started: at(after), Finished: at(after)}
}

// standard is a metric with five measurements, one a minute, that bears nothing.
func standard() Metric {
	return Metric{Name: "m", Interval: time.Minute, Count: 5, ConsecutiveErrorLimit: 4, NoData: Wait, NoDataAfter: 5 * time.Minute}
}

// with changes a standard metric.
func with(change func(*Metric)) Metric {
	m := standard()
	change(&m)
	return m
}

func TestJudge(t *testing.T) {
	yes, no := new(true), new(false)
	tests := map[string]struct {
		success, failure *bool
		want             Phase
	}{
		"no condition":                     {nil, nil, Successful},
		"success condition true":           {yes, nil, Successful},
		"success condition false":          {no, nil, Failed},
		"failure condition true":           {nil, yes, Failed},
		"failure condition false":          {nil, no, Successful},
		"both true: failure wins":          {yes, yes, Failed},
		"only success of two":              {yes, no, Successful},
		"only failure of two":              {no, yes, Failed},
		"neither of two can be said to be": {no, no, Inconclusive},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Judge(test.success, test.failure); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestNext(t *testing.T) {
	tests := map[string]struct {
		metric Metric
		// phases of measurements, one a minute
		phases  []Phase
		want    Phase
		message string
	}{
		"count reached":                     {standard(), []Phase{Successful, Successful, Successful, Successful, Successful}, Successful, "5 of 5 measurements successful"},
		"count not reached":                 {standard(), []Phase{Successful, Successful}, Running, "2 of 5 measured"},
		"the first failure":                 {standard(), []Phase{Successful, Failed}, Failed, "because (1 failed, 0 borne)"},
		"a failure within the limit":        {with(func(m *Metric) { m.FailureLimit = 1 }), []Phase{Failed, Successful}, Running, "2 of 5 measured"},
		"a failure beyond the limit":        {with(func(m *Metric) { m.FailureLimit = 1 }), []Phase{Failed, Successful, Failed}, Failed, "because (2 failed, 1 borne)"},
		"failures without limit":            {with(func(m *Metric) { m.FailureLimit = AnyNumber }), []Phase{Failed, Failed, Successful, Failed, Failed}, Successful, "1 of 5 measurements successful"},
		"nothing but failures":              {with(func(m *Metric) { m.FailureLimit = AnyNumber; m.Count = 2 }), []Phase{Failed, Failed}, Inconclusive, "none of 2 measurements was successful"},
		"the first inconclusive":            {standard(), []Phase{Inconclusive}, Inconclusive, "because (1 inconclusive, 0 borne)"},
		"inconclusive within the limit":     {with(func(m *Metric) { m.InconclusiveLimit = 2 }), []Phase{Inconclusive, Inconclusive}, Running, "because"},
		"inconclusive without limit":        {with(func(m *Metric) { m.InconclusiveLimit = AnyNumber; m.Count = 2 }), []Phase{Inconclusive, Successful}, Successful, "1 of 2 measurements successful"},
		"errors do not count":               {with(func(m *Metric) { m.Count = 2 }), []Phase{Error, Successful, Error, Error}, Running, "because"},
		"errors in a row":                   {standard(), []Phase{Error, Error, Error, Error, Error}, Error, "because (5 errors in a row, 4 borne)"},
		"a value ends a row of errors":      {standard(), []Phase{Error, Error, Error, Error, Successful, Error}, Running, "because"},
		"no data does not end a row":        {standard(), []Phase{Error, Error, Error, Error, Pending, Error}, Error, "because (5 errors in a row, 4 borne)"},
		"errors without limit":              {with(func(m *Metric) { m.ConsecutiveErrorLimit = AnyNumber }), []Phase{Error, Error, Error, Error, Error, Error}, Running, "because"},
		"no data does not count":            {with(func(m *Metric) { m.Count = 2 }), []Phase{Successful, Pending, Pending}, Running, "no data since 2026-09-01T12:01:00Z: because"},
		"no data for too long: wait":        {standard(), []Phase{Pending, Pending, Pending, Pending, Pending, Pending}, Inconclusive, "no data for 5m0s since 2026-09-01T12:00:00Z, noData.action is wait: because"},
		"no data for too long: fail":        {with(func(m *Metric) { m.NoData = Fail; m.NoDataAfter = time.Minute }), []Phase{Pending, Pending}, Failed, "no data for 1m0s since 2026-09-01T12:00:00Z, noData.action is fail: because"},
		"no data for too long: pass":        {with(func(m *Metric) { m.NoData = Pass; m.NoDataAfter = time.Minute }), []Phase{Pending, Pending}, Successful, "no data for 1m0s since 2026-09-01T12:00:00Z, noData.action is pass: because"},
		"no data at all: inconclusive":      {with(func(m *Metric) { m.NoData = MakeInconclusive; m.NoDataAfter = 0 }), []Phase{Pending}, Inconclusive, "no data for 0s since 2026-09-01T12:00:00Z, noData.action is inconclusive: because"},
		"no data, waiting for ever":         {with(func(m *Metric) { m.NoDataAfter = 0 }), []Phase{Pending, Pending, Pending, Pending, Pending, Pending, Pending, Pending}, Running, "no data since 2026-09-01T12:00:00Z: because"},
		"data ends a gap":                   {standard(), []Phase{Pending, Pending, Pending, Pending, Pending, Successful, Pending}, Running, "no data since 2026-09-01T12:06:00Z: because"},
		"a completed result does not move":  {standard(), []Phase{Failed, Successful, Successful, Successful, Successful, Successful}, Failed, "because (1 failed, 0 borne)"},
		"an endless metric has no success":  {with(func(m *Metric) { m.Count = Endless }), []Phase{Successful, Successful, Successful, Successful, Successful, Successful}, Running, "6 of 6 measurements successful so far"},
		"an endless metric fails":           {with(func(m *Metric) { m.Count = Endless }), []Phase{Successful, Failed}, Failed, "because (1 failed, 0 borne)"},
		"a single measurement":              {Metric{Count: 1, NoData: Wait}, []Phase{Successful}, Successful, "1 of 1 measurements successful"},
		"a gap at the end of good measures": {with(func(m *Metric) { m.Count = 2; m.NoData = Fail; m.NoDataAfter = time.Minute }), []Phase{Successful, Pending, Pending}, Failed, "no data for 1m0s since 2026-09-01T12:01:00Z, noData.action is fail: because"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var result Result
			for i, phase := range test.phases {
				result = Next(test.metric, result, look(phase, time.Duration(i)*time.Minute))
			}
			if result.Phase != test.want || result.Message != test.message {
				t.Errorf("got %s %q, want %s %q", result.Phase, result.Message, test.want, test.message)
			}
		})
	}
}

func TestNextKeepsTheLastMeasurementsAndItsArguments(t *testing.T) {
	m := with(func(m *Metric) { m.Count = Endless })
	var result Result
	for i := range 25 {
		before := result
		kept := append([]Measurement(nil), before.Measurements...)
		result = Next(m, before, look(Successful, time.Duration(i)*time.Minute))
		if diff := cmp.Diff(kept, before.Measurements, cmp.Transformer("empty", func(m []Measurement) int { return len(m) })); diff != "" {
			t.Fatalf("the argument was changed: %s", diff)
		}
	}
	if len(result.Measurements) != KeptMeasurements || !result.Measurements[0].Started.Equal(at(15*time.Minute)) ||
		result.Count != 25 {
		t.Errorf("got %d measurements from %s, count %d", len(result.Measurements), result.Measurements[0].Started, result.Count)
	}
}

func TestAGapDoesNotCountTimeInWhichNobodyLooked(t *testing.T) {
	m := with(func(m *Metric) { m.NoData = Fail })
	result := Next(m, Result{}, look(Pending, 0))
	result = Next(m, result, look(Pending, 10*time.Minute))
	if result.Phase != Running || !result.NoDataSince.Equal(at(10*time.Minute)) {
		t.Errorf("after ten blind minutes: %s %q", result.Phase, result.Message)
	}
	for i := 1; i <= 5; i++ {
		result = Next(m, result, look(Pending, time.Duration(10+i)*time.Minute))
	}
	if result.Phase != Failed {
		t.Errorf("after five watched minutes: %s %q", result.Phase, result.Message)
	}
}

func TestDue(t *testing.T) {
	slow := Measurement{Phase: Successful, Started: at(time.Minute), Finished: at(time.Minute + 150*time.Second)}
	tests := map[string]struct {
		metric Metric
		last   *Measurement
		want   time.Duration
	}{
		"the first at once":                       {standard(), nil, 0},
		"the first after its delay":               {with(func(m *Metric) { m.InitialDelay = 30 * time.Second }), nil, 30 * time.Second},
		"the second":                              {standard(), new(look(Successful, 0)), time.Minute},
		"lateness does not add up":                {standard(), new(look(Successful, 59*time.Second)), time.Minute},
		"the grid begins after the delay":         {with(func(m *Metric) { m.InitialDelay = 30 * time.Second }), new(look(Failed, 31*time.Second)), 90 * time.Second},
		"missed slots are left out":               {standard(), new(look(Successful, 10*time.Minute+time.Second)), 11 * time.Minute},
		"a slot that passed while asking":         {standard(), &slow, 4 * time.Minute},
		"exactly on the grid":                     {standard(), new(look(Successful, 2*time.Minute)), 3 * time.Minute},
		"no data is asked for again soon":         {standard(), new(look(Pending, 0)), 10 * time.Second},
		"an error too":                            {standard(), new(look(Error, 0)), 10 * time.Second},
		"but no later than the grid says":         {standard(), new(look(Pending, 55*time.Second)), time.Minute},
		"nor later than a short interval":         {with(func(m *Metric) { m.Interval = time.Second }), new(look(Pending, 0)), time.Second},
		"no data without an interval":             {Metric{Count: 1}, new(look(Pending, 3*time.Second)), 13 * time.Second},
		"a measurement before the clock was set":  {standard(), new(look(Successful, -time.Hour)), 0},
		"inconclusive measurements keep the pace": {standard(), new(look(Inconclusive, 0)), time.Minute},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			result := Result{Phase: Running}
			if test.last != nil {
				result.Measurements = []Measurement{*test.last}
			}
			got, ok := Due(test.metric, start, result)
			if !ok || !got.Equal(at(test.want)) {
				t.Errorf("got %s (%v), want %s", got.Sub(start), ok, test.want)
			}
		})
	}
	if _, ok := Due(standard(), start, Result{Phase: Failed}); ok {
		t.Error("a completed metric is due")
	}
}

func TestEnd(t *testing.T) {
	tests := map[string]struct {
		result Result
		want   Result
	}{
		"nothing measured":     {Result{Phase: Pending}, Result{Phase: Inconclusive, Message: "terminated; there was no successful measurement before"}},
		"nothing successful":   {Result{Phase: Running, Count: 2, Failed: 2}, Result{Phase: Inconclusive, Message: "terminated; there was no successful measurement before", Count: 2, Failed: 2}},
		"something successful": {Result{Phase: Running, Count: 3, Successful: 2}, Result{Phase: Successful, Message: "terminated; 2 of 3 measurements were successful before", Count: 3, Successful: 2}},
		"completed":            {Result{Phase: Failed, Message: "x"}, Result{Phase: Failed, Message: "x"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, End(test.result, "terminated")); diff != "" {
				t.Error(diff)
			}
		})
	}
}
