package debian

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

func TestMissing(t *testing.T) {
	there := []string{"containerd", "runc", "iptables", "ip", "prometheus"}
	got := missing(func(file string) bool { return slices.Contains(there, file) })
	if want := []string{"containernetworking-plugins", "conntrack"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestServicesAreForbiddenForAWhile(t *testing.T) {
	policy := filepath.Join(t.TempDir(), "policy-rc.d")
	restore, err := forbidServices(policy)
	if err != nil {
		t.Fatal(err)
	}
	if exit, ok := errors.AsType[*exec.ExitError](exec.Command(policy, "containerd", "start").Run()); !ok || exit.ExitCode() != 101 {
		t.Errorf("the policy gave %v", exit)
	}
	// A second one finds a policy and must leave it to its owner.
	again, err := forbidServices(policy)
	if err != nil {
		t.Fatal(err)
	}
	if err := again(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(policy); err != nil {
		t.Errorf("another one's policy was removed: %v", err)
	}
	if err := restore(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(policy); err == nil {
		t.Error("the policy is left")
	}
}
