//go:build linux

// Package netns makes a cluster's network namespace, so that no port or route of
// the machine is touched, and runs things in it.
package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// folder is where iproute2 keeps named namespaces.
const folder = "/run/netns"

// Path is the file by which the named namespace is entered.
func Path(name string) string { return filepath.Join(folder, name) }

// Exists says whether the named namespace is there.
func Exists(name string) bool {
	_, err := os.Stat(Path(name))
	return err == nil
}

// Create makes the named namespace with a loopback device and a bridge device
// "node0" that has the given address, as in 10.0.0.1/24.
func Create(name, address string) error {
	if err := ip("netns", "add", name); err != nil {
		return err
	}
	for _, arguments := range []string{
		"link set lo up",
		"link add node0 type bridge",
		"address add " + address + " dev node0",
		"link set node0 up",
		// Service addresses need some route before the packet filter rewrites them.
		"route add default dev node0",
	} {
		if err := ip(append([]string{"-n", name}, strings.Fields(arguments)...)...); err != nil {
			return err
		}
	}
	return Do(name, func() error {
		// Pods reach each other and the node through the node.
		return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
	})
}

// Delete removes the named namespace, its devices and its packet filter. It is
// no error if it is not there.
func Delete(name string) error {
	if !Exists(name) {
		return nil
	}
	if err := ip("netns", "delete", name); err != nil && Exists(name) {
		return err
	}
	return nil
}

// RemoveFolder removes the folder of named namespaces, which iproute2 makes and
// mounts on itself, where no namespace of anyone is left in it.
func RemoveFolder() error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) || len(entries) > 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("network namespaces: %w", err)
	}
	for unix.Unmount(folder, unix.MNT_DETACH) == nil {
		// It may have been mounted on itself more than once.
	}
	_ = os.Remove(folder) // one that was filled meanwhile stays
	return nil
}

func ip(arguments ...string) error {
	text, err := exec.Command("ip", arguments...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(arguments, " "), err, strings.TrimSpace(string(text)))
	}
	return nil
}

// Do runs f on a thread that is in the named namespace. Sockets that f opens
// stay in it; goroutines that f starts do not run in it.
func Do(name string, f func() error) error {
	done := make(chan error, 1)
	go func() {
		// The thread is never unlocked, so that it ends with this goroutine
		// instead of serving others from the wrong namespace.
		runtime.LockOSThread()
		if err := Enter(name); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
}

// Enter moves the calling thread, which must be locked, into the named namespace.
func Enter(name string) error {
	file, err := os.Open(Path(name))
	if err != nil {
		return fmt.Errorf("network namespace: %w", err)
	}
	defer file.Close()
	if err := unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("network namespace %s: %w", name, err)
	}
	return nil
}

// Processes lists the ids of all processes in the named namespace.
func Processes(name string) ([]int, error) {
	var wanted unix.Stat_t
	if err := unix.Stat(Path(name), &wanted); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, fmt.Errorf("network namespace %s: %w", name, err)
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("processes: %w", err)
	}
	var ids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		var has unix.Stat_t
		if err := unix.Stat(filepath.Join("/proc", entry.Name(), "ns/net"), &has); err != nil {
			continue // it has ended
		}
		if has.Ino == wanted.Ino && has.Dev == wanted.Dev {
			ids = append(ids, pid)
		}
	}
	return ids, nil
}
