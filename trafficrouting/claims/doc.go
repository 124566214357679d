// Package claims says which parts of which objects a Rollout drives, and keeps a tool that applies the user's manifests
// from fighting over them.
//
// While a release runs, the weights in a route's rules and one key of a Service's selector are the Rollout's, not Git's.
// Both lie inside lists and maps that the API server treats as one value, so field ownership cannot share them: whoever
// applies the object must write the Rollout's part as it is now, and everything else as Git has it. Overlay does that.
//
// The backends and rules are found by what they name, never by their position. That a release is running is read from
// the object itself: a route carries a mark (an annotation for each stable Service, with the canary's share) from the
// first changed weight until the route is restored, and a Service carries the selector key only while it is pinned.
// Without them the desired object is left exactly as it is.
//
// It is pure: no input is changed, and only the standard library is used. Objects are the maps of decoded JSON.
package claims
