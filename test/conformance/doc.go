// Package conformance runs the Gateway API's own conformance tests on the gateways used here, for what Sluice rests on:
// weights, matches on headers and query parameters, backends, filters of headers, grants, and generations in status. So a
// gateway's fault is not taken for ours, and the gateway with faults (test/gateway) has none but those that are set.
//
// It is a module of its own, since the tests bring a great deal that nothing else here needs. It brings up a cluster, so it
// needs root on Linux; `make gateway-conformance` runs it, in four minutes, and results.md is what came of that.
// SLUICE_E2E_CLUSTER names a cluster that is up, and stays; -run 'TestConformance/traefik/HTTPRouteWeight' runs one test.
//
// The tests are upstream's, unchanged, with its echo server built from its source. Two things differ in the objects that
// they apply, since the local cluster's gateway has one listener: listeners are on its port instead of 80, and Gateways
// with TLS and the backends that only those need are left out.
package conformance
