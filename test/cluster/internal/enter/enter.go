//go:build linux

// Package enter is the first thing that runs in each process of a cluster: it
// puts itself into the cluster's control groups, records itself, enters the
// cluster's namespaces and only then becomes the component. So no process of a
// cluster is ever unrecorded, whatever happens to the one that starts it.
package enter

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/sluicehq/sluice/test/cluster/internal/cgroup"
	"github.com/sluicehq/sluice/test/cluster/internal/netns"
	"github.com/sluicehq/sluice/test/cluster/internal/process"
	"github.com/sluicehq/sluice/test/cluster/internal/state"
)

// Command is the name under which the program runs Main.
const Command = "enter"

// Mounts says in which mount namespace a component runs.
type Mounts string

const (
	// HostMounts is the machine's own mount namespace.
	HostMounts Mounts = "host"
	// NewMounts is a new one, in which the folders that node programs insist
	// on are the cluster's own. The process must have been started in it.
	NewMounts Mounts = "new"
	// Any other value is the id of a process whose mount namespace is shared.
)

// shared are folders whose names containerd, the CNI plugins, mount and the kubelet
// have built in. In the cluster's mount namespace they are folders of its state,
// so that clusters, and a real node on the same machine, do not meet there.
var shared = []string{"/var/lib/kubelet", "/var/lib/cni", "/var/log/containers", "/var/log/pods", "/run/containerd", "/run/mount"}

// Arguments are the arguments that make the program run a component by Main.
func Arguments(cluster, component string, mounts Mounts, command ...string) []string {
	return append([]string{Command, "-cluster", cluster, "-component", component, "-mounts", string(mounts), "--"}, command...)
}

// Main becomes the component that the arguments name; it returns only on error.
func Main(arguments []string) error {
	flags := flag.NewFlagSet(Command, flag.ContinueOnError)
	cluster := flags.String("cluster", "", "name of the cluster")
	component := flags.String("component", "", "name to record")
	mounts := flags.String("mounts", string(HostMounts), "host, new, or the id of a process to share with")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	folder, err := state.Of(*cluster)
	if err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("enter: no command")
	}
	if err := Register(folder, *component); err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := enterMounts(folder, Mounts(*mounts)); err != nil {
		return err
	}
	if err := netns.Enter(folder.Namespace()); err != nil {
		return err
	}
	return Exec(flags.Args(), os.Environ())
}

// Register puts the calling process into the cluster's control groups and
// records it.
func Register(folder *state.Folder, component string) error {
	groups, err := cgroup.New(folder.Namespace())
	if err != nil {
		return err
	}
	if err := groups.Join(os.Getpid()); err != nil {
		return err
	}
	return process.Append(folder.Records(), component, os.Getpid())
}

// Exec becomes the command; it returns only on error.
func Exec(command, environment []string) error {
	program, err := exec.LookPath(command[0])
	if err != nil {
		return fmt.Errorf("enter: %w", err)
	}
	if err := unix.Exec(program, command, environment); err != nil {
		return fmt.Errorf("enter: %s: %w", program, err)
	}
	return nil
}

func enterMounts(folder *state.Folder, mounts Mounts) error {
	switch mounts {
	case HostMounts:
		return nil
	case NewMounts:
		return bindShared(folder)
	}
	pid, err := strconv.Atoi(string(mounts))
	if err != nil {
		return fmt.Errorf("enter: mounts of %q: %w", mounts, err)
	}
	// A thread may only change its mount namespace if it shares its working
	// directory with no other.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("enter: unshare: %w", err)
	}
	handle, err := os.Open(fmt.Sprintf("/proc/%d/ns/mnt", pid))
	if err != nil {
		return fmt.Errorf("enter: mount namespace: %w", err)
	}
	defer handle.Close()
	if err := unix.Setns(int(handle.Fd()), unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("enter: mount namespace of %d: %w", pid, err)
	}
	return nil
}

func bindShared(folder *state.Folder) error {
	for _, target := range shared {
		own := folder.Path("node", filepath.FromSlash(target))
		if err := os.MkdirAll(own, 0o755); err != nil {
			return fmt.Errorf("enter: %w", err)
		}
		if err := unix.Mount(own, target, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("enter: bind %s: %w", target, err)
		}
	}
	// What the kubelet mounts for a pod must reach the pods that ask for it.
	if err := unix.Mount("", "/", "", unix.MS_SHARED|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("enter: propagation of mounts: %w", err)
	}
	return nil
}
