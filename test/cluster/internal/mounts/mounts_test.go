//go:build linux

package mounts

import (
	"slices"
	"testing"
)

const mountinfo = `22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
40 22 0:40 / /var/lib/sluice-cluster/a/x rw - tmpfs tmpfs rw
41 40 0:41 / /var/lib/sluice-cluster/a/x/with\040space rw - tmpfs tmpfs rw
42 22 0:42 / /var/lib/sluice-cluster/ab rw - tmpfs tmpfs rw
`

func TestBelow(t *testing.T) {
	got := below(mountinfo, "/var/lib/sluice-cluster/a")
	want := []string{"/var/lib/sluice-cluster/a/x/with space", "/var/lib/sluice-cluster/a/x"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRootedIn(t *testing.T) {
	const folder = "/var/lib/sluice-cluster/a"
	const container = "50 49 0:50 / / rw - overlay overlay rw,lowerdir=/l,upperdir=" + folder + "/containerd/1/fs,workdir=/w\n"
	const observer = "51 22 0:50 / " + folder + "/rootfs rw - overlay overlay rw,upperdir=" + folder + "/containerd/1/fs\n"
	if !rootedIn(container, folder) {
		t.Error("a container of the folder was not found")
	}
	if rootedIn(container, "/var/lib/sluice-cluster/ab") {
		t.Error("a container of another folder was taken")
	}
	if rootedIn(mountinfo+observer, folder) {
		t.Error("a process that only sees the folder's mounts was taken for a container")
	}
}
