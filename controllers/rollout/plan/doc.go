// Package plan decides what a Rollout does next. It is a pure function: no I/O, no clock, no randomness.
//
//	Next(spec, seen, now) -> Plan{Status, Actions, WakeAt, Summary, Notes}
//
// The shell around it observes the cluster, calls Next, writes Plan.Status, carries out Plan.Actions in their order,
// and comes back when the world changes or at WakeAt. Three rules make that safe:
//
//   - Status first. The state never claims that something was done, only what is intended or was seen, so it is written
//     before the actions that rely on it, and a crash between any two writes leaves a state to go on from.
//   - Every prefix of the actions keeps the invariants (invariant.go). Each action is idempotent.
//   - A plan that takes something away, or gives traffic to something, is made twice: once from caches, and once more
//     from live reads just before it is carried out (Plan.NeedsLive). So its preconditions are the guards of the engine
//     itself, checked against everything that the decision rests on.
//
// Where to look: next.go is the order of the decisions; traffic.go what a gateway may still be serving; candidate.go
// which revision is released; canary.go the steps; promotion.go the hand-over to the stable Service; act.go what has
// to be done to the cluster for the state to come true; invariant.go what must never happen.
package plan
