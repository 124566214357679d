package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// lastLine is what the demo ends with.
var lastLine = regexp.MustCompile(`^demo: promoted=([0-9a-f]{7}) rolled-back=([0-9a-f]{7}) requests=(\d+) lost=(\d+)$`)

// seedOf makes a failed run repeatable: SLUICE_E2E_SEED chooses it.
func seedOf(t *testing.T) string {
	t.Helper()
	seed := os.Getenv("SLUICE_E2E_SEED")
	if seed == "" {
		seed = strconv.FormatInt(time.Now().UnixNano(), 10)
	}
	t.Logf("seed %s", seed)
	return seed
}

func TestDemoWithKilledControllers(t *testing.T) {
	cluster := "e2e-kill"
	t.Cleanup(func() { down(t, cluster) })
	runDemo(t, "--name", cluster, "--kill-controller", "10", "--seed", seedOf(t))
}

// runDemo runs the demo and checks its verdict against its last line.
func runDemo(t *testing.T, args ...string) {
	t.Helper()
	demo := build(t, "./examples/demo")
	out, err := run(t, 30*time.Minute, demo, args...)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for _, line := range lines[max(0, len(lines)-40):] {
		t.Log(line)
	}
	if err != nil {
		t.Fatalf("the demo failed: %v", err)
	}
	found := lastLine.FindStringSubmatch(lines[len(lines)-1])
	if found == nil {
		t.Fatalf("the demo's last line is %q", lines[len(lines)-1])
	}
	if found[1] == found[2] {
		t.Errorf("commit %s was both promoted and rolled back", found[1])
	}
	if requests, _ := strconv.Atoi(found[3]); requests < 10_000 || found[4] != "0" {
		t.Errorf("requests=%s lost=%s: want at least 10000 and 0", found[3], found[4])
	}
}

// root is the folder of the repository.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func build(t *testing.T, pkg string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), filepath.Base(pkg))
	if out, err := run(t, 10*time.Minute, "go", "build", "-o", binary, pkg); err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, out)
	}
	return binary
}

// run runs a command in the repository and returns what it printed.
func run(t *testing.T, limit time.Duration, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = root(t)
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("after %s: %w", limit, context.Cause(ctx))
	}
	return out.String(), err
}

// down ends a cluster; it is no error when there is none.
func down(t *testing.T, name string) {
	t.Helper()
	cmd := exec.Command("go", "-C", "test/cluster", "run", ".", "down", "-name", name) // the test's context has ended
	cmd.Dir = root(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("cluster %s down: %v\n%s", name, err, out)
	}
}
