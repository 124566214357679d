package cgroup

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestHierarchies(t *testing.T) {
	const hybrid = `22 1 0:20 / /proc rw - proc proc rw
30 22 0:25 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
31 22 0:26 / /sys/fs/cgroup/pids rw,relatime shared:9 - cgroup cgroup rw,pids
32 22 0:27 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
33 22 0:27 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`
	want := []string{"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/pids", "/sys/fs/cgroup/unified"}
	if got := hierarchies(hybrid); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestLifecycle runs the groups on folders that behave as control groups do, as
// far as folders and process lists go.
func TestLifecycle(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(second, "cpuset.cpus"), []byte("0-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	groups := &Groups{name: "sluice-x", roots: []string{first, second}}
	if groups.Exists() {
		t.Error("groups exist before they are made")
	}
	for range 2 { // a second time is no error
		if err := groups.Create(); err != nil {
			t.Fatal(err)
		}
	}
	if err := groups.Join(42); err != nil {
		t.Fatal(err)
	}
	if got := groups.Processes(); !slices.Equal(got, []int{42}) {
		t.Errorf("processes %v", got)
	}
	for _, root := range groups.roots { // the kernel's files go with their folder
		if err := os.Remove(filepath.Join(root, "sluice-x", "components", "cgroup.procs")); err != nil {
			t.Fatal(err)
		}
	}
	if err := groups.Remove(); err != nil {
		t.Fatal(err)
	}
	if groups.Exists() {
		t.Error("groups exist after they were removed")
	}
}

func TestAnEmptyCPUSetTakesItsParents(t *testing.T) {
	parent := t.TempDir()
	folder := filepath.Join(parent, "x")
	for name, content := range map[string]string{"cpuset.cpus": "0-1\n", "x/cpuset.cpus": "\n"} {
		path := filepath.Join(parent, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := inheritCPUs(parent, folder); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(folder, "cpuset.cpus"))
	if err != nil || string(got) != "0-1\n" {
		t.Errorf("got %q, %v", got, err)
	}
}
