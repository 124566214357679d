package crd

import (
	"fmt"
	"strings"
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

const tooWide = "rollbackWindow.revisions must be at most revisionHistoryLimit, 10 where it is absent: older ReplicaSets are not kept"

// ofWorkload is a patch that takes the template from a Deployment.
func ofWorkload(more string) string {
	return "spec: {template: null, selector: null, workloadRef: {name: shop, " + more + "}}"
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

// rolloutTables are what the strategies share.
var rolloutTables = []table{
	{name: "Rollout", kind: "Rollout", base: rolloutBase, rows: []row{
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
		bad("no template", "spec: {template: null}", "spec", "exactly one of template and workloadRef must be set"),
		bad("a template without a spec", "spec: {template: {spec: null}}", "spec.template.spec", "Required value"),
		bad("a template whose spec is text", "spec: {template: {spec: x}}", "spec.template.spec", "must be of type object"),
		bad("no selector", "spec: {selector: null}", "spec", "selector must be set, unless workloadRef is"),
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
			"spec", "progressDeadlineSeconds, 600 where it is absent, must be greater than minReadySeconds"),
		bad("ready after the deadline that absent means", "spec: {minReadySeconds: 600}",
			"spec", "progressDeadlineSeconds, 600 where it is absent, must be greater than minReadySeconds"),
		bad("a deadline of nothing", "spec: {progressDeadlineSeconds: 0}", "spec.progressDeadlineSeconds"),
		bad("a history without end", "spec: {revisionHistoryLimit: 1001}", "spec.revisionHistoryLimit"),
		bad("a run history below zero", "spec: {analysis: {successfulRunHistoryLimit: -1}}", "spec.analysis.successfulRunHistoryLimit"),
		bad("a name too long for its ReplicaSets", "metadata: {name: "+strings.Repeat("a", 53)+"}", "metadata.name must be at most 52"),
		bad("no strategy", "spec: {strategy: null}", "spec.strategy", "Required value"),
		bad("an empty strategy", "spec: {strategy: {canary: null}}", "spec.strategy", "exactly one of the fields in [canary blueGreen] must be set"),
		bad("both strategies", "spec: {strategy: {blueGreen: {activeService: shop}}}",
			"spec.strategy", "exactly one of the fields in [canary blueGreen] must be set"),
		bad("a strategy of another tool", "spec: {strategy: {recreate: {}}}", "spec.strategy.recreate", "there is no such field"),
		bad("a misspelt field", "spec: {replcas: 3}", "spec.replcas", "there is no such field"),

		// Where the template comes from.
		good("the template of a Deployment", ofWorkload("")),
		good("a Deployment by all its names", ofWorkload("apiVersion: apps/v1, kind: Deployment")),
		good("a Deployment that stays", ofWorkload("scaleDown: never")),
		good("a Deployment that goes at the end", ofWorkload("scaleDown: onsuccess")),
		good("a Deployment that goes bit by bit", ofWorkload("scaleDown: progressively")),
		good("a Deployment, and a selector all the same", "spec: {template: null, workloadRef: {name: shop}}"),
		good("a Deployment that is taken over", "spec: {replicas: null, adopt: {name: shop}}"),
		bad("a template and a Deployment's", "spec: {workloadRef: {name: shop}}", "spec", "exactly one of template and workloadRef must be set"),
		bad("a Deployment without a name", "spec: {template: null, workloadRef: {kind: Deployment}}", "spec.workloadRef.name", "Required value"),
		bad("a Deployment with an empty name", `spec: {template: null, workloadRef: {name: ""}}`, "spec.workloadRef.name", "at least 1 chars long"),
		bad("a StatefulSet", ofWorkload("kind: StatefulSet"), "spec.workloadRef.kind", `Unsupported value: "StatefulSet": supported values: "Deployment"`),
		bad("a Deployment of another age", ofWorkload("apiVersion: extensions/v1beta1"), "spec.workloadRef.apiVersion", `supported values: "apps/v1"`),
		bad("a Deployment that goes at once", ofWorkload("scaleDown: now"),
			"spec.workloadRef.scaleDown", `Unsupported value: "now": supported values: "never", "onsuccess", "progressively"`),
		bad("a Deployment in another namespace", ofWorkload("namespace: other"), "spec.workloadRef.namespace", "there is no such field"),
		bad("a Deployment that is taken over and stays", "spec: {template: null, workloadRef: {name: shop}, adopt: {name: shop}}",
			"spec", "adopt takes a Deployment's pods over and workloadRef leaves the Deployment in place: remove one of them"),
		bad("nothing that is taken over", "spec: {adopt: {}}", "spec.adopt.name", "Required value"),
		bad("no name that is taken over", `spec: {adopt: {name: ""}}`, "spec.adopt.name", "at least 1 chars long"),

		// What holds, restarts and goes back.
		good("held", "spec: {paused: true}"),
		good("a restart", `spec: {restartAt: "2026-03-01T10:00:00Z"}`),
		good("a window", "spec: {rollbackWindow: {revisions: 3}}"),
		good("a window as wide as the history", "spec: {rollbackWindow: {revisions: 20}, revisionHistoryLimit: 20}"),
		bad("a window wider than the history", "spec: {rollbackWindow: {revisions: 2}, revisionHistoryLimit: 1}", "spec", tooWide),
		bad("a window wider than the history that absent means", "spec: {rollbackWindow: {revisions: 11}}", "spec", tooWide),
		bad("held in words", `spec: {paused: "yes"}`, "spec.paused", "boolean"),
		bad("a restart soon", "spec: {restartAt: soon}", "spec.restartAt", "date-time"),
		bad("a restart at a number", "spec: {restartAt: 1772359200}", "spec.restartAt", "date-time"),
		bad("a window of nothing", "spec: {rollbackWindow: {revisions: 0}}", "spec.rollbackWindow.revisions", "greater than or equal to 1"),
		bad("a window without a size", "spec: {rollbackWindow: {}}", "spec.rollbackWindow.revisions", "Required value"),
		bad("a window without end", "spec: {rollbackWindow: {revisions: 1001}}", "spec.rollbackWindow.revisions", "less than or equal to 1000"),
	}},
	{name: "changed Rollout", kind: "Rollout", base: rolloutBase, rows: []row{
		good("another image", `spec: {template: {spec: {containers: [{name: shop, image: "shop:2"}]}}}`).updated("{}"),
		good("other steps", step("{setWeight: 50}")).updated("{}"),
		bad("another selector", "spec: {selector: {matchLabels: {tier: web}}}", "spec.selector", "selector cannot be changed; delete the Rollout with --cascade=orphan and create it anew").updated("{}"),
		bad("a wider selector", "spec: {selector: {matchLabels: {tier: web}}}", "spec.selector", "selector cannot be changed").
			updated("spec: {selector: {matchLabels: {app: shop}}}"),
		good("from a canary to blue-green", "spec: {strategy: {canary: null, blueGreen: {activeService: shop}}}").updated("{}"),
		good("from a Deployment's template to one of its own", "{}").updated(ofWorkload("")),
		good("from a template to a Deployment's", "spec: {template: null, workloadRef: {name: shop}}").updated("{}"),
		bad("no selector any more", ofWorkload(""), "spec",
			"selector cannot be removed once it is set; delete the Rollout with --cascade=orphan and create it anew").updated("{}"),
	}},
}
