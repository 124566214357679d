// Package trafficrouting says what a release asks of the thing that splits traffic between two versions: the Router
// interface, and what it reports about each route.
//
// The route is the user's. It is patched, never generated: rules, matches, filters, names and other backends stay as
// they are, and after a release the route is again what the user wrote, the ownership of its fields included.
//
//   - split is the arithmetic of weights (pure).
//   - claims says which parts of which objects belong to a release while it runs, so that a tool that applies the
//     user's manifests leaves them alone (pure).
//   - gatewayapi is the Router for Gateway API routes.
package trafficrouting
