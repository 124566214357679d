// Package gatewayapi moves the weights of Gateway API routes.
//
// What is pure is apart from what talks to the API server: original.go (what is remembered of a route, and how a change
// by the user in mid-release is told from our own), mutate.go (weights) and parents.go (what the gateways' controllers
// have acknowledged) take a route and return a route or a finding. router.go observes, with select.go (routes by their
// labels), grants.go (routes in other namespaces), policies.go and features.go (what a gateway would not do); write.go
// writes. Routes are handled as decoded JSON, so that fields newer than any Go type of ours survive, and kinds of routes
// differ in nothing but their name.
//
// # Kinds and versions
//
// HTTPRoute, GRPCRoute, TCPRoute and TLSRoute have the same shape as far as weights go: rules with backendRefs. kinds.go
// knows in which version a cluster serves each; all of them show the same objects. A route is written in the version in
// which its owner wrote its rules, since what one version allows another may refuse. After definitions are replaced by
// ones that no longer serve the version in use, a kind is looked up anew as soon as a route is not found in it.
//
// # The mark
//
// From the first write of a release until the route is restored, the route carries an annotation for the stable Service
// with the canary's share (see claims.Mark), written together with the weights. It tells our weights from the user's
// even after somebody has taken the field spec.rules over, which a server-side apply with force does.
//
// # What the user changes in mid-release
//
// While the mark is there, each rule is compared with the weights that the record and the mark lead to:
//
//   - They agree: the record is the user's word.
//   - Both Services are at 0 though the record has weight: they were overwritten, and the record is the user's word. The
//     share counts as unknown until it is written again. To switch a rule off in mid-release, set the stable backend's
//     weight to 0 and leave the canary backend out.
//   - They are what a release makes of some other weights (a GitSync applied new ones): those are the user's word.
//   - Neither: the weights are taken as they stand, what an added canary backend has counting as the stable's.
//
// Matches, filters, timeouts and backends other than the canary that we added are always the user's, as they are now.
// A record is found for a rule by name, else by equal matches, else by position. In a rule that was added in mid-release
// and that no record knows, a canary backend that carries a release's weight counts as ours and is taken out at the end;
// recording Route.Original anew makes such rules known.
//
// A rule that gives the stable Service weight 0 gets no traffic from a release either, and says nothing about the share.
//
// # Ownership
//
// The lists of rules and backends belong to one field manager each as a whole. A first write thus takes spec.rules from
// whoever applied it; the record names those managers, and Restore gives the field back to them: one write brings the
// spec back, a second one changes nothing but managedFields, since the API server assigns changed fields to the writer
// in any write that changes them.
package gatewayapi
