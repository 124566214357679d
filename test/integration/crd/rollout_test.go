package crd

import (
	"fmt"
	"strings"
	"testing"
)

const rolloutBase = `
apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata: {name: shop, namespace: team-a}
spec:
  replicas: 3
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop, tier: web}}
    spec: {containers: [{name: shop, image: "shop:1"}]}
  strategy:
    canary:
      stableService: shop
      canaryService: shop-canary
      trafficRouting: {gatewayAPI: {httpRoutes: [{name: shop}]}}
      steps: [{setWeight: 20}, {pause: {}}, {analysis: {templates: [{templateName: success}]}}]
`

// canary is a patch of the canary strategy.
func canary(patch string) string { return "spec: {strategy: {canary: {" + patch + "}}}" }

// step is a patch that leaves one step.
func step(text string) string { return canary("steps: [" + text + "]") }

// args is a patch that leaves one analysis step with arguments.
func args(text string) string {
	return step("{analysis: {templates: [{templateName: success}], args: [" + text + "]}}")
}

func repeated(n int, text string) string {
	return strings.TrimSuffix(strings.Repeat(text+", ", n), ", ")
}

// numbered is n texts with %d replaced by their number, separated by commas.
func numbered(n int, format string) string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf(format, i)
	}
	return strings.Join(texts, ", ")
}

func TestRollouts(t *testing.T) {
	runTable(t, "Rollout", rolloutBase, []row{
		good("the base", "{}"),
		good("no steps", canary("steps: null")),
		good("no replicas, for an autoscaler", "spec: {replicas: null}"),
		good("none at all", "spec: {replicas: 0}"),
		good("every time there is", `spec: {minReadySeconds: 5, progressDeadlineSeconds: 60, progressDeadlineAbort: true, revisionHistoryLimit: 0}`),
		good("a name of 52 characters", "metadata: {name: "+strings.Repeat("a", 52)+"}"),
		good("a pod field of the future", "spec: {template: {spec: {teleport: {to: mars}}}}"),
		good("what generators write", `spec: {template: {metadata: {creationTimestamp: "2026-01-01T00:00:00Z"}}}`),
		good("expressions alone", "spec: {selector: {matchLabels: null, matchExpressions: [{key: app, operator: In, values: [shop]}]}}"),
		good("a limit on runs", "spec: {analysis: {successfulRunHistoryLimit: 1, unsuccessfulRunHistoryLimit: 100}}"),
		good("a hundred steps", canary("steps: ["+repeated(100, "{setWeight: 1}")+"]")),

		bad("no spec", "spec: null", "spec", "Required value"),
		bad("no template", "spec: {template: null}", "spec.template", "Required value"),
		bad("a template without a spec", "spec: {template: {spec: null}}", "spec.template.spec", "Required value"),
		bad("a template whose spec is text", "spec: {template: {spec: x}}", "spec.template.spec", "must be of type object"),
		bad("no selector", "spec: {selector: null}", "spec.selector", "Required value"),
		bad("a selector of nothing", "spec: {selector: {matchLabels: null}}", "spec", "selector must select something"),
		bad("a selector of no labels", "spec: {selector: {matchLabels: {app: null}}}", "spec", "selector must select something"),
		bad("a selector that misses the template", "spec: {selector: {matchLabels: {other: x}}}",
			"spec", "selector.matchLabels must be among template.metadata.labels"),
		bad("a template without labels", "spec: {template: {metadata: null}}",
			"spec", "selector.matchLabels must be among template.metadata.labels"),
		bad("a label that is a number", "spec: {template: {metadata: {labels: {app: shop, build: 5}}}}", "spec.template.metadata.labels.build", "string"),
		bad("fewer than none", "spec: {replicas: -1}", "spec.replicas", "greater than or equal to 0"),
		bad("a crowd", "spec: {replicas: 100001}", "spec.replicas", "less than or equal to 100000"),
		bad("replicas in words", "spec: {replicas: three}", "spec.replicas", "integer"),
		bad("half a second", "spec: {minReadySeconds: 0.5}", "spec.minReadySeconds"),
		bad("more seconds than a number holds", "spec: {minReadySeconds: 5000000000}", "spec.minReadySeconds", "int32"),
		bad("a deadline before ready", "spec: {minReadySeconds: 60, progressDeadlineSeconds: 60}",
			"spec", "progressDeadlineSeconds must be greater than minReadySeconds"),
		bad("a deadline of nothing", "spec: {progressDeadlineSeconds: 0}", "spec.progressDeadlineSeconds"),
		bad("a history without end", "spec: {revisionHistoryLimit: 1001}", "spec.revisionHistoryLimit"),
		bad("a run history below zero", "spec: {analysis: {successfulRunHistoryLimit: -1}}", "spec.analysis.successfulRunHistoryLimit"),
		bad("a name too long for its ReplicaSets", "metadata: {name: "+strings.Repeat("a", 53)+"}", "metadata.name must be at most 52"),
		bad("no strategy", "spec: {strategy: null}", "spec.strategy", "Required value"),
		bad("an empty strategy", "spec: {strategy: {canary: null}}", "spec.strategy", "at least 1"),
		bad("a strategy of another tool", "spec: {strategy: {recreate: {}}}", "spec.strategy.recreate", "unknown field"),
		bad("a misspelt field", "spec: {replcas: 3}", "spec.replcas", "unknown field"),
	})
}

