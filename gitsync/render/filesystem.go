package render

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/sluicehq/sluice/gitsync/fetch"
)

// fileSystem shows a commit to kustomize, read-only, with the root of the repository as "/". It records what is asked.
type fileSystem struct {
	ctx    context.Context //nolint:containedctx // Kustomize's interface takes none, and a build must end with it.
	tree   *tree
	limits Limits
	inputs Inputs
	// virtual are files that are not in the commit, by absolute path.
	virtual map[string][]byte
	// failure is the first thing that must end the build; kustomize takes some errors for a file that is not there.
	failure     error
	files       int
	bytes       int64
	checkedYAML map[string]bool
}

var _ filesys.FileSystem = (*fileSystem)(nil)

func newFileSystem(ctx context.Context, objects Objects, root string, limits Limits) *fileSystem {
	return &fileSystem{
		ctx: ctx, tree: newTree(objects, root), limits: limits, inputs: Inputs{},
		virtual: map[string][]byte{kindsFile: kindsConfig}, checkedYAML: map[string]bool{},
	}
}

// inside returns the path from the root of the repository.
func inside(name string) string {
	return strings.TrimPrefix(path.Clean("/"+filepath.ToSlash(name)), "/")
}

// fail notes an error that ends the build.
func (f *fileSystem) fail(err error) error {
	if f.failure == nil {
		f.failure = err
	}
	return err
}

// ask finds a path and records the question.
func (f *fileSystem) ask(about aspect, name string) (*node, error) {
	if err := f.ctx.Err(); err != nil {
		return nil, f.fail(err)
	}
	name = inside(name)
	found, err := f.tree.find(name)
	if err != nil {
		return nil, f.fail(err)
	}
	answer, err := f.tree.describe(about, found)
	if err != nil {
		return nil, f.fail(err)
	}
	f.inputs[question{about, name}] = answer
	return found, nil
}

// Exists tells whether something is there.
func (f *fileSystem) Exists(name string) bool {
	if _, ok := f.virtual[path.Clean(name)]; ok {
		return true
	}
	found, err := f.ask(presence, name)
	return err == nil && found != nil
}

// IsDir tells whether a folder is there.
func (f *fileSystem) IsDir(name string) bool {
	if _, ok := f.virtual[path.Clean(name)]; ok {
		return false
	}
	found, err := f.ask(presence, name)
	return err == nil && found != nil && found.mode == fetch.Dir
}

// CleanedAbs returns the real folder and file name of a path.
func (f *fileSystem) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	if _, ok := f.virtual[path.Clean(name)]; ok {
		return filesys.ConfirmedDir(path.Dir(path.Clean(name))), path.Base(name), nil
	}
	found, err := f.ask(presence, name)
	switch {
	case err != nil:
		return "", "", err
	case found == nil:
		return "", "", notThere("find", name)
	case found.mode == fetch.Dir:
		return filesys.ConfirmedDir(path.Clean("/" + found.path)), "", nil
	default:
		return filesys.ConfirmedDir(path.Clean("/" + path.Dir(found.path))), path.Base(found.path), nil
	}
}

// ReadDir lists the names in a folder, sorted.
func (f *fileSystem) ReadDir(name string) ([]string, error) {
	folder, _, err := f.list(name)
	return slices.Sorted(maps.Keys(folder)), err
}

func (f *fileSystem) list(name string) (map[string]fetch.Entry, string, error) {
	found, err := f.ask(names, name)
	switch {
	case err != nil:
		return nil, "", err
	case found == nil || found.mode != fetch.Dir:
		return nil, "", notThere("readdir", name)
	}
	folder, err := f.tree.folder(found.hash)
	if err != nil {
		return nil, "", f.fail(err)
	}
	return folder, found.path, nil
}

