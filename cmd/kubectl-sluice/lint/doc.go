// Package lint looks for mistakes in manifests before a cluster sees them: what the API server or the controller would
// refuse, references between the objects that do not fit, and what works but surprises.
//
// It judges only what it is given: a Service that is named and not among the objects is a mistake only where others are.
//
// Folders that have the same object are taken for variants, as of two environments, which are not applied together.
//
// Where to look: rules.go lists the rules; check.go goes through the objects; schema.go what the API server says,
// template.go the pods, strategy.go the steps, and a file for each kind that a Rollout has to fit: service.go, route.go,
// analysis.go, workload.go, autoscaler.go; argo.go what is written for Argo Rollouts.
package lint
