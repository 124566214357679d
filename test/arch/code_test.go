package arch

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// inside are the folders whose code is given its clock and its context.
var inside = []string{"api", "controllers", "analysis", "trafficrouting", "gitsync"}

// hidden are the functions that fetch what a caller should have passed, by package.
var hidden = map[string]map[string]string{
	"time": {
		"Now": "pass now, or a clock", "Since": "pass now, or a clock", "Until": "pass now, or a clock",
		"Sleep": "requeue instead", "Tick": "use a clock", "After": "use a clock",
	},
	"context": {"TODO": "pass ctx", "Background": "pass ctx"},
}

func TestNoHiddenClock(t *testing.T) {
	for _, p := range goPackages(t) {
		if !p.within(inside...) {
			continue
		}
		for _, name := range p.GoFiles {
			for _, found := range hiddenIn(t, filepath.Join(p.Dir, name)) {
				// A controller is set up before there is a context.
				if name != "setup.go" || !strings.Contains(found, "context.Background") {
					t.Error(found)
				}
			}
		}
	}
}

// hiddenIn are the places in a file that use what is hidden.
func hiddenIn(t *testing.T, file string) []string {
	t.Helper()
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	imports := map[string]string{}
	for _, spec := range parsed.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		name := path[strings.LastIndex(path, "/")+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		imports[name] = path
	}
	var found []string
	ast.Inspect(parsed, func(node ast.Node) bool {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if name, ok := selector.X.(*ast.Ident); ok {
			if instead := hidden[imports[name.Name]][selector.Sel.Name]; instead != "" {
				found = append(found, set.Position(selector.Pos()).String()+": "+name.Name+"."+selector.Sel.Name+": "+instead)
			}
		}
		return true
	})
	return found
}

func TestEveryPackageIsDescribed(t *testing.T) {
	for _, p := range goPackages(t) {
		if strings.TrimSpace(p.Doc) == "" && len(p.GoFiles) > 0 && !p.within("api/v1alpha1/applyconfiguration") {
			t.Errorf("%s has no package comment", p.folder())
		}
	}
}

// meaningless names say nothing of what is inside: code lives with its noun.
var meaningless = []string{"util", "utils", "common", "helper", "helpers", "misc", "shared", "lib", "base"}

func TestNamesMeanSomething(t *testing.T) {
	for _, p := range goPackages(t) {
		if slices.Contains(meaningless, p.Name) || slices.Contains(meaningless, filepath.Base(p.Dir)) {
			t.Errorf("%s: a package is named for what it holds", p.folder())
		}
	}
}

// Lines of a file: over the first bound it probably holds two things, over the second it surely does. Tables of tests
// may be longer.
const (
	linesAsk  = 500
	linesMax  = 600
	linesTest = 900
)

func TestFilesAreReadable(t *testing.T) {
	for _, file := range tracked(t) {
		if !strings.HasSuffix(file, ".go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		if generated(text) {
			continue
		}
		limit := linesMax
		if strings.HasSuffix(file, "_test.go") {
			limit = linesTest
		}
		switch lines := bytes.Count(text, []byte("\n")); {
		case lines > limit:
			t.Errorf("%s has %d lines, more than %d: which two things does it hold?", file, lines, limit)
		case lines > linesAsk:
			t.Logf("%s has %d lines: does it hold two things?", file, lines)
		}
	}
}
