package crd

import (
	"fmt"
	"strings"
)

// request is a patch of status.request.
func request(id, verb, revision, more string) string {
	return fmt.Sprintf("status: {request: {id: %s, verb: %s, revision: %s, %s}}", id, verb, revision, more)
}

// ended is an entry of the history.
func ended(more string) string {
	return `{revision: 6f1e, number: 3, commit: 1f0c, startedAt: "2026-03-01T10:00:00.000000Z", finishedAt: "2026-03-01T10:10:00.000000Z",
		pausedSeconds: 60, outcome: Promoted, ` + more + `}`
}

// rolloutStatusTables are what is remembered of Rollouts, and asked of them.
var rolloutStatusTables = []table{
	{name: "Rollout status", kind: "Rollout", base: rolloutBase, rows: []row{
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
		good("a full promote", request("4b1c", "promote", "6f1e", "full: true")),
		good("a full promote past analysis", request("4b1c", "promote", "6f1e", "full: true, skipAnalysis: true")),
		good("a promote that is not full", request("4b1c", "promote", "6f1e", "stepIndex: 0, full: false, skipAnalysis: false")),
		good("a pause", request("4b1c", "pause", "6f1e", "")),
		good("a resume", request("4b1c", "resume", "6f1e", "")),
		good("a retry", request("4b1c", "retry", "6f1e", "")),
		good("a jump back", request("4b1c", "jump", "6f1e", "stepIndex: 2, toStep: 0")),
		bad("a promote of no step", request("4b1c", "promote", "6f1e", ""), "status.request",
			"stepIndex must be set for jump, and for promote unless it is full: the step that the release is at"),
		bad("a jump from no step", request("4b1c", "jump", "6f1e", "toStep: 1"), "status.request",
			"stepIndex must be set for jump, and for promote unless it is full: the step that the release is at"),
		bad("a jump to nowhere", request("4b1c", "jump", "6f1e", "stepIndex: 1"), "status.request", "toStep must be set for jump, and for no other verb"),
		bad("a jump below zero", request("4b1c", "jump", "6f1e", "stepIndex: 1, toStep: -1"), "status.request.toStep", "greater than or equal to 0"),
		bad("an abort to a step", request("4b1c", "abort", "6f1e", "toStep: 1"), "status.request", "toStep must be set for jump, and for no other verb"),
		bad("a full abort", request("4b1c", "abort", "6f1e", "full: true"), "status.request", "full is for promote alone: remove it, or ask to promote"),
		bad("a promote past one analysis", request("4b1c", "promote", "6f1e", "stepIndex: 1, skipAnalysis: true"),
			"status.request", "skipAnalysis is for a full promote alone: set full too, or remove it"),
		bad("a retry past analysis", request("4b1c", "retry", "6f1e", "skipAnalysis: true"),
			"status.request", "skipAnalysis is for a full promote alone: set full too, or remove it"),
		bad("an undo", request("4b1c", "undo", "6f1e", ""), "status.request.verb",
			`Unsupported value: "undo": supported values: "promote", "abort", "retry", "pause", "resume", "jump"`),
		bad("an id without end", request(strings.Repeat("x", 65), "abort", "6f1e", ""), "status.request.id", "may not be more than 64"),
		bad("a person without end", request("4b1c", "abort", "6f1e", "by: "+strings.Repeat("x", 1025)), "status.request.by", "may not be more than 1024"),

		good("a history", `status: {history: [`+ended("verdicts: [{analysisRun: shop-6f1e-3, phase: Successful}]")+`]}`),
		good("one revision twice", `status: {history: [`+repeated(20, ended(""))+`]}`),
		bad("a history without end", `status: {history: [`+repeated(21, ended(""))+`]}`, "status.history", "at most 20"),
		bad("verdicts without end", `status: {history: [`+ended("verdicts: ["+repeated(11, "{analysisRun: a}")+"]")+`]}`, "status.history[0].verdicts", "at most 10"),
		bad("a release that ended at no time", "status: {history: [{revision: a, finishedAt: lately}]}", "status.history[0].finishedAt", "date-time"),

		good("a release", `status: {release: {revision: 6f1e, startedAt: "2026-03-01T10:00:00.000000Z", drives: {by: Routes, stableService: shop,
			canaryService: shop-canary, ownCanaryService: true, routes: [shop, GRPCRoute/shop], routeSelectors: [{kind: HTTPRoute, namespace: infra, selector: app=shop}]}, mode: Full, paused: true, pausedAt: "2026-03-01T10:05:00.000000Z", pausedSeconds: 30}}`),
		bad("a release driven by hand", "status: {release: {drives: {by: Hand}}}", "status.release.drives.by", `"Routes", "Replicas", "Selector"`),
		bad("a release in a mode that there is not", "status: {release: {mode: Fast}}", "status.release.mode", `"Full", "FullSkipAnalysis", "RollbackWindow"`),
	}},
}
