// Package model explores what the engine does, in every order in which a small world can treat it.
//
// The world (world.go) is one Rollout with its ReplicaSets, two Services, a route, a gateway and two analyses. What
// happens in it happens in single moves (move.go, moves.go, take.go): a pod is made, becomes ready or fails, the endpoints
// follow, the gateway acknowledges, its data plane follows, an informer catches up, a tick passes, a person asks for
// something, the spec changes, the controller makes a plan, writes one thing of it, or crashes (controller.go). The
// explorer (explore.go) takes every move in every state that can be reached, breadth first, and checks (check.go, harm.go,
// rest.go) that no request can be lost by what the controller did, that the engine's invariants hold for every prefix of
// every plan, that what was decided may be decided, and that from there a fair world comes to rest as it should.
//
// # Scopes
//
// A scope (scope.go, scopes.go) is a strategy, or two between which the spec may be changed, a number of pods, and what the
// adversary may do: a number of moves in all, each of any kind that the scope has. "Every pair of moves at every point" is
// a scope with two moves of every kind. Quick are for the quick loop, Scopes for CI, Deep for a long run. What is free, and
// costs no move, is all that an honest world may do: any order, any delay, any verdict of an analysis, any lag of an
// informer where the scope has informers that lag.
//
// # What is looked for
//
//   - Harm: a pod goes while the data plane sends it requests; what is left of a revision does not carry its share; a share
//     goes to a Service behind which the data plane knows no ready pod; without a route, fewer pods stay available in all
//     than replicas without those that may be missing. What pods that fail by themselves lose, what something else wrote
//     into the route, and what a spec of no pods loses is left out, for as long as that lasts.
//   - plan.Violations of each action after every prefix, more pods than may be, actions on what there is not.
//   - Decisions: a step back without a reason, forward while held, a rejected revision released, a promotion without its
//     pods or against a verdict, a clock that was set back and moves something forward.
//   - Circles: a status that is written over and over, a controller that goes round in a world that does not change
//     otherwise, and a fair world that never comes to rest. Every state has one fair move, the first that changes anything,
//     so that a fair world is a walk; one that ends must end well. There are two such worlds: in one the controller is
//     slower than all else, in the other it is faster.
//
// Trouble comes with the shortest way there, as a script that ReplayScript takes: testdata keeps those of what was mended.
//
// # What is assumed
//
//   - Two worlds with one key (key.go) go on alike. The key has ages instead of times, in whole ticks, up to the longest
//     that anything waits for, and no names and texts that nothing depends on; it is the first 128 bits of a SHA-256.
//   - Time is "passed or not": with one tick to settle two waits that overlap end together or one after the other; scopes
//     with two ticks to settle have the ones that end in between.
//   - The controller awaits its own writes; a write of status fails when the spec or a request has changed since the plan;
//     a write to a ReplicaSet or a route fails when that has changed since the plan, and so do evictions.
//   - A data plane is behind the gateway's acknowledgement, and behind the endpoints, by no more than the time to settle.
//   - The ReplicaSet controller deletes pods that are not ready first. Pods serve until they are gone: draining one pod of
//     several is not modelled.
//   - Before a Rollout is deleted the shell waits until no ReplicaSet is losing pods, lets both Services select every pod,
//     waits for their endpoints to settle, and restores the route.
//   - Without a route and a selector to switch, requests come in through something that selects every pod.
//
// Left out: a status that is lost together with a change of what the strategy drives, in one release; several routes and
// gateways; PodDisruptionBudgets; ReplicaSets, Services and routes that somebody deletes.
package model
