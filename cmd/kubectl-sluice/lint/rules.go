package lint

import (
	"cmp"
	"slices"

	"github.com/sluicehq/sluice/cmd/kubectl-sluice/manifest"
)

// Severity is how bad a finding is.
type Severity string

// The severities.
const (
	// Error: the API server or the controller refuses it, or a release cannot work.
	Error Severity = "error"
	// Warning: it works, and is hardly what was meant.
	Warning Severity = "warning"
	// Note: it may well be meant, and is good to know.
	Note Severity = "note"
)

// Rule is something that is looked for.
type Rule struct {
	ID       string
	Severity Severity
	Meaning  string
}

// The rules.
var (
	ruleUnreadable  = rule("unreadable", Error, "what is no YAML, or no Kubernetes object")
	ruleDuplicate   = rule("duplicate", Error, "the same object twice in a folder")
	ruleSchema      = rule("schema", Error, "what the API server refuses, and fields that do not exist")
	ruleArgo        = rule("argo-rollouts", Error, "an object for Argo Rollouts: what has to be changed in it")
	ruleTemplate    = rule("template-invalid", Error, "a pod template that the API server refuses")
	ruleSelector    = rule("selector-mismatch", Error, "a selector that does not select the template's pods")
	ruleOverlap     = rule("selector-overlap", Error, "a selector that catches another workload's pods")
	ruleService     = rule("service-missing", Warning, "a Service that is named and is not there, where others are")
	ruleServicePods = rule("service-selector", Error, "a Service that does not select the template's pods")
	rulePorts       = rule("service-ports", Error, "a canary Service that lacks a port of the stable one; a port that leads nowhere")
	ruleTaken       = rule("service-taken", Error, "a Service with the name of the one that the Rollout makes for its releases")
	ruleShared      = rule("service-shared", Error, "one Service for two Rollouts")
	ruleRoute       = rule("route-missing", Warning, "a route that is named, or a selector that finds none, where others are")
	ruleGrant       = rule("route-grant", Error, "a route in another namespace that lacks a ReferenceGrant")
	ruleBackend     = rule("route-backend", Error, "a route without a rule that gives the stable Service any traffic")
	ruleParents     = rule("route-parents", Error, "a route that no gateway follows")
	ruleNoTemplate  = rule("analysis-missing", Warning, "an analysis template that is named and is not there, where others are")
	ruleAnalysis    = rule("analysis-invalid", Error, "an analysis that cannot be run: arguments, conditions, a step without an end")
	ruleWorkload    = rule("workload-missing", Warning, "a Deployment that workloadRef names and that is not there, where others are")
	ruleSharedWork  = rule("workload-shared", Error, "one Deployment for two Rollouts")
	ruleAdopt       = rule("adopt-selector", Error, "a Deployment that cannot be adopted: its selector is another")
	ruleAutoscaler  = rule("autoscaler-target", Error, "an autoscaler of the Deployment that the Rollout takes the place of, or of nothing")
	ruleEphemeral   = rule("ephemeral-label", Error, "ephemeral metadata that no pod may have, or with a label that something selects by")

	ruleField     = rule("template-field", Warning, "a field of the pod template that this version does not know")
	ruleProbe     = rule("probe-missing", Warning, "a pod without a readiness probe: it counts as ready before it answers")
	ruleImage     = rule("image-floating", Warning, "an image without a version: a new one is no change of the template")
	ruleGrace     = rule("grace-too-short", Warning, "a grace period below settleSeconds: requests on their way are lost")
	ruleSurge     = rule(SurgeDoubles, Warning, "a release that doubles the number of pods")
	ruleRising    = rule("weight-not-rising", Warning, "a weight that is not above the one before it")
	ruleAfterFull = rule("step-after-full", Warning, "a step after weight 100, with all traffic on the new revision already")
	ruleSettle    = rule("settle-zero", Warning, "settleSeconds 0: pods go while a gateway may still send to them")
	ruleDeadline  = rule("deadline-too-short", Warning, "a progress deadline below what a pod needs to become available")
	ruleReplicas  = rule("replicas-and-autoscaler", Warning, "spec.replicas beside an autoscaler: each apply resets what it has set")
	ruleAdopted   = rule("adopted-still-there", Warning, "a Deployment that is adopted and still among the manifests: it would be made again")
	ruleBudget    = rule("budget-blocks", Warning, "a PodDisruptionBudget that no pod may ever leave: a restart cannot evict any")

	rulePerson   = rule("waits-for-person", Note, "steps that wait until somebody promotes")
	ruleMinReady = rule("min-ready-zero", Note, "no minReadySeconds: a pod that crashes right after it was ready has counted")
	ruleFine     = rule("weight-too-fine", Note, "a weight that whole pods cannot carry, without trafficRouting")
	ruleNoSteps  = rule("no-steps", Note, "a canary without steps: all traffic moves as soon as the pods are available")
	ruleLast     = rule("last-weight", Note, "a last step setWeight 100, which comes after the last step in any case")
)

var rules []Rule

func rule(id string, severity Severity, meaning string) Rule {
	r := Rule{ID: id, Severity: severity, Meaning: meaning}
	rules = append(rules, r)
	return r
}

// Rules are all rules, the worst first.
func Rules() []Rule { return slices.Clone(rules) }

// SurgeDoubles is the rule for releases that double the number of pods.
const SurgeDoubles = "surge-doubles"

// Refused says that the API server would not take the object that a finding is about.
func Refused(f Finding) bool {
	return slices.Contains([]string{ruleSchema.ID, ruleTemplate.ID, ruleArgo.ID}, f.Rule)
}

// Finding is one thing that was found.
type Finding struct {
	// File and Line, from 1, that it is about.
	File string `json:"file"`
	Line int    `json:"line"`
	// Object that it is about, as "Kind name", and the field, where it is about one.
	Object   string   `json:"object,omitempty"`
	Field    string   `json:"field,omitempty"`
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
}

// findings collects what is found.
type findings []Finding

func (f *findings) add(o *manifest.Object, r Rule, field, message string) {
	*f = append(*f, Finding{
		File: o.File, Line: o.LineOf(field), Object: o.String(), Field: field, Rule: r.ID, Severity: r.Severity, Message: message,
	})
}

// sorted are the findings by file and line, each once.
func (f *findings) sorted() []Finding {
	slices.SortStableFunc(*f, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(rank(a.Severity), rank(b.Severity)),
			cmp.Compare(a.Field, b.Field))
	})
	return slices.Compact(*f)
}

func rank(s Severity) int {
	return slices.Index([]Severity{Error, Warning, Note}, s)
}
