// Package debian installs the Debian packages that a cluster needs, without
// letting them start the services that they bring.
package debian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
)

// needs maps a file that must be there to the package that brings it.
var needs = []struct{ file, pkg string }{
	{"containerd", "containerd"},
	{"runc", "runc"},
	{"/usr/lib/cni/bridge", "containernetworking-plugins"},
	{"iptables", "iptables"},
	{"conntrack", "conntrack"},
	{"ip", "iproute2"},
	{"prometheus", "prometheus"},
}

// missing lists the packages whose files are not there.
func missing(found func(string) bool) []string {
	var packages []string
	for _, need := range needs {
		if !found(need.file) {
			packages = append(packages, need.pkg)
		}
	}
	return packages
}

func found(file string) bool {
	if strings.HasPrefix(file, "/") {
		_, err := os.Stat(file)
		return err == nil
	}
	_, err := exec.LookPath(file)
	return err == nil
}

// Ensure installs what is missing and says so.
func Ensure(ctx context.Context, progress io.Writer) error {
	packages := missing(found)
	if len(packages) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("missing programs, and no apt-get to install them with: install the equivalents of Debian's %s",
			strings.Join(packages, " "))
	}
	fmt.Fprintf(progress, "installing the Debian packages %s\n", strings.Join(packages, " "))
	restore, err := forbidServices(policy)
	if err != nil {
		return err
	}
	if err := apt(ctx, append([]string{"install", "--yes", "--no-install-recommends"}, packages...)); err != nil {
		// A fresh machine has no package lists yet.
		err = apt(ctx, []string{"update"})
		if err == nil {
			err = apt(ctx, append([]string{"install", "--yes", "--no-install-recommends"}, packages...))
		}
		return errors.Join(err, restore())
	}
	return restore()
}

func apt(ctx context.Context, arguments []string) error {
	command := exec.CommandContext(ctx, "apt-get", arguments...)
	command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	text, err := command.CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		return fmt.Errorf("apt-get %s: %w: %s", strings.Join(arguments, " "), err, strings.Join(lines[max(0, len(lines)-5):], "\n"))
	}
	return nil
}

// policy is the program that Debian's packages ask before they start a service.
const policy = "/usr/sbin/policy-rc.d"

// forbidServices keeps packages from starting services until the returned
// function is called. A policy that is there already is respected as it is.
func forbidServices(policy string) (func() error, error) {
	file, err := os.OpenFile(policy, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return func() error { return nil }, nil
	}
	if err != nil {
		return nil, fmt.Errorf("keep services from starting: %w", err)
	}
	_, err = file.WriteString("#!/bin/sh\nexit 101\n")
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("keep services from starting: %w", err), os.Remove(policy))
	}
	return func() error { return os.Remove(policy) }, nil
}