func TestRolloutCanaries(t *testing.T) {
	runTable(t, "Rollout", rolloutBase, []row{
		good("weights at both ends", canary("steps: [{setWeight: 0}, {setWeight: 100}]")),
		good("a pause of seconds", step("{pause: {duration: 30}}")),
		good("a pause of seconds as text", step(`{pause: {duration: "30"}}`)),
		good("a pause as a time", step("{pause: {duration: 1h30m}}")),
		good("an argument by value", args(`{name: service, value: shop}`)),
		good("an argument with an empty value", args(`{name: service, value: ""}`)),
		good("an argument from the release", args("{name: hash, valueFrom: {podTemplateHashValue: Latest}}")),
		good("an argument from the metadata", args("{name: ns, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}")),
		good("a template of the cluster", step("{analysis: {templates: [{templateName: success, clusterScope: true}]}}")),
		good("sixteen routes", canary("trafficRouting: {gatewayAPI: {httpRoutes: ["+numbered(16, "{name: r%d}")+"]}}")),
		good("no delay", canary("scaleDownDelaySeconds: 0, abortScaleDownDelaySeconds: 0, trafficRouting: {settleSeconds: 0}")),

		bad("no stable Service", canary("stableService: null"), "spec.strategy.canary.stableService", "Required value"),
		bad("an empty canary Service", canary(`canaryService: ""`), "spec.strategy.canary.canaryService"),
		bad("one Service for both", canary("canaryService: shop"), "spec.strategy.canary", "canaryService and stableService must be two Services"),
		bad("no routing", canary("trafficRouting: null"), "spec.strategy.canary.trafficRouting", "Required value"),
		bad("routing by nothing", canary("trafficRouting: {gatewayAPI: null}"), "spec.strategy.canary.trafficRouting.gatewayAPI", "Required value"),
		bad("no routes", canary("trafficRouting: {gatewayAPI: {httpRoutes: []}}"), "gatewayAPI.httpRoutes", "at least 1"),
		bad("a route twice", canary("trafficRouting: {gatewayAPI: {httpRoutes: [{name: a}, {name: a}]}}"), "httpRoutes[1]", "Duplicate value"),
		bad("a route without a name", canary(`trafficRouting: {gatewayAPI: {httpRoutes: [{name: ""}]}}`), "httpRoutes[0].name"),
		bad("seventeen routes", canary("trafficRouting: {gatewayAPI: {httpRoutes: ["+numbered(17, "{name: r%d}")+"]}}"), "httpRoutes", "at most 16"),
		bad("settling for a day", canary("trafficRouting: {settleSeconds: 86400}"), "trafficRouting.settleSeconds"),
		bad("a delay below zero", canary("scaleDownDelaySeconds: -1"), "scaleDownDelaySeconds"),
		bad("an abort delay below zero", canary("abortScaleDownDelaySeconds: -1"), "abortScaleDownDelaySeconds"),
		bad("a weight above 100", step("{setWeight: 101}"), "steps[0].setWeight", "less than or equal to 100"),
		bad("a weight below 0", step("{setWeight: -1}"), "steps[0].setWeight"),
		bad("a weight as text", step(`{setWeight: "20%"}`), "steps[0].setWeight", "integer"),
		bad("a step of nothing", step("{}"), "steps[0]", "at least 1"),
		bad("a step of two things", step("{setWeight: 5, pause: {}}"), "steps[0]", "at most 1"),
		bad("a step of another tool", step("{setHeaderRoute: {}}"), "steps[0].setHeaderRoute", "unknown field"),
		bad("a hundred and one steps", canary("steps: ["+repeated(101, "{setWeight: 1}")+"]"), "canary.steps", "at most 100"),
		bad("a pause below zero", step("{pause: {duration: -1}}"), "steps[0].pause.duration", "duration must be"),
		bad("a pause in words", step("{pause: {duration: soon}}"), "steps[0].pause.duration", "duration must be"),
		bad("a pause of days", step("{pause: {duration: 1d}}"), "steps[0].pause.duration", "duration must be"),
		bad("a pause longer than a number holds", step("{pause: {duration: 5000000000}}"), "steps[0].pause.duration", "duration must be"),
		bad("a pause of half a second", step("{pause: {duration: 0.5}}"), "steps[0].pause.duration"),
		bad("an analysis of nothing", step("{analysis: {templates: []}}"), "steps[0].analysis.templates", "at least 1"),
		bad("an analysis without templates", step("{analysis: {}}"), "steps[0].analysis.templates", "Required value"),
		bad("a template without a name", step(`{analysis: {templates: [{templateName: ""}]}}`), "templates[0].templateName"),
		bad("an argument without a value", args("{name: service}"), "args[0]", "exactly one of value and valueFrom"),
		bad("an argument with two values", args("{name: service, value: a, valueFrom: {podTemplateHashValue: Stable}}"), "args[0]", "exactly one of value and valueFrom"),
		bad("an argument twice", args("{name: a, value: b}, {name: a, value: c}"), "args[1]", "Duplicate value"),
		bad("an argument from nowhere", args("{name: a, valueFrom: {}}"), "args[0].valueFrom", "at least 1"),
		bad("a hash of neither", args("{name: a, valueFrom: {podTemplateHashValue: Canary}}"), "podTemplateHashValue", "Unsupported value"),
		bad("a value without end", args("{name: a, value: "+strings.Repeat("x", 4097)+"}"), "args[0].value", "may not be more than 4096"),
	})
}

