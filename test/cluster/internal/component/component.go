// Package component knows the upstream programs that a cluster is made of: from
// which Go module each is built, how long that takes, where the result is kept,
// and whether a program that is on the machine already can take its place.
package component

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Component is one program.
type Component struct {
	// Name is the program's file name.
	Name string
	// module is the folder of its Go module below the source folder.
	module string
	// pkg is what go build is given.
	pkg string
	// versioned is the module whose required version is the program's own,
	// empty for our own programs.
	versioned string
	// cost is about how long a cold build takes on two busy cores.
	cost time.Duration
	// stamp is the -X prefixes that receive the version.
	stamp []string
	// ask is what makes the program print its version, nil where a program
	// found on the machine must not take its place.
	ask []string
}

// kubernetesStamp are the variables that Kubernetes' programs report as their version.
var kubernetesStamp = []string{"k8s.io/component-base/version.gitVersion", "k8s.io/client-go/pkg/version.gitVersion"}

func kubernetes(name string, cost time.Duration, ask ...string) Component {
	return Component{
		Name: name, module: "kubernetes", pkg: "k8s.io/kubernetes/cmd/" + name, versioned: "k8s.io/kubernetes",
		cost: cost, stamp: kubernetesStamp, ask: ask,
	}
}

// all lists the components in the order in which they are built: what
// integration tests need first.
var all = []Component{
	{
		Name: "etcd", module: "etcd", pkg: "go.etcd.io/etcd/server/v3", versioned: "go.etcd.io/etcd/server/v3",
		cost: 50 * time.Second, ask: []string{"--version"},
	},
	kubernetes("kube-apiserver", 5*time.Minute, "--version"),
	kubernetes("kubectl", 30*time.Second, "version", "--client"),
	kubernetes("kube-controller-manager", time.Minute, "--version"),
	kubernetes("kube-scheduler", 10*time.Second, "--version"),
	kubernetes("kubelet", 40*time.Second, "--version"),
	kubernetes("kube-proxy", 10*time.Second, "--version"),
	{
		Name: "traefik", module: "traefik", pkg: ".", versioned: "github.com/traefik/traefik/v3",
		cost: 3 * time.Minute, ask: []string{"version"},
	},
	{
		Name: "coredns", module: "coredns", pkg: ".", versioned: "github.com/coredns/coredns",
		cost: 90 * time.Second, ask: []string{"-version"},
	},
	{Name: "pause", module: ".", pkg: "./pause", cost: 2 * time.Second},
}

// Assets are the names of the components that integration tests need.
var Assets = []string{"etcd", "kube-apiserver", "kubectl"}

// Names lists every component in build order.
func Names() []string {
	names := make([]string, 0, len(all))
	for _, component := range all {
		names = append(names, component.Name)
	}
	return names
}

// find gives the named component.
func find(name string) (Component, error) {
	index := slices.IndexFunc(all, func(c Component) bool { return c.Name == name })
	if index < 0 {
		return Component{}, fmt.Errorf("there is no component %q; there are %s", name, strings.Join(Names(), ", "))
	}
	return all[index], nil
}