// ReadFile returns the content of a file. A kustomization gets the kinds of ours added to its configurations.
func (f *fileSystem) ReadFile(name string) ([]byte, error) {
	if data, ok := f.virtual[path.Clean(name)]; ok {
		return data, nil
	}
	data, err := f.read(name)
	if err == nil && slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(name)) {
		data = withKinds(data)
	}
	return data, err
}

// read returns the content of a file as it is in the commit.
func (f *fileSystem) read(name string) ([]byte, error) {
	found, err := f.ask(content, name)
	switch {
	case err != nil:
		return nil, err
	case found == nil || found.mode != fetch.File:
		return nil, notThere("open", name)
	}
	if f.files++; f.files > f.limits.Reads {
		return nil, f.fail(&Error{Kind: TooLarge, Text: fmt.Sprintf(
			"the build reads more than %d files", f.limits.Reads)})
	}
	data, err := f.tree.objects.Blob(found.hash, f.limits.FileBytes)
	if err != nil {
		return nil, f.fail(&Error{Kind: TooLarge, File: found.path, Text: err.Error()})
	}
	if f.bytes += int64(len(data)); f.bytes > f.limits.Bytes {
		return nil, f.fail(&Error{Kind: TooLarge, Text: fmt.Sprintf(
			"the build reads more than %d bytes", f.limits.Bytes)})
	}
	if !f.checkedYAML[found.hash] {
		if err := checkAliases(found.path, data); err != nil {
			return nil, f.fail(err)
		}
		f.checkedYAML[found.hash] = true
	}
	return data, nil
}

// Walk calls walkFn for everything under a folder, in the order of names. Links are not followed.
func (f *fileSystem) Walk(name string, walkFn filepath.WalkFunc) error {
	found, err := f.ask(presence, name)
	if err != nil {
		return err
	}
	if found == nil {
		return walkFn(name, nil, notThere("walk", name))
	}
	return f.walk(path.Clean("/"+inside(name)), info{name: path.Base(name), dir: found.mode == fetch.Dir}, walkFn)
}

func (f *fileSystem) walk(name string, at info, walkFn filepath.WalkFunc) error {
	err := walkFn(name, at, nil)
	if !at.dir || err != nil {
		if at.dir && err == filepath.SkipDir { //nolint:errorlint // As filepath.Walk defines it.
			return nil
		}
		return err
	}
	folder, _, err := f.list(name)
	if err != nil {
		return walkFn(name, at, err)
	}
	for _, child := range slices.Sorted(maps.Keys(folder)) {
		err := f.walk(path.Join(name, child), info{name: child, dir: folder[child].Mode == fetch.Dir}, walkFn)
		if err == filepath.SkipDir { //nolint:errorlint // As filepath.Walk defines it.
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Open opens a file for reading.
func (f *fileSystem) Open(name string) (filesys.File, error) {
	data, err := f.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return &openFile{Reader: bytes.NewReader(data), info: info{name: path.Base(name), size: int64(len(data))}}, nil
}

// Glob is refused: nothing in a build without plugins needs it.
func (f *fileSystem) Glob(pattern string) ([]string, error) {
	return nil, f.fail(refused("", "the pattern %q: patterns are not supported", pattern))
}

func notThere(op, name string) error {
	return &fs.PathError{Op: op, Path: inside(name), Err: fs.ErrNotExist}
}

func readOnly(op, name string) error {
	return &fs.PathError{Op: op, Path: inside(name), Err: fs.ErrPermission}
}

// Create is refused: a commit cannot be written.
func (f *fileSystem) Create(name string) (filesys.File, error) { return nil, readOnly("create", name) }

// Mkdir is refused.
func (f *fileSystem) Mkdir(name string) error { return readOnly("mkdir", name) }

// MkdirAll is refused.
func (f *fileSystem) MkdirAll(name string) error { return readOnly("mkdir", name) }

// RemoveAll is refused.
func (f *fileSystem) RemoveAll(name string) error { return readOnly("remove", name) }

// WriteFile is refused.
func (f *fileSystem) WriteFile(name string, _ []byte) error { return readOnly("write", name) }
