// Package cgroup gives a cluster a control group of its own in every hierarchy
// of the machine, version 1 or 2, so that whatever runs in it can be found and
// ended, and nothing of two clusters is mixed.
package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// leaf is the group of the cluster's own processes. It lies one below the
// cluster's group, since version 2 wants processes in leaves only.
const leaf = "components"

// Groups are a cluster's control groups.
type Groups struct {
	name  string
	roots []string
}

// New gives the groups of the given name, none of which needs to exist.
func New(name string) (*Groups, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("control groups: %w", err)
	}
	roots := hierarchies(string(mounts))
	if len(roots) == 0 {
		return nil, errors.New("control groups: none is mounted; mount cgroup2 on /sys/fs/cgroup")
	}
	return &Groups{name: name, roots: roots}, nil
}

// hierarchies finds the mount points of control groups in the text of mountinfo.
func hierarchies(mountinfo string) []string {
	var roots []string
	for line := range strings.Lines(mountinfo) {
		before, after, ok := strings.Cut(line, " - ")
		if !ok {
			continue
		}
		kind, fields := strings.Fields(after), strings.Fields(before)
		if len(kind) == 0 || len(fields) < 5 || kind[0] != "cgroup" && kind[0] != "cgroup2" {
			continue
		}
		if root := fields[4]; !slices.Contains(roots, root) {
			roots = append(roots, root)
		}
	}
	return roots
}

// Path is the groups' name as the kubelet wants it.
func (g *Groups) Path() string { return "/" + g.name }

// Create makes the groups.
func (g *Groups) Create() error {
	for _, root := range g.roots {
		folder := root
		for _, part := range []string{g.name, leaf} {
			parent := folder
			folder = filepath.Join(folder, part)
			if err := os.Mkdir(folder, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("control group: %w", err)
			}
			if err := inheritCPUs(parent, folder); err != nil {
				return err
			}
			enableControllers(parent)
		}
	}
	return nil
}

// inheritCPUs fills a version 1 cpuset, which starts empty and takes no process so.
func inheritCPUs(parent, folder string) error {
	for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
		value, err := os.ReadFile(filepath.Join(parent, name))
		if err != nil { // not the cpuset hierarchy, or version 2, which inherits by itself
			continue
		}
		own, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || len(bytes.TrimSpace(own)) > 0 {
			continue
		}
		if err := os.WriteFile(filepath.Join(folder, name), value, 0o644); err != nil {
			return fmt.Errorf("control group: %w", err)
		}
	}
	return nil
}

// enableControllers hands a version 2 group's controllers to the groups in it.
// Which of them can be had depends on the machine; the kubelet names what it misses.
func enableControllers(folder string) {
	names, err := os.ReadFile(filepath.Join(folder, "cgroup.controllers"))
	if err != nil {
		return // version 1
	}
	for name := range strings.FieldsSeq(string(names)) {
		_ = os.WriteFile(filepath.Join(folder, "cgroup.subtree_control"), []byte("+"+name), 0o644)
	}
}

// Join moves a process into the groups.
func (g *Groups) Join(pid int) error {
	for _, root := range g.roots {
		name := filepath.Join(root, g.name, leaf, "cgroup.procs")
		if err := os.WriteFile(name, []byte(strconv.Itoa(pid)), 0o644); err != nil {
			return fmt.Errorf("control group: %w", err)
		}
	}
	return nil
}

// Processes lists the ids of all processes in the groups and below them.
func (g *Groups) Processes() []int {
	var ids []int
	for _, root := range g.roots {
		// What vanishes while it is walked holds nothing.
		_ = filepath.WalkDir(filepath.Join(root, g.name), func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || entry.Name() != "cgroup.procs" {
				return nil
			}
			content, err := os.ReadFile(name)
			if err != nil {
				return nil
			}
			for field := range strings.FieldsSeq(string(content)) {
				if pid, err := strconv.Atoi(field); err == nil && !slices.Contains(ids, pid) {
					ids = append(ids, pid)
				}
			}
			return nil
		})
	}
	return ids
}

// removal bounds how long Remove waits for the kernel to let go of a group
// whose processes have ended.
const removal = 3 * time.Second

// Remove removes the groups, which must hold no process any more.
func (g *Groups) Remove() error {
	for _, root := range g.roots {
		if err := removeTree(filepath.Join(root, g.name)); err != nil {
			return fmt.Errorf("control group: %w", err)
		}
	}
	return nil
}

// removeTree removes folders from the leaves upwards; the files in them are the
// kernel's and go with them.
func removeTree(root string) error {
	var folders []string
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			folders = append(folders, name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	deadline := time.Now().Add(removal)
	for _, folder := range slices.Backward(folders) {
		for {
			err := os.Remove(folder)
			if err == nil || errors.Is(err, fs.ErrNotExist) {
				break
			}
			if time.Now().After(deadline) {
				return err
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	return nil
}

// Exists says whether any of the groups is there.
func (g *Groups) Exists() bool {
	return slices.ContainsFunc(g.roots, func(root string) bool {
		_, err := os.Stat(filepath.Join(root, g.name))
		return err == nil
	})
}
