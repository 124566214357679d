// Package load sends HTTP requests at a constant rate and writes down what became of each of them.
//
// It is an open loop: request number i is due at start + i/rate, whatever became of the ones before it, and its
// latency counts from the moment at which it was due. So a gateway that stalls for a second shows up as a hundred slow
// or lost requests, not as one. What could not be sent in time, because the generator itself was behind, is counted
// as unsent and never quietly dropped.
//
// A request is lost if nobody answered it, if its connection was closed under it (a transport that silently tries
// again does not hide that), if its answer broke off, or if the answer is not the app's own: apps under test mark
// theirs with the header X-App. An error that the app itself answers is not lost; it is counted under its code.
package load
