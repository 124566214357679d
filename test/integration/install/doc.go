// Package install tests the shipped configuration on a real API server: that it installs, and that the controller runs with
// exactly the rights that it grants. It needs etcd and kube-apiserver: `make integration` builds them and sets
// KUBEBUILDER_ASSETS.
package install
