package crd

import "strings"

// podsBase is a canary whose weight the numbers of pods carry.
const podsBase = `
apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata: {name: shop, namespace: team-a}
spec:
  replicas: 10
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: "shop:1"}]}
  strategy:
    canary: {steps: [{setWeight: 20}, {pause: {}}]}
`

// Texts that several refusals have.
const (
	needsAll = "trafficRouting needs gatewayAPI and stableService: set both, or leave trafficRouting out to let the numbers of " +
		"pods carry the weight"
	namesNoRoute = "gatewayAPI names no route: set one of httpRoutes, grpcRoutes, tcpRoutes and tlsRoutes, or a selector such as " +
		"httpRouteSelector"
	selectsNothing    = "a selector of nothing would find every route: set matchLabels or matchExpressions"
	wrongOperator     = "an expression has the operator In or NotIn with values, or Exists or DoesNotExist without"
	delaysNeedRouting = "scaleDownDelaySeconds, scaleDownDelayRevisionLimit and abortScaleDownDelaySeconds need trafficRouting: " +
		"without it pods that stay keep their traffic; remove them or set trafficRouting"
	oneScale    = "exactly one of the fields in [replicas weight matchTrafficWeight] must be set"
	oneAffinity = "exactly one of the fields in [requiredDuringSchedulingIgnoredDuringExecution " +
		"preferredDuringSchedulingIgnoredDuringExecution] must be set"
	surgeForm       = "maxSurge must be a number of pods such as 1, from 0 to 100000 and without quotes, or a percentage such as 25%"
	unavailableForm = "maxUnavailable must be a number of pods such as 1, from 0 to 100000 and without quotes, or a percentage from 0% to 100%"
)

// canary is a patch of the canary strategy.
func canary(patch string) string { return "spec: {strategy: {canary: {" + patch + "}}}" }

// gateway is a patch of what routes are moved.
func gateway(patch string) string { return canary("trafficRouting: {gatewayAPI: {" + patch + "}}") }

// step is a patch that leaves one step.
func step(text string) string { return canary("steps: [" + text + "]") }

// args is a patch that leaves one analysis step with arguments.
func args(text string) string {
	return step("{analysis: {templates: [{templateName: success}], args: [" + text + "]}}")
}

