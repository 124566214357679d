// Package faultgateway is a small gateway for the Gateway API with the faults that gateways have, each of which can be set
// and changed while it runs. A real gateway has habits that one cannot choose; with this one a test can ask what happens
// under each of them.
//
// It is a control plane and one or more replicas of a data plane in one process. The control plane watches a
// GatewayClass, its Gateways, HTTPRoutes, GRPCRoutes, ReferenceGrants, Services and EndpointSlices, and writes status.
// The data plane proxies HTTP/1.1 and HTTP/2 without TLS (so gRPC) to the addresses of endpoints. What it knows of the
// Gateway API is in package table.
//
// Each change is stamped when the informers show it, and then travels three ways, each with a lag of its own:
//
//	change of a route seen ──StatusLag──> status written: Accepted, ResolvedRefs, observedGeneration
//	                       └─RouteLag───> each replica's table, later by that replica's Skew, not more often than Throttle
//	change of an endpoint  ──EndpointLag> each replica's addresses, likewise
//
// With StatusLag 0 and RouteLag 5 s the gateway acknowledges what it serves only five seconds later; with EndpointLag
// above RouteLag it sends to a Service whose pods it does not know yet, or to pods that are gone. See Faults for all.
//
// The data plane draws backends by weight and endpoints evenly, with a seed that is printed. Nothing is tried twice, not
// even on a kept connection that the other side has closed, where most HTTP clients do so silently. A backend without
// endpoints is status 503, one that leads nowhere 500, a failed connection 502, a request that no rule matches 404; each
// of these carries the header X-Gateway-Error.
//
// Every request is noted with the replica, route, generation, Service and pod that served it (Served), and so is each
// moment at which a status was written or a replica followed (Timeline).
package faultgateway
