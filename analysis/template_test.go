package analysis

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

func arg(name string, value ...string) v1alpha1.Argument {
	a := v1alpha1.Argument{Name: name}
	if len(value) > 0 {
		a.Value = &value[0]
	}
	return a
}

// query is a metric that is measured once.
func query(name, promql, success string) v1alpha1.Metric {
	return v1alpha1.Metric{
		Name: name, SuccessCondition: success,
		Provider: v1alpha1.MetricProvider{Prometheus: &v1alpha1.PrometheusMetric{Query: promql}},
	}
}

func changed(m v1alpha1.Metric, change func(*v1alpha1.Metric)) v1alpha1.Metric {
	change(&m)
	return m
}

func template(name string, args []v1alpha1.Argument, metrics ...v1alpha1.Metric) Template {
	return Template{Name: name, Spec: v1alpha1.AnalysisTemplateSpec{Metrics: metrics, Args: args}}
}

func TestNewRunSpec(t *testing.T) {
	rate := query("rate", `sum(rate(x{service="{{args.service}}"}[1m]))`, "result[0] >= {{ args.threshold }}")
	latency := query("latency", `p99{service="{{args.service}}"}`, "result[0] < 500")
	got, err := NewRunSpec(UseStep, []Template{
		template("rate", []v1alpha1.Argument{arg("service"), arg("threshold", "0.95")}, rate),
		template("latency", []v1alpha1.Argument{arg("service")}, latency),
	}, []v1alpha1.Argument{arg("service", "shop")})
	if err != nil {
		t.Fatal(err)
	}
	want := v1alpha1.AnalysisRunSpec{
		Metrics: []v1alpha1.Metric{rate, latency},
		Args:    []v1alpha1.Argument{arg("service", "shop"), arg("threshold", "0.95")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	metrics, err := Resolve(got)
	if err != nil {
		t.Fatal(err)
	}
	if q := metrics[0].Query(); q != `sum(rate(x{service="shop"}[1m]))` {
		t.Errorf("query: %s", q)
	}
	if c := metrics[0].Success.String(); c != "result[0] >= 0.95" {
		t.Errorf("condition: %s", c)
	}
}

func TestNewRunSpecValues(t *testing.T) {
	uses := query("m", "{{args.a}}", "")
	tests := map[string]struct {
		templates []Template
		given     []v1alpha1.Argument
		want      string
	}{
		"the default":                         {[]Template{template("t", []v1alpha1.Argument{arg("a", "default")}, uses)}, nil, "default"},
		"the value given wins":                {[]Template{template("t", []v1alpha1.Argument{arg("a", "default")}, uses)}, []v1alpha1.Argument{arg("a", "given")}, "given"},
		"an empty value is one":               {[]Template{template("t", []v1alpha1.Argument{arg("a", "default")}, uses)}, []v1alpha1.Argument{arg("a", "")}, ""},
		"a default in the second template":    {[]Template{template("t", []v1alpha1.Argument{arg("a")}, uses), template("u", []v1alpha1.Argument{arg("a", "default")}, query("n", "x", ""))}, nil, "default"},
		"equal defaults":                      {[]Template{template("t", []v1alpha1.Argument{arg("a", "same")}, uses), template("u", []v1alpha1.Argument{arg("a", "same")}, query("n", "x", ""))}, nil, "same"},
		"different defaults, but a given":     {[]Template{template("t", []v1alpha1.Argument{arg("a", "1")}, uses), template("u", []v1alpha1.Argument{arg("a", "2")}, query("n", "x", ""))}, []v1alpha1.Argument{arg("a", "3")}, "3"},
		"a value that looks like a reference": {[]Template{template("t", []v1alpha1.Argument{arg("a")}, uses)}, []v1alpha1.Argument{arg("a", "{{args.a}}")}, "{{args.a}}"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			spec, err := NewRunSpec(UseStep, test.templates, test.given)
			if err != nil {
				t.Fatal(err)
			}
			metrics, err := Resolve(spec)
			if err != nil {
				t.Fatal(err)
			}
			if got := metrics[0].Query(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestNewRunSpecRefuses(t *testing.T) {
	plain := query("m", "x", "result[0] > 1")
	endless := changed(plain, func(m *v1alpha1.Metric) { m.Interval = new(v1alpha1.Duration("1m")) })
	many := make([]v1alpha1.Metric, 51)
	for i := range many {
		many[i] = query(fmt.Sprintf("m%d", i), "x", "")
	}
	tests := map[string]struct {
		use       Use
		templates []Template
		given     []v1alpha1.Argument
		want      []string
	}{
		"metrics of the same name": {
			templates: []Template{template("a", nil, plain), template("b", nil, plain)},
			want:      []string{`metric "m" is in template "a" and in template "b": rename one`},
		},
		"an argument without a value": {
			templates: []Template{template("a", []v1alpha1.Argument{arg("service")}, plain)},
			want:      []string{`argument "service" has no value: give it one under args`},
		},
		"an argument that nobody declares": {
			templates: []Template{template("a", nil, plain), template("b", nil, query("n", "x", ""))},
			given:     []v1alpha1.Argument{arg("servcie", "shop")},
			want:      []string{`argument "servcie" is not declared by templates "a", "b": remove it, or declare it under the template's args`},
		},
		"an argument given twice": {
			templates: []Template{template("a", []v1alpha1.Argument{arg("x")}, plain)},
			given:     []v1alpha1.Argument{arg("x", "1"), arg("x", "2")},
			want:      []string{`argument "x" is given more than once`},
		},
		"an argument that is too long": {
			templates: []Template{template("a", []v1alpha1.Argument{arg("x")}, plain)},
			given:     []v1alpha1.Argument{arg("x", strings.Repeat("x", 4097))},
			want:      []string{`argument "x" is 4097 bytes long: at most 4096 are allowed`},
		},
		"defaults that differ": {
			templates: []Template{template("a", []v1alpha1.Argument{arg("x", "1")}, plain), template("b", []v1alpha1.Argument{arg("x", "2")}, query("n", "x", ""))},
			want:      []string{`argument "x" is "1" in template "a" and "2" in template "b": give it a value under args`},
		},
		"an endless metric in a step": {
			templates: []Template{template("a", nil, endless)},
			want:      []string{`metric "m" has an interval and no count, so that the step would never end: set count`},
		},
		"a reference to nothing": {
			templates: []Template{template("a", nil, query("m", "{{args.service}}", "result[0] > {{args.limit}}"))},
			want: []string{
				`metric "m": successCondition: argument "limit" has no value`,
				`metric "m": provider.prometheus.query: argument "service" has no value`,
			},
		},
		"all problems at once": {
			templates: []Template{template("a", nil,
				query("one", "x", "all(result, # > 1)"),
				changed(query("two", "x", "result >"), func(m *v1alpha1.Metric) { m.FailureLimit = new(intstr.FromString("many")) }))},
			want: []string{
				`metric "one": successCondition: condition "all(result, # > 1)"`, "in CEL write: result.all(r, r > 1)",
				`metric "two": failureLimit: "many" is not a whole number`, `metric "two": successCondition: condition "result >"`,
			},
		},
		"no templates": {want: []string{"no metrics"}},
		"too many metrics": {
			templates: []Template{template("a", nil, many...)},
			want:      []string{"51 metrics: at most 50 fit into a run"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := NewRunSpec(test.use, test.templates, test.given)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error lacks %q: %v", want, err)
				}
			}
		})
	}
	if _, err := NewRunSpec(UseBackground, []Template{template("a", nil, endless)}, nil); err != nil {
		t.Errorf("an endless metric in the background: %v", err)
	}
}

func TestInvalidErrorIsBounded(t *testing.T) {
	invalid := &InvalidError{}
	for i := range 25 {
		invalid.addf("problem %d", i)
	}
	got := invalid.Error()
	if !strings.HasSuffix(got, "problem 9; and 15 more") || strings.Contains(got, "problem 10") {
		t.Errorf("got %s", got)
	}
}
