// Package rollout is the controller of Rollouts: the shell around the engine of package plan.
//
//	cache --observe--> plan.Observed --plan.Next--> Plan --status--> Rollout.status
//	                      ^                          |
//	                      |      takes away or gives |  --execute--> ReplicaSets, Services, routes, AnalysisRuns
//	                      +------- read it all live -+  --announce--> events
//
// All decisions are the engine's. The shell holds to four rules:
//
//   - It plans only when the caches have seen its own writes (expectations.go), and what takes something away or gives
//     traffic is planned once more from live reads.
//   - The status is written before the actions, on the condition that the Rollout is the one that was planned for.
//   - Every write is made on the condition that the object is the one that was observed. When that fails, the rest of
//     the plan is dropped and a new one is made.
//   - What the engine must not know is done beside it: the pod template is checked by a dry run before anything moves
//     (validate_template.go), ReplicaSets of a deleted namesake and those of an adopted Deployment are taken over
//     (adopt.go), pods get the labels of their role (podmetadata.go), a deleted Rollout gives routes, Services and a
//     workload's pods back (finalize.go), and old AnalysisRuns are collected (runs.go).
//
// What is wanted is read by package wanted, and what a template carries beyond what the user wrote by package extras.
// Package forecast plays the engine in a world of its own, to show what would happen.
//
// Where to look: setup.go the watches; view.go, observe.go, endpoints.go, health.go and workload.go what is seen;
// validate.go and its neighbours what cannot be used, sharing.go and overlap.go what two Rollouts cannot both have, and
// creations.go what the API server did not take; state.go, status.go and history.go what is remembered and shown;
// execute.go what is done, with replicasets.go, services.go and restart.go.
package rollout
