package mutation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// Package is a package that is read to be mutated.
type Package struct {
	// Dir is its folder, Name its name, Path what it is imported by.
	Dir, Name, Path string

	set   *token.FileSet
	files []*source
	types *types.Info
	self  *types.Package
}

// source is one file.
type source struct {
	name string
	text []byte
	tree *ast.File
}

// Load reads and type-checks a package, given as an import path or as ./folder under dir. Its tests are no part of it.
func Load(ctx context.Context, dir, pattern string) (*Package, error) {
	listed, err := list(ctx, dir, pattern)
	if err != nil {
		return nil, err
	}
	own := listed[len(listed)-1]
	p := &Package{
		Dir: own.Dir, Name: own.Name, Path: own.ImportPath, set: token.NewFileSet(),
		types: &types.Info{
			Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{},
		},
	}
	var trees []*ast.File
	for _, name := range own.GoFiles {
		file, err := p.read(filepath.Join(own.Dir, name))
		if err != nil {
			return nil, err
		}
		trees = append(trees, file.tree)
	}
	exports := map[string]string{}
	for _, l := range listed {
		exports[l.ImportPath] = l.Export
	}
	imports := importer.ForCompiler(p.set, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	p.self, err = (&types.Config{Importer: imports}).Check(p.Path, p.set, trees, p.types)
	if err != nil {
		return nil, fmt.Errorf("type-checking %s: %w", pattern, err)
	}
	return p, nil
}

func (p *Package) read(path string) (*source, error) {
	text, err := os.ReadFile(path) //nolint:gosec // a file that go list names
	if err != nil {
		return nil, err
	}
	tree, err := parser.ParseFile(p.set, path, text, parser.SkipObjectResolution|parser.ParseComments)
	if err != nil {
		return nil, err
	}
	file := &source{name: path, text: text, tree: tree}
	p.files = append(p.files, file)
	return file, nil
}

type listed struct {
	Dir, Name, ImportPath, Export string
	GoFiles                       []string
}

// list is what go list says of a package and all that it imports, the package itself being last.
func list(ctx context.Context, dir, pattern string) ([]listed, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-export", "-deps", "-json=Dir,Name,ImportPath,Export,GoFiles", pattern) //nolint:gosec // the caller's package
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return nil, fmt.Errorf("go list %s: %w\n%s", pattern, err, exit.Stderr)
		}
		return nil, fmt.Errorf("go list %s: %w", pattern, err)
	}
	var all []listed
	for decoder := json.NewDecoder(bytes.NewReader(out)); decoder.More(); {
		var l listed
		if err := decoder.Decode(&l); err != nil {
			return nil, fmt.Errorf("go list %s: %w", pattern, err)
		}
		all = append(all, l)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("go list %s: no such package", pattern)
	}
	return all, nil
}
