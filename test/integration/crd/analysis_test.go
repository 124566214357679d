package crd

import "strings"

const analysisTemplateBase = `
apiVersion: sluice.dev/v1alpha1
kind: AnalysisTemplate
metadata: {name: success, namespace: team-a}
spec:
  args: [{name: service}, {name: least, value: "0.99"}]
  metrics:
  - name: success
    interval: 10s
    count: 6
    successCondition: result[0] >= 0.99
    provider: {prometheus: {query: 'sum(rate(requests_total{service="{{args.service}}"}[1m]))'}}
`

// metric is a patch that leaves one metric with more fields.
func metric(more string) string {
	return "spec: {metrics: [{name: success, provider: {prometheus: {query: up}}, " + more + "}]}"
}

// provider is a patch that leaves one metric with this provider.
func provider(text string) string {
	return "spec: {metrics: [{name: success, provider: " + text + "}]}"
}

// templateRows are for both kinds of templates, and runs have the same metrics.
var templateRows = []row{
	good("the base", "{}"),
	good("one measurement", metric("successCondition: result > 1")),
	good("one measurement by count", metric("count: 1")),
	good("no conditions", metric("interval: 5s")),
	good("a count as text", metric(`interval: 5s, count: "10"`)),
	good("a count from an argument", metric(`interval: 5s, count: "{{args.count}}"`)),
	good("any number of failures", metric("failureLimit: -1, inconclusiveLimit: -1")),
	good("an initial delay", metric("initialDelay: 1m")),
	good("no data passes", metric("noData: {action: pass, after: 2m}")),
	good("no data waits without end", metric("noData: {action: wait, after: 0s}")),
	good("another Prometheus", provider("{prometheus: {address: 'http://prometheus.monitoring:9090', query: up, timeoutSeconds: 5}}")),
	good("no arguments", "spec: {args: null}"),

	bad("no spec", "spec: null", "spec", "Required value"),
	bad("no metrics", "spec: {metrics: []}", "spec.metrics", "at least 1"),
	bad("metrics left out", "spec: {metrics: null}", "spec.metrics", "Required value"),
	bad("fifty-one metrics", "spec: {metrics: ["+numbered(51, "{name: m%d, provider: {prometheus: {query: up}}}")+"]}", "spec.metrics", "at most 50"),
	bad("a metric twice", "spec: {metrics: ["+repeated(2, "{name: m, provider: {prometheus: {query: up}}}")+"]}", "spec.metrics[1]", "Duplicate value"),
	bad("a metric without a name", "spec: {metrics: [{provider: {prometheus: {query: up}}}]}", "spec.metrics[0].name", "Required value"),
	bad("many measurements at once", metric("count: 5"), "spec.metrics[0]", "interval must be set where count is greater than 1"),
	bad("a count in words", metric("interval: 5s, count: many"), "spec.metrics[0].count", "count must be a whole number"),
	bad("a count below zero", metric("count: -1"), "spec.metrics[0].count", "count must be a whole number"),
	bad("a count longer than a number holds", metric("interval: 5s, count: 5000000000"), "spec.metrics[0].count", "count must be a whole number"),
	bad("a failure limit in words", metric("failureLimit: few"), "spec.metrics[0].failureLimit", "failureLimit must be a whole number"),
	bad("a failure limit of -2", metric("failureLimit: -2"), "spec.metrics[0].failureLimit", "failureLimit must be a whole number"),
	bad("an inconclusive limit too large", metric("inconclusiveLimit: 1000001"), "spec.metrics[0].inconclusiveLimit"),
	bad("an error limit in words", metric("consecutiveErrorLimit: x"), "spec.metrics[0].consecutiveErrorLimit"),
	bad("an interval in words", metric("interval: often"), "spec.metrics[0].interval", "should match"),
	bad("an interval as a number", metric("interval: 10"), "spec.metrics[0].interval", "string"),
	bad("a delay below zero", metric("initialDelay: -5s"), "spec.metrics[0].initialDelay", "should match"),
	bad("a condition without end", metric("successCondition: "+strings.Repeat("x", 4097)), "spec.metrics[0].successCondition", "may not be more than 4096"),
	bad("no data does something else", metric("noData: {action: panic}"), "spec.metrics[0].noData.action", "Unsupported value"),
	bad("no data after a while", metric("noData: {after: a while}"), "spec.metrics[0].noData.after", "should match"),
	bad("no provider", "spec: {metrics: [{name: success}]}", "spec.metrics[0].provider", "Required value"),
	bad("an empty provider", provider("{}"), "spec.metrics[0].provider", "at least 1"),
	bad("a provider that there is not", provider("{oracle: {query: up}}"), "spec.metrics[0].provider.oracle", "there is no such field"),
	bad("no query", provider("{prometheus: {}}"), "prometheus.query", "Required value"),
	bad("an empty query", provider(`{prometheus: {query: ""}}`), "prometheus.query"),
	bad("a query without end", provider("{prometheus: {query: "+strings.Repeat("x", 16385)+"}}"), "prometheus.query", "may not be more than 16384"),
	bad("no time to answer", provider("{prometheus: {query: up, timeoutSeconds: 0}}"), "prometheus.timeoutSeconds"),
	bad("an hour to answer", provider("{prometheus: {query: up, timeoutSeconds: 3600}}"), "prometheus.timeoutSeconds"),
	bad("an argument twice", "spec: {args: [{name: a}, {name: a}]}", "spec.args[1]", "Duplicate value"),
	bad("an argument without a name", `spec: {args: [{name: ""}]}`, "spec.args[0].name"),
}

// analysisTables are both kinds of templates, and runs.
var analysisTables = []table{
	{name: "AnalysisTemplate", kind: "AnalysisTemplate", base: analysisTemplateBase, rows: templateRows},
	{name: "ClusterAnalysisTemplate", kind: "ClusterAnalysisTemplate", base: clusterAnalysisTemplateBase, rows: templateRows},
	{name: "AnalysisRun metrics", kind: "AnalysisRun", base: analysisRunBase, rows: templateRows},
	{name: "AnalysisRun", kind: "AnalysisRun", base: analysisRunBase, rows: []row{
		good("terminated", "spec: {terminate: true}").updated("{}"),
		bad("other metrics", metric("interval: 5s"), "spec", "metrics cannot be changed").updated("{}"),
		bad("another argument", "spec: {args: [{name: service, value: other}]}", "spec", "args cannot be changed").updated("{}"),
		bad("no arguments any more", "spec: {args: null}", "spec", "args cannot be changed").updated("{}"),
		bad("arguments from nothing", "{}", "spec", "args cannot be changed").updated("spec: {args: null}"),
		bad("results of one metric twice", "status: {metricResults: [{name: a}, {name: a}]}", "status.metricResults[1]", "Duplicate value"),
	}},
}

var (
	clusterAnalysisTemplateBase = strings.NewReplacer("AnalysisTemplate", "ClusterAnalysisTemplate", ", namespace: team-a", "").
					Replace(analysisTemplateBase)
	analysisRunBase = strings.Replace(analysisTemplateBase, "AnalysisTemplate", "AnalysisRun", 1)
)
