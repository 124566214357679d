package mutation

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// Rung is a test binary that looks for mutants.
type Rung struct {
	// Name for people, in one word.
	Name string
	// Package is the folder of the tests, under the folder of the module, as ./test/traces.
	Package string
	// Args for the binary, such as -test.run.
	Args []string
}

// Build compiles the rungs with a schemata, once each, and returns where the binaries are.
func (s Schemata) Build(ctx context.Context, module, scratch string, rungs []Rung) ([]string, error) {
	overlay, err := s.overlay(scratch)
	if err != nil {
		return nil, err
	}
	binaries := make([]string, len(rungs))
	built := map[string]string{}
	for i, rung := range rungs {
		if binaries[i] = built[rung.Package]; binaries[i] != "" {
			continue
		}
		binaries[i] = filepath.Join(scratch, "rung"+strconv.Itoa(i)+".test")
		cmd := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", binaries[i], rung.Package) //nolint:gosec // the caller's packages
		cmd.Dir = module
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("building %s with mutants: %w\n%s", rung.Package, err, out)
		}
		built[rung.Package] = binaries[i]
	}
	return binaries, nil
}

// overlay writes the new texts beside the tree, and the file that tells the compiler of them.
func (s Schemata) overlay(scratch string) (string, error) {
	replace := map[string]string{}
	for path, text := range s.Files {
		replace[path] = filepath.Join(scratch, filepath.Base(path))
		if err := os.WriteFile(replace[path], []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	content, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(scratch, "overlay.json")
	return path, os.WriteFile(path, content, 0o600)
}
