package analysis

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluicehq/sluice/analysis/condition"
	"github.com/sluicehq/sluice/analysis/evaluate"
	"github.com/sluicehq/sluice/api/v1alpha1"
)

// What holds where a metric says nothing.
const (
	defaultConsecutiveErrorLimit = 4
	defaultNoDataAfter           = 5 * time.Minute
	defaultTimeout               = 30 * time.Second
)

// maxName is the longest name of a metric, in bytes.
const maxName = 253

// minInterval is the shortest interval between two measurements.
const minInterval = time.Second

// Metric is a metric with its arguments filled in, ready to be measured.
type Metric struct {
	// Metric is when it is measured and how much is borne.
	evaluate.Metric
	// Provider is where the value comes from.
	Provider v1alpha1.MetricProvider
	// Success and Failure are its conditions; nil where they are not written.
	Success, Failure *condition.Condition
}

// Query is what is asked, for people.
func (m Metric) Query() string {
	if m.Provider.Prometheus != nil {
		return m.Provider.Prometheus.Query
	}
	return ""
}

// Timeout is how long an answer may take.
func (m Metric) Timeout() time.Duration {
	if p := m.Provider.Prometheus; p != nil && p.TimeoutSeconds != nil {
		return time.Duration(*p.TimeoutSeconds) * time.Second
	}
	return defaultTimeout
}

// Resolve fills in the arguments of a run and compiles its conditions. The error is an InvalidError with all that is
// wrong.
func Resolve(spec v1alpha1.AnalysisRunSpec) ([]Metric, error) {
	invalid := &InvalidError{}
	args := values(spec.Args)
	metrics := make([]Metric, 0, len(spec.Metrics))
	names := make([]string, 0, len(spec.Metrics))
	for _, raw := range spec.Metrics {
		filled, problems := args.fillMetric(raw)
		for _, problem := range problems {
			invalid.addf("metric %q: %v", raw.Name, problem)
		}
		names = append(names, filled.Name)
		if len(problems) == 0 {
			metrics = append(metrics, resolve(filled, invalid))
		}
	}
	for _, name := range duplicates(names) {
		invalid.addf("metric %q: there is more than one of that name", name)
	}
	if len(spec.Metrics) == 0 {
		invalid.addf("no metrics")
	}
	if err := invalid.orNil(); err != nil {
		return nil, err
	}
	return metrics, nil
}

// resolve reads one metric and notes all that is wrong with it.
func resolve(m v1alpha1.Metric, invalid *InvalidError) Metric {
	read := reader{metric: m.Name, invalid: invalid}
	out := Metric{
		Metric: evaluate.Metric{
			Name:                  m.Name,
			InitialDelay:          read.duration("initialDelay", m.InitialDelay, 0),
			Interval:              read.duration("interval", m.Interval, 0),
			Count:                 read.count("count", m.Count, 0, 1),
			FailureLimit:          read.count("failureLimit", m.FailureLimit, 0, evaluate.AnyNumber),
			InconclusiveLimit:     read.count("inconclusiveLimit", m.InconclusiveLimit, 0, evaluate.AnyNumber),
			ConsecutiveErrorLimit: read.count("consecutiveErrorLimit", m.ConsecutiveErrorLimit, defaultConsecutiveErrorLimit, evaluate.AnyNumber),
			NoData:                evaluate.Wait,
			NoDataAfter:           defaultNoDataAfter,
		},
		Provider: m.Provider,
		Success:  read.condition("successCondition", m.SuccessCondition),
		Failure:  read.condition("failureCondition", m.FailureCondition),
	}
	if m.Name == "" || len(m.Name) > maxName {
		read.problem("name", fmt.Errorf("is %d bytes long: want 1 to %d", len(m.Name), maxName))
	}
	if m.Interval != nil && out.Interval < minInterval {
		read.problem("interval", fmt.Errorf("%s is shorter than %s", out.Interval, minInterval))
	}
	if m.Interval == nil && m.Count == nil {
		out.Count = 1
	}
	if m.Interval == nil && out.Count > 1 {
		read.problem("interval", fmt.Errorf("must be set where count is greater than 1"))
	}
	if m.NoData != nil {
		out.NoDataAfter = read.duration("noData.after", m.NoData.After, defaultNoDataAfter)
		if m.NoData.Action != "" {
			out.NoData = read.action(m.NoData.Action)
		}
	}
	if Kind(m.Provider) == "" {
		read.problem("provider", fmt.Errorf("must be set"))
	}
	return out
}

// reader reads the fields of a metric and notes what is wrong with them.
type reader struct {
	metric  string
	invalid *InvalidError
}

func (r reader) problem(field string, err error) {
	r.invalid.addf("metric %q: %s: %v", r.metric, field, err)
}

func (r reader) duration(field string, d *v1alpha1.Duration, absent time.Duration) time.Duration {
	if d == nil {
		return absent
	}
	v, err := d.Parse()
	if err != nil {
		r.problem(field, err)
	}
	return v
}

func (r reader) count(field string, v *intstr.IntOrString, absent, least int32) int32 {
	if v == nil {
		return absent
	}
	n := int64(v.IntVal)
	if v.Type == intstr.String {
		parsed, err := strconv.ParseInt(v.StrVal, 10, 32)
		if err != nil {
			r.problem(field, fmt.Errorf("%q is not a whole number", v.StrVal))
			return absent
		}
		n = parsed
	}
	if n < int64(least) || n > math.MaxInt32 {
		r.problem(field, fmt.Errorf("%d is less than %d", n, least))
		return absent
	}
	return int32(n)
}

func (r reader) condition(field, text string) *condition.Condition {
	if text == "" {
		return nil
	}
	c, err := condition.Compile(text)
	if err != nil {
		r.problem(field, err)
	}
	return c
}

func (r reader) action(action v1alpha1.NoDataAction) evaluate.Action {
	switch action {
	case v1alpha1.NoDataWait:
		return evaluate.Wait
	case v1alpha1.NoDataInconclusive:
		return evaluate.MakeInconclusive
	case v1alpha1.NoDataFail:
		return evaluate.Fail
	case v1alpha1.NoDataPass:
		return evaluate.Pass
	}
	r.problem("noData.action", fmt.Errorf("%q is not one of wait, inconclusive, fail and pass", action))
	return evaluate.Wait
}
