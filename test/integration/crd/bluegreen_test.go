package crd

const blueGreenBase = `
apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata: {name: shop, namespace: team-a}
spec:
  replicas: 3
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: "shop:1"}]}
  strategy:
    blueGreen: {activeService: shop, previewService: shop-preview, autoPromotionEnabled: false}
`

// blueGreen is a patch of the blue-green strategy.
func blueGreen(patch string) string { return "spec: {strategy: {blueGreen: {" + patch + "}}}" }

// blueGreenTables are the blue-green strategies, by the selector of a Service and by the weights of routes.
var blueGreenTables = []table{
	{name: "blue-green", kind: "Rollout", base: blueGreenBase, rows: []row{
		good("the base", "{}"),
		good("the least", blueGreen("previewService: null, autoPromotionEnabled: null")),
		good("a small preview", blueGreen("previewReplicaCount: 1")),
		good("a switch by itself", blueGreen("autoPromotionEnabled: true, autoPromotionSeconds: 30")),
		good("a switch by itself and at once", blueGreen("autoPromotionEnabled: null, autoPromotionSeconds: 0")),
		good("analysis on both sides", blueGreen(`prePromotionAnalysis: {templates: [{templateName: smoke}]},
			postPromotionAnalysis: {templates: [{templateName: success}], args: [{name: hash, valueFrom: {podTemplateHashValue: Latest}}]}`)),
		good("by the weights of a route", blueGreen("trafficRouting: {gatewayAPI: {httpRoutes: [{name: shop}]}}")),
		good("by the weights of a route, with a preview that is made", blueGreen("previewService: null, trafficRouting: {gatewayAPI: {httpRoutes: [{name: shop}]}}")),
		good("a time for endpoints", blueGreen("trafficRouting: {settleSeconds: 10}")),
		good("no delay", blueGreen("scaleDownDelaySeconds: 0, abortScaleDownDelaySeconds: 0, scaleDownDelayRevisionLimit: 0")),
		good("a restart that takes some away", blueGreen("maxUnavailable: 20%")),
		good("what is put on pods", blueGreen("previewMetadata: {labels: {role: preview}}, activeMetadata: {labels: {role: active}}")),
		good("apart, and most are enough", blueGreen("antiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: {weight: 1}}, replicaProgressThreshold: {type: Pods, value: 2}")),

		bad("no active Service", blueGreen("activeService: null"), "blueGreen.activeService", "Required value"),
		bad("an empty active Service", blueGreen(`activeService: ""`), "blueGreen.activeService", "at least 1 chars long"),
		bad("an empty preview Service", blueGreen(`previewService: ""`), "blueGreen.previewService", "at least 1 chars long"),
		bad("one Service for both", blueGreen("previewService: shop"), "spec.strategy.blueGreen",
			"previewService and activeService must be two Services: give the preview one of its own, or leave previewService out"),
		bad("a time for a switch by hand", blueGreen("autoPromotionSeconds: 30"), "spec.strategy.blueGreen",
			"autoPromotionSeconds has no use with autoPromotionEnabled: false, where somebody promotes: remove one of them"),
		bad("a time below zero", blueGreen("autoPromotionEnabled: true, autoPromotionSeconds: -1"), "blueGreen.autoPromotionSeconds", "greater than or equal to 0"),
		bad("a preview of nothing", blueGreen("previewReplicaCount: 0"), "blueGreen.previewReplicaCount", "greater than or equal to 1"),
		bad("analysis of nothing before", blueGreen("prePromotionAnalysis: {}"), "prePromotionAnalysis.templates", "Required value"),
		bad("analysis of nothing after", blueGreen("postPromotionAnalysis: {templates: []}"), "postPromotionAnalysis.templates", "at least 1"),
		bad("an argument without a value", blueGreen("prePromotionAnalysis: {templates: [{templateName: smoke}], args: [{name: a}]}"),
			"prePromotionAnalysis.args[0]", "exactly one of value and valueFrom must be set"),
		bad("a delay below zero", blueGreen("scaleDownDelaySeconds: -1"), "blueGreen.scaleDownDelaySeconds", "greater than or equal to 0"),
		bad("an abort delay below zero", blueGreen("abortScaleDownDelaySeconds: -1"), "blueGreen.abortScaleDownDelaySeconds", "greater than or equal to 0"),
		bad("too many revisions", blueGreen("scaleDownDelayRevisionLimit: 51"), "blueGreen.scaleDownDelayRevisionLimit", "less than or equal to 50"),
		bad("more than all missing", blueGreen("maxUnavailable: 101%"), "blueGreen.maxUnavailable", unavailableForm),
		bad("more than all are enough", blueGreen("replicaProgressThreshold: {type: Percent, value: 101}"),
			"blueGreen.replicaProgressThreshold", "value must be a percentage of at most 100, unless type is Pods"),
		bad("apart in no way", blueGreen("antiAffinity: {}"), "blueGreen.antiAffinity", oneAffinity),
		bad("steps", blueGreen("steps: [{setWeight: 20}]"), "blueGreen.steps", "there is no such field"),
		bad("a surge", blueGreen("maxSurge: 1"), "blueGreen.maxSurge", "there is no such field"),
	}},
}
