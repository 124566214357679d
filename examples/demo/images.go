package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// nobody is the user that the demo's containers run as.
const nobody = "65532:65532"

// image is one of the demo's own images: a static binary, alone or with programs of this machine.
type image struct {
	name     string
	source   string   // package of the main program
	programs []string // further programs, with the libraries that they need
}

var images = []image{
	{name: "sluice-demo-app:dev", source: "./examples/demo/app"},
	{name: "sluice-demo-load:dev", source: "./test/load/cmd"},
	{name: "sluice-demo-git:dev", source: "./test/gitserver/server", programs: []string{"git", "git-http-backend"}},
}

// buildImages builds every image, that of the controller included, and gives the archives.
func buildImages(ctx context.Context, repository string) ([]string, error) {
	folder := filepath.Join(repository, "bin", "demo")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return nil, fmt.Errorf("build folder: %w", err)
	}
	writer := filepath.Join(folder, "image")
	if _, err := command(ctx, repository, true, "go", "-C", "test/cluster", "build", "-o", writer, "./image"); err != nil {
		return nil, err
	}
	if _, err := command(ctx, repository, true, "make", "--no-print-directory", "image"); err != nil {
		return nil, err
	}
	archives := []string{filepath.Join(repository, "bin", "image", "sluice.tar")}
	for _, image := range images {
		archive, err := image.build(ctx, repository, folder, writer)
		if err != nil {
			return nil, err
		}
		archives = append(archives, archive)
	}
	return archives, nil
}

// build gives the archive of the image.
func (i image) build(ctx context.Context, repository, folder, writer string) (string, error) {
	base, _, _ := strings.Cut(i.name, ":")
	binary, archive := filepath.Join(folder, base), filepath.Join(folder, base+".tar")
	build := []string{"build", "-trimpath", "-ldflags=-s -w", "-o", binary, i.source}
	if _, err := command(ctx, repository, true, "go", build...); err != nil {
		return "", err
	}
	args := []string{"-o", archive, "-name", i.name, "-user", nobody, "-entrypoint", "/" + base, base + "=" + binary}
	if len(i.programs) > 0 {
		files, err := programFiles(ctx, i.programs)
		if err != nil {
			return "", fmt.Errorf("image %s: %w", i.name, err)
		}
		for _, file := range files {
			args = append(args, file+"="+file)
		}
	}
	if _, err := command(ctx, repository, false, writer, args...); err != nil {
		return "", err
	}
	return archive, nil
}

// programFiles gives the paths of git programs of this machine and of the shared libraries that they need.
func programFiles(ctx context.Context, programs []string) ([]string, error) {
	if runtime.GOOS != "linux" {
		return nil, fmt.Errorf("the Git server's image is made of this machine's own git, which needs Linux and not %s", runtime.GOOS)
	}
	execPath, err := command(ctx, "/", false, "git", "--exec-path")
	if err != nil {
		return nil, fmt.Errorf("git is needed (Debian: apt-get install git): %w", err)
	}
	var files []string
	for _, program := range programs {
		path := filepath.Join(strings.TrimSpace(execPath), program)
		libraries, err := command(ctx, "/", false, "ldd", path)
		if err != nil {
			return nil, err
		}
		files = append(files, path)
		files = append(files, libraryPaths(libraries)...)
	}
	// git is found by PATH too.
	if slices.Contains(programs, "git") && !slices.Contains(files, "/usr/bin/git") {
		files = append(files, "/usr/bin/git")
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// libraryPaths reads what ldd prints: "name => path (address)", "path (address)", or a name without a file.
func libraryPaths(ldd string) []string {
	var paths []string
	for line := range strings.Lines(ldd) {
		if _, after, found := strings.Cut(line, "=>"); found {
			line = after
		}
		path, _, _ := strings.Cut(strings.TrimSpace(line), " (")
		if filepath.IsAbs(path) {
			paths = append(paths, path)
		}
	}
	return paths
}
