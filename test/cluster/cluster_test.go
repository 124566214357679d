//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/cluster/internal/cgroup"
	"github.com/sluicehq/sluice/test/cluster/internal/kube"
	"github.com/sluicehq/sluice/test/cluster/internal/netns"
	"github.com/sluicehq/sluice/test/cluster/internal/process"
	"github.com/sluicehq/sluice/test/cluster/internal/state"
)

// program builds the program once for a test, or skips the test where no
// cluster is wanted.
func program(t *testing.T) string {
	t.Helper()
	if os.Getenv("SLUICE_CLUSTER_TEST") == "" {
		t.Skip("set SLUICE_CLUSTER_TEST=1, as root on Linux, to test real clusters")
	}
	if err := localPossible(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cluster")
	if text, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return path
}

// try runs the program and gives its standard output.
func try(t *testing.T, path string, arguments ...string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), path, arguments...)
	var out, progress bytes.Buffer
	command.Stdout, command.Stderr = &out, &progress
	err := command.Run()
	t.Logf("%s\n%s", strings.Join(arguments, " "), progress.String())
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", strings.Join(arguments, " "), err, progress.String())
	}
	return out.String(), err
}

func must(t *testing.T, path string, arguments ...string) string {
	t.Helper()
	out, err := try(t, path, arguments...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// downAtEnd removes the cluster after the test, whatever became of it.
func downAtEnd(t *testing.T, path, name string) {
	t.Helper()
	t.Cleanup(func() {
		if text, err := exec.Command(path, "down", "-name", name).CombinedOutput(); err != nil {
			t.Errorf("down: %v: %s", err, text)
		}
	})
}

// members lists the processes of a cluster that run.
func members(t *testing.T, name string) []int {
	t.Helper()
	folder, err := state.Of(name)
	if err != nil {
		t.Fatal(err)
	}
	records, err := process.Records(folder.Records())
	if err != nil {
		t.Fatal(err)
	}
	groups, err := cgroup.New(folder.Namespace())
	if err != nil {
		t.Fatal(err)
	}
	ids, err := netns.Processes(folder.Namespace())
	if err != nil {
		t.Fatal(err)
	}
	ids = append(ids, groups.Processes()...)
	for _, record := range records {
		ids = append(ids, record.PID)
	}
	slices.Sort(ids)
	return slices.DeleteFunc(slices.Compact(ids), func(pid int) bool { return !process.Running(pid) })
}

// nothingLeft checks that a cluster has left no process, mount, namespace,
// control group or file.
func nothingLeft(t *testing.T, name string, processes []int) {
	t.Helper()
	folder, err := state.Of(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range processes {
		if process.Running(pid) {
			command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			t.Errorf("process %d is left: %q", pid, command)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, folder.Root+"/") || strings.Contains(line, folder.Namespace()) {
			t.Errorf("mount is left: %s", line)
		}
	}
	if netns.Exists(folder.Namespace()) {
		t.Error("network namespace is left")
	}
	groups, err := cgroup.New(folder.Namespace())
	if err != nil {
		t.Fatal(err)
	}
	if groups.Exists() {
		t.Error("control groups are left")
	}
	if folder.Exists() {
		t.Error("state is left")
	}
	if folder.Others() {
		return // what clusters share stays while there is any
	}
	for _, path := range []string{state.Base, "/run/containerd/s", "/var/lib/kubelet/device-plugins", "/var/lib/cni/results"} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s is left", path)
		}
	}
}

// kill ends the named parts as kill -9 does, and waits until they are gone.
func kill(t *testing.T, name string, parts ...string) {
	t.Helper()
	folder, err := state.Of(name)
	if err != nil {
		t.Fatal(err)
	}
	records, err := process.Records(folder.Records())
	if err != nil {
		t.Fatal(err)
	}
	killed := 0
	for _, record := range records {
		if slices.Contains(parts, record.Component) {
			record.Kill()
			killed++
			gone := func(context.Context) (bool, error) { return !record.Alive(), nil }
			if err := kube.Poll(t.Context(), gone); err != nil {
				t.Fatal(err)
			}
		}
	}
	if killed != len(parts) {
		t.Fatalf("killed %d of %q", killed, parts)
	}
}

// runPod runs a pod of the one image that each cluster has and waits for it.
func runPod(t *testing.T, path, kubeconfig string) {
	t.Helper()
	kubectl := strings.TrimSpace(must(t, path, "build", "kubectl"))
	for _, arguments := range []string{
		"run test --image=sluice.dev/pause:dev --image-pull-policy=Never",
		"wait --for=condition=Ready pod/test --timeout=60s",
	} {
		command := exec.CommandContext(t.Context(), kubectl, append([]string{"--kubeconfig", kubeconfig}, strings.Fields(arguments)...)...)
		if text, err := command.CombinedOutput(); err != nil {
			t.Fatalf("kubectl %s: %v: %s", arguments, err, text)
		}
	}
}

func TestDownAfterKilledPartsLeavesNothing(t *testing.T) {
	const name = "test-kill"
	path := program(t)
	downAtEnd(t, path, name)
	first := must(t, path, "up", "-name", name)
	lines := strings.Split(strings.TrimSpace(first), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "KUBECONFIG=/") ||
		!strings.HasPrefix(lines[1], "GATEWAY=http://127.0.0.1:") || !strings.HasPrefix(lines[2], "PROMETHEUS=http://127.0.0.1:") {
		t.Fatalf("up printed %q", first)
	}
	if again := must(t, path, "up", "-name", name); again != first {
		t.Errorf("a second up printed %q, not %q", again, first)
	}
	runPod(t, path, strings.TrimPrefix(lines[0], "KUBECONFIG="))

	processes := members(t, name)
	if len(processes) < 15 { // the parts, a shim and the pod's two
		t.Errorf("only %d processes: %v", len(processes), processes)
	}
	kill(t, name, "kubelet", "containerd")
	if out, err := try(t, path, "status", "-name", name); err == nil || !strings.Contains(out, "ENDED") {
		t.Errorf("status of a broken cluster: %v\n%s", err, out)
	}
	must(t, path, "down", "-name", name)
	nothingLeft(t, name, processes)
	must(t, path, "down", "-name", name) // a second time is no error
}

func TestUpStartsOverWhereAPartIsGone(t *testing.T) {
	const name = "test-again"
	path := program(t)
	downAtEnd(t, path, name)
	must(t, path, "up", "-name", name)
	processes := members(t, name)
	kill(t, name, "relay", "etcd")
	must(t, path, "up", "-name", name)
	for _, pid := range processes {
		if process.Running(pid) {
			t.Errorf("process %d of the broken cluster is left", pid)
		}
	}
	must(t, path, "status", "-name", name)
}

func TestDownAfterUpWasKilledHalfWay(t *testing.T) {
	const name = "test-half"
	path := program(t)
	must(t, path, "build")
	downAtEnd(t, path, name)
	command := exec.CommandContext(t.Context(), path, "up", "-name", name)
	progress, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(progress)
	for lines.Scan() && !strings.Contains(lines.Text(), "API server ready") {
		t.Log(lines.Text())
	}
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, progress)
	_ = command.Wait() // it ends by the signal
	processes := members(t, name)
	if len(processes) == 0 {
		t.Error("nothing ran yet, so nothing was tested")
	}
	must(t, path, "down", "-name", name)
	nothingLeft(t, name, processes)
}

func TestTwoSideBySide(t *testing.T) {
	path := program(t)
	names := []string{"test-a", "test-b"}
	for _, name := range names {
		downAtEnd(t, path, name)
	}
	printed := make(chan string, len(names))
	for _, name := range names {
		go func() {
			out, err := exec.Command(path, "up", "-name", name).Output()
			if err != nil {
				out = fmt.Appendf(nil, "%s: %v", name, err)
			}
			printed <- string(out)
		}()
	}
	first, second := <-printed, <-printed
	if !strings.Contains(first, "GATEWAY=") || !strings.Contains(second, "GATEWAY=") || first == second {
		t.Fatalf("up printed %q and %q", first, second)
	}
	processes := members(t, names[0])
	must(t, path, "down", "-name", names[0])
	nothingLeft(t, names[0], processes)
	must(t, path, "status", "-name", names[1])
}
