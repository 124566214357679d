package analysis

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluicehq/sluice/analysis/evaluate"
	"github.com/sluicehq/sluice/api/v1alpha1"
)

func TestResolve(t *testing.T) {
	standard := evaluate.Metric{Name: "m", Count: 1, ConsecutiveErrorLimit: 4, NoData: evaluate.Wait, NoDataAfter: 5 * time.Minute}
	with := func(change func(*evaluate.Metric)) evaluate.Metric {
		m := standard
		change(&m)
		return m
	}
	second := new(v1alpha1.Duration("30s"))
	tests := map[string]struct {
		change func(*v1alpha1.Metric)
		want   evaluate.Metric
	}{
		"nothing said":         {func(*v1alpha1.Metric) {}, standard},
		"an interval alone":    {func(m *v1alpha1.Metric) { m.Interval = second }, with(func(m *evaluate.Metric) { m.Count, m.Interval = evaluate.Endless, 30*time.Second })},
		"interval and count":   {func(m *v1alpha1.Metric) { m.Interval, m.Count = second, new(intstr.FromInt32(5)) }, with(func(m *evaluate.Metric) { m.Count, m.Interval = 5, 30*time.Second })},
		"numbers as arguments": {func(m *v1alpha1.Metric) { m.Interval, m.Count = second, new(intstr.FromString("{{args.five}}")) }, with(func(m *evaluate.Metric) { m.Count, m.Interval = 5, 30*time.Second })},
		"a delay":              {func(m *v1alpha1.Metric) { m.InitialDelay = new(v1alpha1.Duration("1m30s")) }, with(func(m *evaluate.Metric) { m.InitialDelay = 90 * time.Second })},
		"limits": {func(m *v1alpha1.Metric) {
			m.FailureLimit, m.InconclusiveLimit, m.ConsecutiveErrorLimit = new(intstr.FromInt32(-1)), new(intstr.FromInt32(2)), new(intstr.FromInt32(0))
		}, with(func(m *evaluate.Metric) {
			m.FailureLimit, m.InconclusiveLimit, m.ConsecutiveErrorLimit = evaluate.AnyNumber, 2, 0
		})},
		"a policy without a time": {func(m *v1alpha1.Metric) { m.NoData = &v1alpha1.NoDataPolicy{Action: v1alpha1.NoDataFail} }, with(func(m *evaluate.Metric) { m.NoData = evaluate.Fail })},
		"a policy with only a time": {func(m *v1alpha1.Metric) {
			m.NoData = &v1alpha1.NoDataPolicy{After: new(v1alpha1.Duration("0s"))}
		}, with(func(m *evaluate.Metric) { m.NoDataAfter = 0 })},
		"a name with an argument": {func(m *v1alpha1.Metric) { m.Name = "m{{ args.five }}" }, with(func(m *evaluate.Metric) { m.Name = "m5" })},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			spec := v1alpha1.AnalysisRunSpec{
				Metrics: []v1alpha1.Metric{changed(query("m", "x", ""), test.change)}, Args: []v1alpha1.Argument{arg("five", "5")},
			}
			metrics, err := Resolve(spec)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, metrics[0].Metric); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestResolveRefuses(t *testing.T) {
	tests := map[string]struct {
		change func(*v1alpha1.Metric)
		want   string
	}{
		"a name of nothing":       {func(m *v1alpha1.Metric) { m.Name = "{{args.empty}}" }, "name: is 0 bytes long: want 1 to 253"},
		"a name that grows":       {func(m *v1alpha1.Metric) { m.Name = "{{args.long}}" }, "name: is 4000 bytes long: want 1 to 253"},
		"no provider":             {func(m *v1alpha1.Metric) { m.Provider = v1alpha1.MetricProvider{} }, "provider: must be set"},
		"a count without a pace":  {func(m *v1alpha1.Metric) { m.Count = new(intstr.FromString("5")) }, "interval: must be set where count is greater than 1"},
		"a count of nothing":      {func(m *v1alpha1.Metric) { m.Count = new(intstr.FromInt32(0)) }, "count: 0 is less than 1"},
		"a limit below any":       {func(m *v1alpha1.Metric) { m.FailureLimit = new(intstr.FromInt32(-2)) }, "failureLimit: -2 is less than -1"},
		"a percentage":            {func(m *v1alpha1.Metric) { m.FailureLimit = new(intstr.FromString("5%")) }, `failureLimit: "5%" is not a whole number`},
		"a hot loop":              {func(m *v1alpha1.Metric) { m.Interval = new(v1alpha1.Duration("0s")) }, "interval: 0s is shorter than 1s"},
		"no duration":             {func(m *v1alpha1.Metric) { m.InitialDelay = new(v1alpha1.Duration("soon")) }, `initialDelay: duration "soon": want a form such as 30s`},
		"an unknown action":       {func(m *v1alpha1.Metric) { m.NoData = &v1alpha1.NoDataPolicy{Action: "ignore"} }, `noData.action: "ignore" is not one of wait, inconclusive, fail and pass`},
		"an unknown placeholder":  {func(m *v1alpha1.Metric) { m.Provider.Prometheus.Address = "http://{{ inputs.host }}" }, "provider.prometheus.address: {{ inputs.host }} is not known: write {{args.NAME}}"},
		"an unknown argument":     {func(m *v1alpha1.Metric) { m.Provider.Prometheus.Query = "{{args.none}}" }, `provider.prometheus.query: argument "none" has no value`},
		"a query that grows":      {func(m *v1alpha1.Metric) { m.Provider.Prometheus.Query = strings.Repeat("{{args.long}}", 10) }, "longer than 16384 bytes with its arguments filled in"},
		"a failure condition":     {func(m *v1alpha1.Metric) { m.FailureCondition = "result" + " > " }, "failureCondition: condition"},
		"a metric of that name":   {func(m *v1alpha1.Metric) { m.Name = "{{args.other}}" }, `metric "other": there is more than one of that name`},
		"an empty argument count": {func(m *v1alpha1.Metric) { m.Count = new(intstr.FromString("")) }, `count: "" is not a whole number`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			spec := v1alpha1.AnalysisRunSpec{
				Metrics: []v1alpha1.Metric{query("other", "x", ""), changed(query("m", "x", ""), test.change)},
				Args:    []v1alpha1.Argument{arg("long", strings.Repeat("x", 4000)), arg("other", "other"), arg("empty", "")},
			}
			if _, err := Resolve(spec); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got the error %v, want one with %q", err, test.want)
			}
		})
	}
}
