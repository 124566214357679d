// Package model explores what the engine does, in every order in which a small world can treat it.
//
// The world (world.go) is one Rollout with its ReplicaSets, two Services, a route, a gateway and an analysis. What
// happens in it happens in single transitions (transitions.go): a pod is made, becomes ready or fails, the endpoints
// follow, the gateway acknowledges, its data plane follows, an informer catches up, a tick passes, a person asks for
// something, the spec changes, the controller makes a plan, writes one thing of it, or crashes. The explorer (explore.go)
// takes every transition in every state that can be reached, and checks in each (check.go) that no request can be lost
// by what the controller did, that the engine's invariants hold for every prefix of every plan, and that from there a
// fair world comes to rest.
//
// Scope: one or two pods, up to three revisions, one route, one gateway; a bounded number of crashes, pod failures,
// spec changes, requests and losses of status (Budget). Each of the informers (ReplicaSets, Services and endpoints,
// route, analysis) lags on its own. The data plane lags behind the gateway's acknowledgement, and behind the endpoints,
// by less than the time to settle. Something else rewriting the route is not in the scope.
package model