// request is a patch of status.request.
func request(id, verb, revision, more string) string {
	return fmt.Sprintf("status: {request: {id: %s, verb: %s, revision: %s, %s}}", id, verb, revision, more)
}

func TestRolloutStatus(t *testing.T) {
	runTable(t, "Rollout", rolloutBase, []row{
		good("a request", request("4b1c", "promote", "6f1e", "stepIndex: 1, by: ann, reason: checked")),
		good("an outcome", `status: {lastRequest: {id: 4b1c, verb: abort, accepted: false, message: late, at: "2026-03-01T10:00:00.000000Z"}}`),
		bad("a request without an id", request("null", "promote", "6f1e", ""), "status.request.id", "Required value"),
		bad("a verb that there is not", request("4b1c", "shove", "6f1e", ""), "status.request.verb", "Unsupported value"),
		bad("a request for no revision", request("4b1c", "abort", `""`, ""), "status.request.revision"),
		bad("a step below zero", request("4b1c", "promote", "6f1e", "stepIndex: -1"), "status.request.stepIndex"),
		bad("a reason without end", request("4b1c", "abort", "6f1e", "reason: "+strings.Repeat("x", 1025)), "status.request.reason", "may not be more than 1024"),
		bad("a time that is none", `status: {abort: {revision: a, at: yesterday}}`, "status.abort.at", "date-time"),
		bad("a revision rejected twice", `status: {rejected: [{revision: a, at: "2026-03-01T10:00:00.000000Z"}, {revision: a, at: "2026-03-01T10:00:00.000000Z"}]}`,
			"status.rejected[1]", "Duplicate value"),
	})
}

func TestRolloutUpdates(t *testing.T) {
	runTable(t, "Rollout", rolloutBase, []row{
		good("another image", `spec: {template: {spec: {containers: [{name: shop, image: "shop:2"}]}}}`).updated("{}"),
		good("other steps", step("{setWeight: 50}")).updated("{}"),
		bad("another selector", "spec: {selector: {matchLabels: {tier: web}}}", "spec.selector", "selector cannot be changed").updated("{}"),
		bad("a wider selector", "spec: {selector: {matchLabels: {tier: web}}}", "spec.selector", "selector cannot be changed").
			updated("spec: {selector: {matchLabels: {app: shop}}}"),
	})
}
