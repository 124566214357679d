package component

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Builder finds components and builds those that are missing.
type Builder struct {
	// Source is the folder test/cluster of the repository.
	Source string
	// Cache is the folder that keeps what was built.
	Cache string
	// Progress receives a line for each thing that takes time.
	Progress io.Writer
	// OS and Arch are the target in Go's words; empty means this machine's.
	OS, Arch string
}

// DefaultCache is the cache folder of the user: XDG_CACHE_HOME or ~/.cache, and
// sluice/bin below it.
func DefaultCache() (string, error) {
	base := os.Getenv("XDG_CACHE_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("cache folder: %w; set HOME or XDG_CACHE_HOME", err)
		}
		base = filepath.Join(home, ".cache")
	}
	return filepath.Join(base, "sluice", "bin"), nil
}

// Ensure gives the path of each named component, building what is missing.
func (b *Builder) Ensure(ctx context.Context, names ...string) (map[string]string, error) {
	goVersion, err := b.goVersion(ctx)
	if err != nil {
		return nil, err
	}
	paths := make(map[string]string, len(names))
	for index, name := range names {
		component, err := find(name)
		if err != nil {
			return nil, err
		}
		path, err := b.ensure(ctx, component, goVersion, fmt.Sprintf("%d of %d", index+1, len(names)))
		if err != nil {
			return nil, err
		}
		paths[name] = path
	}
	return paths, nil
}

// AssetsFolder gives a folder that holds etcd, kube-apiserver and kubectl, fit
// for KUBEBUILDER_ASSETS.
func (b *Builder) AssetsFolder(ctx context.Context) (string, error) {
	paths, err := b.Ensure(ctx, Assets...)
	if err != nil {
		return "", err
	}
	var key strings.Builder
	for _, name := range Assets {
		fmt.Fprintf(&key, "%s\n", paths[name])
	}
	folder := filepath.Join(b.Cache, "assets-"+shortHash(key.String()))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", fmt.Errorf("assets folder: %w", err)
	}
	for _, name := range Assets {
		link := filepath.Join(folder, name)
		if err := os.Symlink(paths[name], link); err != nil && !errors.Is(err, os.ErrExist) {
			return "", fmt.Errorf("assets folder: %w", err)
		}
	}
	return folder, nil
}

func (b *Builder) ensure(ctx context.Context, c Component, goVersion, position string) (string, error) {
	version, err := c.version(b.Source)
	if err != nil {
		return "", err
	}
	note := func(text string) { fmt.Fprintln(b.Progress, text) }
	if b.native() {
		if path := c.inAssets(ctx, version, note); path != "" {
			return path, nil
		}
	}
	flags := c.flags(version)
	key, err := c.key(b.Source, goVersion, append(flags, b.OS, b.Arch))
	if err != nil {
		return "", err
	}
	folder := filepath.Join(b.Cache, key)
	path := filepath.Join(folder, c.Name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if b.native() {
		if path := c.onPath(ctx, version, note); path != "" {
			return path, nil
		}
	}

	unlock, err := b.lock(ctx, folder+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(path); err == nil {
		return path, nil // another builder was faster
	}
	fmt.Fprintf(b.Progress, "building %s %s (%s), about %s the first time\n", c.Name, version, position, expected(c.cost))
	if err := b.build(ctx, c, flags, folder); err != nil {
		return "", err
	}
	return path, nil
}

// flags are the arguments of go build that shape the program.
func (c Component) flags(version string) []string {
	link := "-s -w"
	for _, variable := range c.stamp {
		link += fmt.Sprintf(" -X %s=%s", variable, version)
	}
	if len(c.stamp) > 0 { // clients parse these two as numbers
		major, minor, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
		minor, _, _ = strings.Cut(minor, ".")
		link += fmt.Sprintf(" -X k8s.io/component-base/version.gitMajor=%s -X k8s.io/component-base/version.gitMinor=%s", major, minor)
	}
	return []string{"-trimpath", "-buildvcs=false", "-ldflags=" + link}
}

// build makes the program in a folder beside the wanted one and moves it there
// when it is whole.
func (b *Builder) build(ctx context.Context, c Component, flags []string, folder string) error {
	partial, err := os.MkdirTemp(b.Cache, ".building-"+c.Name+"-")
	if err != nil {
		return fmt.Errorf("build %s: %w", c.Name, err)
	}
	defer os.RemoveAll(partial)
	if err := os.Chmod(partial, 0o755); err != nil {
		return fmt.Errorf("build %s: %w", c.Name, err)
	}

	args := append([]string{"build", "-C", filepath.Join(b.Source, c.module)}, flags...)
	command := exec.CommandContext(ctx, "go", append(args, "-o", filepath.Join(partial, c.Name), c.pkg)...)
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOOS="+b.OS, "GOARCH="+b.Arch)
	var output tail
	command.Stdout, command.Stderr = &output, &output
	started := time.Now()
	if err := b.watch(command, c.Name, started); err != nil {
		return fmt.Errorf("build %s: %w\n%s", c.Name, err, output.String())
	}
	if err := os.Rename(partial, folder); err != nil {
		return fmt.Errorf("build %s: %w", c.Name, err)
	}
	fmt.Fprintf(b.Progress, "built %s in %s\n", c.Name, time.Since(started).Round(time.Second))
	return nil
}

// watch runs the command and says every 30 seconds that it still runs.
func (b *Builder) watch(command *exec.Cmd, name string, started time.Time) error {
	done := make(chan error, 1)
	if err := command.Start(); err != nil {
		return err
	}
	go func() { done <- command.Wait() }()
	ticker := time.NewTicker(30 * time.Second)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ticker.C:
			fmt.Fprintf(b.Progress, "  %s: %s\n", name, time.Since(started).Round(time.Second))
		}
	}
}

// lock holds the named lock file, so that two builders do not build the same.
func (b *Builder) lock(ctx context.Context, name string) (func(), error) {
	if err := os.MkdirAll(b.Cache, 0o755); err != nil {
		return nil, fmt.Errorf("cache folder: %w", err)
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("build lock: %w", err)
	}
	release := func() { file.Close() } // closing gives up the lock
	told := false
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return release, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			release()
			return nil, fmt.Errorf("build lock %s: %w", name, err)
		}
		if !told {
			fmt.Fprintf(b.Progress, "waiting for another builder of %s\n", strings.TrimSuffix(filepath.Base(name), ".lock"))
			told = true
		}
		select {
		case <-ctx.Done():
			release()
			return nil, fmt.Errorf("build lock %s: %w", name, ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (b *Builder) goVersion(ctx context.Context) (string, error) {
	text, err := exec.CommandContext(ctx, "go", "env", "GOVERSION").Output()
	if err != nil {
		return "", fmt.Errorf("go env: %w; Go must be on PATH", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// native says whether the target is this machine, so that what is installed may be used.
func (b *Builder) native() bool {
	return (b.OS == "" || b.OS == runtime.GOOS) && (b.Arch == "" || b.Arch == runtime.GOARCH)
}

// expected scales a time measured on two cores to this machine.
func expected(cost time.Duration) time.Duration {
	cores := max(runtime.NumCPU(), 1)
	return max(cost*2/time.Duration(cores), time.Second).Round(time.Second)
}