// canaryTables are the canaries, by the weights of routes and by the numbers of pods.
var canaryTables = []table{
	{name: "canary", kind: "Rollout", base: rolloutBase, rows: []row{
		good("weights at both ends", canary("steps: [{setWeight: 0}, {setWeight: 100}]")),
		good("a pause of seconds", step("{pause: {duration: 30}}")),
		good("a pause of seconds as text", step(`{pause: {duration: "30"}}`)),
		good("a pause as a time", step("{pause: {duration: 1h30m}}")),
		good("an argument by value", args(`{name: service, value: shop}`)),
		good("an argument with an empty value", args(`{name: service, value: ""}`)),
		good("an argument from the release", args("{name: hash, valueFrom: {podTemplateHashValue: Latest}}")),
		good("an argument from the metadata", args("{name: ns, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}")),
		good("a template of the cluster", step("{analysis: {templates: [{templateName: success, clusterScope: true}]}}")),
		good("no canary Service, so that one is made", canary("canaryService: null")),
		good("a route elsewhere", gateway("httpRoutes: [{name: a}, {name: a, namespace: infra}]")),
		good("a route twice, which is moved once", gateway("httpRoutes: [{name: a}, {name: a}]")),
		good("routes of all kinds", gateway("grpcRoutes: [{name: a}], tcpRoutes: [{name: a}], tlsRoutes: [{name: a}]")),
		good("routes of another kind alone", gateway("httpRoutes: null, grpcRoutes: [{name: a}]")),
		good("routes by their labels", gateway("httpRoutes: null, httpRouteSelector: {matchLabels: {app: shop}}")),
		good("routes by requirements, elsewhere", gateway("grpcRouteSelector: {namespace: infra, matchExpressions: [{key: app, operator: In, values: [shop]}, {key: old, operator: DoesNotExist}]}")),
		good("selectors of all kinds", gateway("tcpRouteSelector: {matchLabels: {app: shop}}, tlsRouteSelector: {matchLabels: {app: shop}}")),
		good("sixteen routes", canary("trafficRouting: {gatewayAPI: {httpRoutes: ["+numbered(16, "{name: r%d}")+"]}}")),
		good("no delay", canary("scaleDownDelaySeconds: 0, abortScaleDownDelaySeconds: 0, trafficRouting: {settleSeconds: 0}")),

		bad("no stable Service", canary("stableService: null"), "spec.strategy.canary", needsAll),
		bad("an empty canary Service", canary(`canaryService: ""`), "spec.strategy.canary.canaryService"),
		bad("one Service for both", canary("canaryService: shop"), "spec.strategy.canary", "canaryService and stableService must be two Services: give the canary one of its own"),
		bad("routing by nothing", canary("trafficRouting: {gatewayAPI: null}"), "spec.strategy.canary", needsAll),
		bad("no routes", canary("trafficRouting: {gatewayAPI: {httpRoutes: []}}"), "gatewayAPI.httpRoutes", "at least 1"),
		bad("routing by no route", gateway("httpRoutes: null"), "trafficRouting.gatewayAPI", namesNoRoute),
		bad("a namespace without a name", gateway(`httpRoutes: [{name: a, namespace: ""}]`), "httpRoutes[0].namespace"),
		bad("a selector of nothing", gateway("httpRouteSelector: {}"), "httpRouteSelector", selectsNothing),
		bad("a selector of no labels", gateway("tlsRouteSelector: {matchLabels: {}, matchExpressions: []}"), "tlsRouteSelector", selectsNothing),
		bad("a selector by an operator that there is not", gateway("httpRouteSelector: {matchExpressions: [{key: a, operator: Is}]}"), "httpRouteSelector", wrongOperator),
		bad("a selector in no values", gateway("tcpRouteSelector: {matchExpressions: [{key: a, operator: In}]}"), "tcpRouteSelector", wrongOperator),
		bad("a selector by existing values", gateway("grpcRouteSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}"), "grpcRouteSelector", wrongOperator),
		bad("a route without a name", canary(`trafficRouting: {gatewayAPI: {httpRoutes: [{name: ""}]}}`), "httpRoutes[0].name"),
		bad("seventeen routes", canary("trafficRouting: {gatewayAPI: {httpRoutes: ["+numbered(17, "{name: r%d}")+"]}}"), "httpRoutes", "at most 16"),
		bad("settling for a day", canary("trafficRouting: {settleSeconds: 86400}"), "trafficRouting.settleSeconds"),
		bad("a delay below zero", canary("scaleDownDelaySeconds: -1"), "scaleDownDelaySeconds"),
		bad("an abort delay below zero", canary("abortScaleDownDelaySeconds: -1"), "abortScaleDownDelaySeconds"),
		bad("a weight above 100", step("{setWeight: 101}"), "steps[0].setWeight", "less than or equal to 100"),
		bad("a weight below 0", step("{setWeight: -1}"), "steps[0].setWeight"),
		bad("a weight as text", step(`{setWeight: "20%"}`), "steps[0].setWeight", "integer"),
		bad("a step of nothing", step("{}"), "steps[0]", "exactly one of the fields in [setWeight setCanaryScale pause analysis] must be set"),
		bad("a step of two things", step("{setWeight: 5, pause: {}}"), "steps[0]", "exactly one of the fields in [setWeight setCanaryScale pause analysis] must be set"),
		bad("a step of another tool", step("{setHeaderRoute: {}}"), "steps[0].setHeaderRoute", "there is no such field"),
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
		bad("an argument from nowhere", args("{name: a, valueFrom: {}}"), "args[0].valueFrom",
			"exactly one of the fields in [podTemplateHashValue fieldRef] must be set"),
		bad("a hash of neither", args("{name: a, valueFrom: {podTemplateHashValue: Canary}}"), "podTemplateHashValue", "Unsupported value"),
		bad("a value without end", args("{name: a, value: "+strings.Repeat("x", 4097)+"}"), "args[0].value", "may not be more than 4096"),

		// Steps, and what runs beside them.
		good("a size apart from the weight", canary("steps: [{setCanaryScale: {replicas: 0}}, {setCanaryScale: {weight: 50}}, {setWeight: 5}, {setCanaryScale: {matchTrafficWeight: true}}]")),
		good("a pause of no time", step("{pause: {duration: 0}}")),
		good("analysis in the background", canary("analysis: {templates: [{templateName: success}]}")),
		good("analysis in the background from the last step", canary("analysis: {templates: [{templateName: success}], startingStep: 2}")),
		good("analysis in the background of no steps", canary("steps: null, analysis: {templates: [{templateName: success}], args: [{name: a, value: b}]}")),
		bad("a size of nothing", step("{setCanaryScale: {}}"), "steps[0].setCanaryScale", oneScale),
		bad("two sizes", step("{setCanaryScale: {replicas: 2, weight: 50}}"), "steps[0].setCanaryScale", oneScale),
		bad("a size and none of its own", step("{setCanaryScale: {replicas: 2, matchTrafficWeight: true}}"), "steps[0].setCanaryScale", oneScale),
		bad("a size that does not match", step("{setCanaryScale: {matchTrafficWeight: false}}"),
			"steps[0].setCanaryScale.matchTrafficWeight", `Unsupported value: false: supported values: "true"`),
		bad("a size above 100 %", step("{setCanaryScale: {weight: 101}}"), "steps[0].setCanaryScale.weight", "less than or equal to 100"),
		bad("a size below none", step("{setCanaryScale: {replicas: -1}}"), "steps[0].setCanaryScale.replicas", "greater than or equal to 0"),
		bad("analysis that never runs", canary("analysis: {templates: [{templateName: success}], startingStep: 3}"), "spec.strategy.canary",
			"analysis.startingStep is past the last step, so that the analysis would never run: it counts from 0 and must be less than the number of steps"),
		bad("analysis from a step of none", canary("steps: null, analysis: {templates: [{templateName: success}], startingStep: 1}"),
			"spec.strategy.canary", "analysis.startingStep is past the last step"),
		bad("analysis before the first step", canary("analysis: {templates: [{templateName: success}], startingStep: -1}"),
			"canary.analysis.startingStep", "greater than or equal to 0"),
		bad("background analysis of nothing", canary("analysis: {startingStep: 1}"), "canary.analysis.templates", "Required value"),
		bad("a background argument without a value", canary("analysis: {templates: [{templateName: success}], args: [{name: a}]}"),
			"canary.analysis.args[0]", "exactly one of value and valueFrom must be set"),

		// How many pods.
		good("bounds in pods", canary("maxSurge: 1, maxUnavailable: 0")),
		good("bounds in percent", canary(`maxSurge: 200%, maxUnavailable: 100%`)),
		good("bounds of nothing", canary("maxSurge: 0, maxUnavailable: 0%")),
		good("a stable revision that follows", canary("dynamicStableScale: true, abortScaleDownDelaySeconds: 60, minPodsPerReplicaSet: 2")),
		good("a stable revision that does not", canary("dynamicStableScale: false, scaleDownDelaySeconds: 60, scaleDownDelayRevisionLimit: 0")),
		good("most of the pods are enough", canary("replicaProgressThreshold: {type: Percent, value: 90}")),
		good("some pods are enough", canary("replicaProgressThreshold: {type: Pods, value: 500}")),
		bad("a surge in words", canary("maxSurge: some"), "canary.maxSurge", surgeForm),
		bad("a surge as text", canary(`maxSurge: "1"`), "canary.maxSurge", surgeForm),
		bad("a surge below zero", canary("maxSurge: -1"), "canary.maxSurge", surgeForm),
		bad("a surge below zero percent", canary("maxSurge: -25%"), "canary.maxSurge", surgeForm),
		bad("half a percent", canary("maxSurge: 0.5%"), "canary.maxSurge", surgeForm),
		bad("a surge of crowds", canary("maxSurge: 100001"), "canary.maxSurge", surgeForm),
		bad("a surge longer than a number holds", canary("maxSurge: 5000000000"), "canary.maxSurge", surgeForm),
		bad("a surge without end", canary("maxSurge: 1000000%"), "canary.maxSurge", "may not be more than 6"),
		bad("half a pod", canary("maxSurge: 1.5"), "canary.maxSurge"),
		bad("more than all missing", canary("maxUnavailable: 101%"), "canary.maxUnavailable", unavailableForm),
		bad("fewer than none missing", canary("maxUnavailable: -1"), "canary.maxUnavailable", unavailableForm),
		bad("some missing", canary("maxUnavailable: some"), "canary.maxUnavailable", unavailableForm),
		bad("a minimum of nothing", canary("minPodsPerReplicaSet: 0"), "canary.minPodsPerReplicaSet", "greater than or equal to 1"),
		bad("a delay of a revision that follows", canary("dynamicStableScale: true, scaleDownDelaySeconds: 30"), "spec.strategy.canary",
			"scaleDownDelaySeconds has no use with dynamicStableScale: the old pods are gone when the release ends; remove one of them"),
		bad("fewer than no revisions", canary("scaleDownDelayRevisionLimit: -1"), "canary.scaleDownDelayRevisionLimit"),
		bad("too many revisions", canary("scaleDownDelayRevisionLimit: 51"), "canary.scaleDownDelayRevisionLimit", "less than or equal to 50"),
		bad("more than all are enough", canary("replicaProgressThreshold: {type: Percent, value: 101}"),
			"canary.replicaProgressThreshold", "value must be a percentage of at most 100, unless type is Pods"),
		bad("nothing is enough", canary("replicaProgressThreshold: {type: Percent, value: 0}"), "replicaProgressThreshold.value", "greater than or equal to 1"),
		bad("enough of what", canary("replicaProgressThreshold: {value: 90}"), "replicaProgressThreshold.type", "Required value"),
		bad("enough of nodes", canary("replicaProgressThreshold: {type: Nodes, value: 1}"), "replicaProgressThreshold.type", "Unsupported value"),
		bad("enough without a number", canary("replicaProgressThreshold: {type: Pods}"), "replicaProgressThreshold.value", "Required value"),

		// What is put on pods, and where they run.
		good("labels for a while", canary("canaryMetadata: {labels: {role: canary}}, stableMetadata: {labels: {role: stable}, annotations: {team: a}}")),
		good("no metadata at all", canary("canaryMetadata: {}")),
		good("apart by all means", canary("antiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {}}")),
		good("apart where it can", canary("antiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: {weight: 100}}")),
		bad("thirty-three labels", canary("canaryMetadata: {labels: {"+numbered(33, "l%d: x")+"}}"), "canaryMetadata.labels", "at most 32"),
		bad("thirty-three annotations", canary("stableMetadata: {annotations: {"+numbered(33, "l%d: x")+"}}"), "stableMetadata.annotations", "at most 32"),
		bad("a label for a while that is a number", canary("canaryMetadata: {labels: {build: 5}}"), "canaryMetadata.labels.build", "string"),
		bad("finalizers for a while", canary("canaryMetadata: {finalizers: [a]}"), "canaryMetadata.finalizers", "there is no such field"),
		bad("apart in no way", canary("antiAffinity: {}"), "canary.antiAffinity", oneAffinity),
		bad("apart in both ways", canary("antiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {}, preferredDuringSchedulingIgnoredDuringExecution: {weight: 1}}"),
			"canary.antiAffinity", oneAffinity),
		bad("apart with no weight", canary("antiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: {}}"),
			"preferredDuringSchedulingIgnoredDuringExecution.weight", "Required value"),
		bad("apart with a weight of 0", canary("antiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: {weight: 0}}"),
			"preferredDuringSchedulingIgnoredDuringExecution.weight", "greater than or equal to 1"),
	}},
	{name: "canary without a router", kind: "Rollout", base: podsBase, rows: []row{
		good("the base", "{}"),
		good("no steps", canary("steps: null")),
		good("both Services to look at", canary("stableService: shop-stable, canaryService: shop-canary")),
		good("one Service to look at", canary("canaryService: shop-canary")),
		good("every other field", canary(`maxSurge: 1, maxUnavailable: 0, analysis: {templates: [{templateName: success}]},
			canaryMetadata: {labels: {role: canary}}, stableMetadata: {labels: {role: stable}}, replicaProgressThreshold: {type: Percent, value: 90},
			antiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {}}, dynamicStableScale: false`)),
		bad("one Service for both", canary("stableService: shop, canaryService: shop"), "spec.strategy.canary", "must be two Services"),
		bad("a size apart from the weight", step("{setCanaryScale: {replicas: 1}}"), "spec.strategy.canary",
			"setCanaryScale needs trafficRouting: without it the number of pods is the weight; remove the step or set trafficRouting"),
		bad("a stable revision that follows", canary("dynamicStableScale: true"), "spec.strategy.canary",
			"dynamicStableScale needs trafficRouting: without it the stable revision shrinks as the canary grows in any case; remove it or set trafficRouting"),
		bad("a minimum", canary("minPodsPerReplicaSet: 1"), "spec.strategy.canary",
			"minPodsPerReplicaSet needs trafficRouting: without it the number of pods is the weight; remove it or set trafficRouting"),
		bad("a delay", canary("scaleDownDelaySeconds: 0"), "spec.strategy.canary", delaysNeedRouting),
		bad("a delay after an abort", canary("abortScaleDownDelaySeconds: 30"), "spec.strategy.canary", delaysNeedRouting),
		bad("a limit of delays", canary("scaleDownDelayRevisionLimit: 1"), "spec.strategy.canary", delaysNeedRouting),
	}},
}
