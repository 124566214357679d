// Package e2e runs the project as a user does, on the local cluster with real pods, a real gateway, a real Prometheus and
// a constant load: the demo, the demo with its controller killed ten times, and in its cluster the examples, each verb of
// the plugin and a change of strategy, with kubectl and the plugin; and what every router has to pass, on its gateway.
//
// It needs root, since the local cluster does; CLUSTER=existing or CLUSTER=kind run it elsewhere. SLUICE_E2E_CLUSTER names
// a cluster that the demo has left with --keep: the examples run there, without another demo.
package e2e
