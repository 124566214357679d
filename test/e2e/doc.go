// Package e2e runs the project as a user does, on the local cluster with real pods, a real gateway, a real Prometheus and
// a constant load: the demo, the demo with its controller killed ten times, and the examples with kubectl and the plugin.
//
// It needs root, since the local cluster does; CLUSTER=existing or CLUSTER=kind run it elsewhere.
package e2e
