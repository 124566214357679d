// Package ext holds the two extension points of Traefik's dynamic configuration.
// Traefik keeps them in a nested module that is not published, so a build from
// the Go module proxy has to bring its own. They are empty, as in Traefik.
package ext

// HTTP extends the HTTP configuration by nothing.
type HTTP struct{}

// DeepCopyInto copies nothing.
func (*HTTP) DeepCopyInto(*HTTP) {}

// Router extends a router by nothing.
type Router struct{}

// DeepCopyInto copies nothing.
func (*Router) DeepCopyInto(*Router) {}
