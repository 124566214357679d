package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// findRepository gives the folder of the module that the working directory is in.
func findRepository() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("working directory: %w", err)
	}
	for folder := start; ; folder = filepath.Dir(folder) {
		content, err := os.ReadFile(filepath.Join(folder, "go.mod")) //nolint:gosec // a folder above this one
		if err == nil && strings.HasPrefix(string(content), "module github.com/sluicehq/sluice\n") {
			return folder, nil
		}
		if folder == filepath.Dir(folder) {
			return "", fmt.Errorf("%s is not in Sluice's repository: run the demo there", start)
		}
	}
}

// command runs a program in a folder and gives its standard output. Its standard error is shown as it comes if
// loud, and with the error otherwise. The program is asked to end when the context does.
func command(ctx context.Context, folder string, loud bool, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // every caller's words are the demo's own
	cmd.Dir = folder
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	var output, errors bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &errors
	if loud {
		cmd.Stderr = os.Stderr
	}
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(name), strings.Join(args, " "), err, tail(output.String()), tail(errors.String()))
	}
	return output.String(), nil
}

// tail gives the last 40 lines of a text.
func tail(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "\n")
}
