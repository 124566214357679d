package arch

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// top is the top level of the repository.
var top = []string{
	"analysis", "api", "cmd", "config", "controllers", "examples", "gitsync", "test", "trafficrouting",
	"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "go.mod", "go.sum",
}

func TestTopLevel(t *testing.T) {
	for _, file := range tracked(t) {
		if first := topOf(file); !strings.HasPrefix(first, ".") && !slices.Contains(top, first) {
			t.Errorf("%s is at the top level, which is fixed: find the folder that it belongs to", file)
		}
	}
}

// localPaths are paths that mean something on one machine only. They are put together here so that this file has none.
var localPaths = []string{"/" + "work/", "/" + "root/", "/" + "tmp/bash_jobs"}

func TestNoLocalPaths(t *testing.T) {
	for _, file := range tracked(t) {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil || bytes.IndexByte(text, 0) >= 0 {
			continue // a link to a folder, or not a text
		}
		for _, path := range localPaths {
			if line := lineOf(text, path); line > 0 {
				t.Errorf("%s:%d names %s, which is a path of one machine", file, line, path)
			}
		}
	}
}

// lineOf is the number of the first line with the text, from 1; 0 means none.
func lineOf(text []byte, part string) int {
	before, _, found := bytes.Cut(text, []byte(part))
	if !found {
		return 0
	}
	return 1 + bytes.Count(before, []byte("\n"))
}

func TestModuleHasNoReplacements(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if line := lineOf(text, "\nreplace"); line > 0 {
		t.Errorf("go.mod:%d: a replaced module cannot be imported by others, nor installed with go install", line)
	}
}
