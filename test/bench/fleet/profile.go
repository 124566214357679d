package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// profiler is a file that is compiled into the controller when profiles are asked for, and never else.
//
//go:embed testdata/profiler.go.txt
var profiler []byte

// profilingOverlay describes to the Go command a cmd/sluice with the profiler in it.
func profilingOverlay(root, folder string) (string, error) {
	absolute, err := filepath.Abs(root)
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	source, overlay := filepath.Join(folder, "profiler.go"), filepath.Join(folder, "overlay.json")
	content, err := json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(absolute, "cmd", "sluice", "profiler.go"): source,
	}})
	if err != nil {
		return "", fmt.Errorf("write the overlay: %w", err)
	}
	if err := os.WriteFile(source, profiler, 0o600); err != nil {
		return "", fmt.Errorf("write the profiler: %w", err)
	}
	if err := os.WriteFile(overlay, content, 0o600); err != nil {
		return "", fmt.Errorf("write the overlay: %w", err)
	}
	return overlay, nil
}

// profile begins a profile of a controller that was built with the profiler, or ends it: then TMPDIR has cpu.pprof and
// heap.pprof.
func (p *process) profile(begin bool) error {
	signal := syscall.SIGUSR2
	if begin {
		signal = syscall.SIGUSR1
	}
	if err := p.command.Process.Signal(signal); err != nil {
		return fmt.Errorf("profile the controller: %w", err)
	}
	return nil
}

// profileTimeout bounds how long writing profiles may take.
const profileTimeout = 30 * time.Second

// serverSeconds is how much of a release the profile of the API server covers.
const serverSeconds = 10

// profileServer profiles the API server, which is told to do so by a request that takes as long.
func (w *world) profileServer(ctx context.Context, row string) error {
	config := rest.CopyConfig(w.server.config)
	config.GroupVersion, config.NegotiatedSerializer = &schema.GroupVersion{}, scheme.Codecs
	raw, err := rest.RESTClientFor(config)
	if err != nil {
		return fmt.Errorf("profile the API server: %w", err)
	}
	content, err := raw.Get().AbsPath("/debug/pprof/profile").Param("seconds", strconv.Itoa(serverSeconds)).DoRaw(ctx)
	if err != nil {
		return fmt.Errorf("profile the API server: %w", err)
	}
	return w.keepProfile(row+"-apiserver.pprof", content)
}

// keepProfiles keeps the profiles of a row.
func (w *world) keepProfiles(ctx context.Context, row string) error {
	// The profile of the memory appears whole, and after the other one is complete.
	last := filepath.Join(w.folder, "heap.pprof")
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, profileTimeout, true, func(context.Context) (bool, error) {
		_, err := os.Stat(last)
		return err == nil, nil
	})
	if err != nil {
		return fmt.Errorf("wait for the profiles: %w", err)
	}
	for _, kind := range []string{"cpu", "heap"} {
		content, err := os.ReadFile(filepath.Join(w.folder, kind+".pprof")) //nolint:gosec // our own folder
		if err != nil {
			return fmt.Errorf("keep the profiles: %w", err)
		}
		if err := w.keepProfile(row+"-"+kind+".pprof", content); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) keepProfile(name string, content []byte) error {
	if err := os.MkdirAll(w.profiles, 0o750); err != nil {
		return fmt.Errorf("keep the profiles: %w", err)
	}
	if err := os.WriteFile(filepath.Join(w.profiles, name), content, 0o600); err != nil { //nolint:gosec // the caller names the folder
		return fmt.Errorf("keep the profiles: %w", err)
	}
	return nil
}
