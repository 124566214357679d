//go:build linux

package local

import (
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/sluicehq/sluice/test/cluster/internal/access"
	"github.com/sluicehq/sluice/test/cluster/internal/netns"
	"github.com/sluicehq/sluice/test/cluster/internal/process"
	"github.com/sluicehq/sluice/test/cluster/internal/state"
)

// parts are the names under which processes are recorded.
var parts = []string{
	"relay", "etcd", "kube-apiserver", "containerd", "kube-controller-manager", "kube-scheduler",
	"kubelet", "kube-proxy", "coredns", "discovery", "prometheus", "traefik",
}

// Broken says what keeps the cluster from being up, nothing if it is.
func Broken(folder *state.Folder) (string, error) {
	if !folder.Complete() {
		return "its start was not completed", nil
	}
	if !netns.Exists(folder.Namespace()) {
		return "its network namespace is gone", nil
	}
	alive, err := alive(folder)
	if err != nil {
		return "", err
	}
	for _, name := range parts {
		if !slices.Contains(alive, name) {
			return name + " is not running", nil
		}
	}
	return "", nil
}

// alive lists the parts whose processes run.
func alive(folder *state.Folder) ([]string, error) {
	records, err := process.Records(folder.Records())
	if err != nil {
		return nil, err
	}
	var names []string
	for _, record := range records {
		if record.Alive() {
			names = append(names, record.Component)
		}
	}
	return names, nil
}

// Status prints each part with its process and says whether the cluster is up.
func Status(name string, out io.Writer) error {
	folder, err := state.Of(name)
	if err != nil {
		return err
	}
	if !folder.Exists() {
		return fmt.Errorf("there is no cluster %s; up makes one", name)
	}
	records, err := process.Records(folder.Records())
	if err != nil {
		return err
	}
	for _, record := range records {
		condition := "running"
		if !record.Alive() {
			condition = "ENDED, see " + folder.Log(record.Component)
		}
		fmt.Fprintf(out, "%-24s %7d  %s\n", record.Component, record.PID, condition)
	}
	broken, err := Broken(folder)
	if err != nil {
		return err
	}
	if broken != "" {
		return fmt.Errorf("cluster %s is not up: %s", name, broken)
	}
	return nil
}

// Find gives how a cluster that is up is reached.
func Find(name string) (access.Points, error) {
	folder, err := running(name)
	if err != nil {
		return access.Points{}, err
	}
	return resultOf(folder)
}

// running gives the state of a cluster that has come up.
func running(name string) (*state.Folder, error) {
	folder, err := state.Of(name)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(folder.Path("complete")); err != nil {
		return nil, fmt.Errorf("there is no cluster %s; up makes one", name)
	}
	return folder, nil
}
