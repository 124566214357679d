package component

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRequiredVersion(t *testing.T) {
	const gomod = `module m

go 1.26.0

require example.com/single v1.2.3

require (
	example.com/other/v3 v3.0.1
	example.com/indirect v0.1.0 // indirect
)

replace example.com/other/v3 => ./other
`
	for module, want := range map[string]string{
		"example.com/single":   "v1.2.3",
		"example.com/other/v3": "v3.0.1",
		"example.com/indirect": "v0.1.0",
		"example.com/absent":   "",
	} {
		if got := requiredVersion(gomod, module); got != want {
			t.Errorf("%s: got %q, want %q", module, got, want)
		}
	}
}

func TestFits(t *testing.T) {
	for _, test := range []struct {
		printed, wanted string
		want            bool
	}{
		{"Kubernetes v1.36.3", "v1.36.3", true},
		{"Client Version: v1.36.0\nKustomize Version: v5.8.1", "v1.36.3", true},
		{"Client Version: v1.32.4-dispatcher", "v1.36.3", false},
		{"etcd Version: 3.6.16\nGit SHA: none", "v3.6.4", true},
		{"CoreDNS-1.15.0\nlinux/amd64", "v1.15.0", true},
		{"Version:      3.7.5\nCodename: x", "v3.7.5", true},
		{"v0.0.0-master+$Format:%H$", "v1.36.3", false},
		{"usage: kubectl", "v1.36.3", false},
	} {
		if got := fits(test.printed, test.wanted); got != test.want {
			t.Errorf("%q for %s: got %v", test.printed, test.wanted, got)
		}
	}
}

// source makes a source folder with one program of our own in it.
func source(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	write(t, filepath.Join(folder, "go.mod"), "module example.com/m\n\ngo 1.26.0\n")
	write(t, filepath.Join(folder, "pause", "main.go"), "package main\n\nfunc main() {}\n")
	return folder
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestKeyChangesWithSourceAndFlags(t *testing.T) {
	folder := source(t)
	pause, err := find("pause")
	if err != nil {
		t.Fatal(err)
	}
	key := func(goVersion string, flags ...string) string {
		t.Helper()
		got, err := pause.key(folder, goVersion, flags)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	first := key("go1.26.8", "-s")
	if again := key("go1.26.8", "-s"); again != first {
		t.Errorf("equal input gave %s and %s", first, again)
	}
	if !strings.HasPrefix(first, "pause-dev-") {
		t.Errorf("key %s does not name component and version", first)
	}
	write(t, filepath.Join(folder, "pause", "main_test.go"), "package main\n")
	if again := key("go1.26.8", "-s"); again != first {
		t.Error("a test changes the key")
	}
	seen := map[string]bool{first: true, key("go1.26.9", "-s"): true, key("go1.26.8", "-w"): true}
	write(t, filepath.Join(folder, "pause", "more.go"), "package main\n")
	seen[key("go1.26.8", "-s")] = true
	if len(seen) != 4 {
		t.Errorf("different inputs share a key: %v", seen)
	}
}

func TestEnsureBuildsOnceAndTellsFailures(t *testing.T) {
	folder := source(t)
	builder := &Builder{Source: folder, Cache: filepath.Join(t.TempDir(), "bin"), Progress: io.Discard}
	first, err := builder.Ensure(t.Context(), "pause")
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(first["pause"])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := builder.Ensure(t.Context(), "pause"); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(first["pause"])
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("built again: %v", err)
	}

	write(t, filepath.Join(folder, "pause", "main.go"), "package main\n\nfunc main() { undefined() }\n")
	_, err = builder.Ensure(t.Context(), "pause")
	if err == nil || !strings.Contains(err.Error(), "undefined") {
		t.Errorf("error %v does not hold the compiler's words", err)
	}
	left, err := filepath.Glob(filepath.Join(builder.Cache, ".building-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestEnsureWaitsForAnotherBuilder(t *testing.T) {
	builder := &Builder{Source: source(t), Cache: t.TempDir(), Progress: io.Discard}
	name := filepath.Join(builder.Cache, "x.lock")
	release, err := builder.lock(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := builder.lock(ctx, name); err == nil {
		t.Error("a held lock was given twice")
	}
	release()
	release, err = builder.lock(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	release()
}

func TestAssetsAreTakenFromTheEnvironment(t *testing.T) {
	folder := t.TempDir()
	program := filepath.Join(folder, "etcd")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho etcd Version: 3.6.1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBEBUILDER_ASSETS", folder)
	etcd, err := find("etcd")
	if err != nil {
		t.Fatal(err)
	}
	var notes []string
	note := func(text string) { notes = append(notes, text) }
	if got := etcd.inAssets(t.Context(), "v3.6.16", note); got != program {
		t.Errorf("got %q, want %q", got, program)
	}
	if got := etcd.inAssets(t.Context(), "v3.7.0", note); got != "" || len(notes) != 1 {
		t.Errorf("another minor version was taken: %q, %q", got, notes)
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	var kept tail
	for range tailSize {
		if _, err := kept.Write([]byte("line\n")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := kept.Write([]byte("the end")); err != nil {
		t.Fatal(err)
	}
	if text := kept.String(); len(text) > tailSize || !strings.HasSuffix(text, "the end") {
		t.Errorf("kept %d bytes", len(text))
	}
}
