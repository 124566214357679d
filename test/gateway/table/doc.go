// Package table turns Gateway API objects into what a data plane needs: a table of rules in the order in which they are
// asked, and the addresses behind each port of a Service. It is pure: no clock, no chance of its own, no I/O.
//
// HTTPRoute and GRPCRoute are known. A GRPCRoute becomes rules on the path /Service/Method, so both go one way. What is
// not known (redirects, ExtensionRef, CORS, retries, session persistence) is refused for the route that asks for it, with the
// condition that the Gateway API has for that.
//
// All listeners of all Gateways are served at one address, so the port of a listener says only which parentRefs it
// matches. A request goes to the rule with the most specific hostname; among those, the Gateway API's order decides:
// exact path, regular expression, longest prefix, method, number of headers, number of query parameters, oldest route,
// name, position.
package table
