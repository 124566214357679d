package analysis

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/analysis/evaluate"
	"github.com/sluicehq/sluice/api/v1alpha1"
)

// answer is a provider that always says the same.
type answer struct {
	reading Reading
	err     error
}

func (a answer) Measure(context.Context, v1alpha1.MetricProvider) (Reading, error) {
	return a.reading, a.err
}

// silent is a provider that never answers.
type silent struct{}

func (silent) Measure(ctx context.Context, _ v1alpha1.MetricProvider) (Reading, error) {
	<-ctx.Done()
	return Reading{}, fmt.Errorf("%w: %w", ErrNoData, ctx.Err())
}

func resolved(t *testing.T, success, failure string) Metric {
	t.Helper()
	raw := changed(query("m", "x", success), func(m *v1alpha1.Metric) { m.FailureCondition = failure })
	metrics, err := Resolve(v1alpha1.AnalysisRunSpec{Metrics: []v1alpha1.Metric{raw}})
	if err != nil {
		t.Fatal(err)
	}
	return metrics[0]
}

func TestMeasure(t *testing.T) {
	value := func(v ...float64) answer { return answer{reading: Reading{Value: v}} }
	tests := map[string]struct {
		success, failure string
		provider         Provider
		phase            evaluate.Phase
		value, message   string
	}{
		"a success":              {"result[0] >= 0.95", "", value(0.97), evaluate.Successful, "[0.97]", ""},
		"a failure":              {"result[0] >= 0.95", "", value(0.9), evaluate.Failed, "[0.9]", "result[0] >= 0.95 is false for [0.9]"},
		"the failure condition":  {"result[0] >= 0.95", "result[0] < 0.5", value(0.4), evaluate.Failed, "[0.4]", "result[0] < 0.5 is true for [0.4]"},
		"failure condition only": {"", "result[0] < 0.5", value(0.4), evaluate.Failed, "[0.4]", "result[0] < 0.5 is true for [0.4]"},
		"inconclusive":           {"result[0] >= 0.95", "result[0] < 0.5", value(0.7), evaluate.Inconclusive, "[0.7]", "neither result[0] >= 0.95 nor result[0] < 0.5 is true for [0.7]"},
		"no condition":           {"", "", value(0.7), evaluate.Successful, "[0.7]", ""},
		"a scalar":               {"result > 1", "", answer{reading: Reading{Value: 2.5}}, evaluate.Successful, "2.5", ""},
		"NaN that is expected":   {"isNaN(result[0])", "", value(math.NaN()), evaluate.Successful, `["NaN"]`, ""},
		"NaN that is not": {
			"result[0] > 1", "", value(math.NaN()), evaluate.Error, `["NaN"]`,
			`condition "result[0] > 1": the value is NaN, which is neither above nor below anything (0/0 in the query: no requests?);` +
				` say what it means with isNaN(result[0]) || (your condition); the value is ["NaN"]`,
		},
		"an error of the second condition": {
			"result[0] > 1", "result[3] > 1", value(5), evaluate.Error, "[5]",
			`condition "result[3] > 1": index out of bounds: 3; the value is [5]`,
		},
		"a note": {
			"result[0] > 1", "",
			answer{reading: Reading{Value: []float64{0}, Note: "partial"}},
			evaluate.Failed, "[0]",
			"result[0] > 1 is false for [0]; the provider says: partial",
		},
		"a note on a success": {
			"result[0] > 1", "",
			answer{reading: Reading{Value: []float64{2}, Note: "partial"}},
			evaluate.Successful, "[2]",
			"the value is [2]; the provider says: partial",
		},
		"no data":    {"result[0] > 1", "", answer{err: fmt.Errorf("%w: connection refused", ErrNoData)}, evaluate.Pending, "", "no data: connection refused"},
		"an error":   {"result[0] > 1", "", answer{err: errors.New("bad\nquery\x00")}, evaluate.Error, "", "bad query"},
		"a long one": {"", "", answer{err: errors.New(strings.Repeat("ä", 2000))}, evaluate.Error, "", strings.Repeat("ä", 510) + "…"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Measure(t.Context(), test.provider, resolved(t, test.success, test.failure), time.Now)
			if err != nil {
				t.Fatal(err)
			}
			if got.Phase != test.phase || got.Value != test.value || got.Message != test.message {
				t.Errorf("got  %s %s %q\nwant %s %s %q", got.Phase, got.Value, got.Message, test.phase, test.value, test.message)
			}
		})
	}
}

func TestAProviderThatHangsHasNoData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, err := Measure(t.Context(), silent{}, resolved(t, "", ""), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		if took := got.Finished.Sub(got.Started); took != 30*time.Second || got.Phase != evaluate.Pending ||
			!strings.HasPrefix(got.Message, "no answer within 30s") {
			t.Errorf("after %s: %s %q", took, got.Phase, got.Message)
		}
	})
}

func TestAMeasurementThatIsGivenUpIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if got, err := Measure(ctx, silent{}, resolved(t, "", ""), time.Now); err == nil {
			t.Errorf("got %+v", got)
		}
	})
}

func TestTimeout(t *testing.T) {
	m := resolved(t, "", "")
	m.Provider.Prometheus.TimeoutSeconds = new(int32(7))
	if got := m.Timeout(); got != 7*time.Second {
		t.Errorf("got %s", got)
	}
}

func TestRender(t *testing.T) {
	tests := map[string]struct {
		value any
		want  string
	}{
		"a number":      {0.5, "0.5"},
		"a list":        {[]float64{1, 0.25}, "[1,0.25]"},
		"not a number":  {math.NaN(), `"NaN"`},
		"infinities":    {[]float64{math.Inf(1), math.Inf(-1)}, `["+Inf","-Inf"]`},
		"nothing":       {nil, "null"},
		"not JSON":      {func() {}, "(json: unsupported type: func())"},
		"a long list":   {make([]float64, 1000), "[" + strings.Repeat("0,", 510) + "…"},
		"a text of two": {strings.Repeat("ä", 600), `"` + strings.Repeat("ä", 510) + "…"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := Render(test.value)
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if len(got) > 1024 {
				t.Errorf("%d bytes", len(got))
			}
		})
	}
}

func TestProviders(t *testing.T) {
	if _, err := (Providers{}).For(query("m", "x", "").Provider); err == nil ||
		err.Error() != `provider "prometheus" is not set up in this controller` {
		t.Errorf("got %v", err)
	}
	if _, err := (Providers{ProviderPrometheus: silent{}}).For(query("m", "x", "").Provider); err != nil {
		t.Error(err)
	}
}
