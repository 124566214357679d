// Command fleet measures what a fleet of Rollouts costs: run it with `make bench-fleet`.
//
// It starts an etcd and a kube-apiserver, installs config/default less its Deployment, and runs the controller as a
// process of its own, with the arguments, environment and rights of that Deployment. There is no kubelet and no other
// controller: the program itself plays the controller of ReplicaSets, whose pods are ready at once, so that what is
// measured is this controller and the API server below it.
//
// Every figure is taken from outside of the process: time from the watch of a bystander, processor time and memory from
// /proc, and the requests from the API server's audit log. So it needs Linux, and KUBEBUILDER_ASSETS, the folder with
// etcd and kube-apiserver.
//
// What is measured is in rows.go and neighbours.go, what plays along in replicasets.go and pods.go, and what is printed
// in report.go. Nothing here is a test of time: fleet_test.go holds only that a small fleet comes to rest, with no more
// requests than the targets allow.
package main
