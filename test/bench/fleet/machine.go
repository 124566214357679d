package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// machine describes what was measured on.
type machine struct {
	processor       string
	cores           int
	gigabytes       float64
	kernel          string
	golang          string
	etcd, apiServer string
	load            string
}

// thisMachine describes this machine, and the servers in the folder with etcd and kube-apiserver.
func thisMachine(ctx context.Context, assets string) machine {
	return machine{
		processor: field("/proc/cpuinfo", "model name"), cores: runtime.NumCPU(), gigabytes: gigabytes(field("/proc/meminfo", "MemTotal")),
		kernel: line("/proc/sys/kernel/osrelease"), golang: runtime.Version(), load: firstWord(line("/proc/loadavg")),
		etcd: version(ctx, filepath.Join(assets, "etcd")), apiServer: version(ctx, filepath.Join(assets, "kube-apiserver")),
	}
}

func (m machine) String() string {
	return fmt.Sprintf("%s, %d cores, %.0f GiB, Linux %s, %s; %s; %s", m.processor, m.cores, m.gigabytes, m.kernel, m.golang,
		m.apiServer, m.etcd)
}

const unknown = "unknown"

// field is the first value of a name in a file of "name : value" lines.
func field(file, name string) string {
	text, err := os.ReadFile(file) //nolint:gosec // one of /proc
	if err != nil {
		return unknown
	}
	for line := range strings.Lines(string(text)) {
		if key, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return unknown
}

func line(file string) string {
	text, err := os.ReadFile(file) //nolint:gosec // one of /proc
	if err != nil {
		return unknown
	}
	return firstLine(text)
}

// firstLine is the first line that says something.
func firstLine(text []byte) string {
	first, _, _ := bytes.Cut(bytes.TrimSpace(text), []byte("\n"))
	return string(bytes.TrimSpace(first))
}

func firstWord(text string) string {
	word, _, _ := strings.Cut(text, " ")
	return word
}

func gigabytes(text string) float64 {
	kilobytes, err := strconv.ParseFloat(strings.TrimSuffix(text, " kB"), 64)
	if err != nil {
		return 0
	}
	return kilobytes / (1 << 20)
}

// version is what a program says of itself.
func version(ctx context.Context, program string) string {
	out, err := exec.CommandContext(ctx, program, "--version").Output() //nolint:gosec // a server that is run anyway
	if err != nil {
		return filepath.Base(program) + " of an unknown version"
	}
	return firstLine(out)
}
