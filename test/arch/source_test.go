package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// module is the path of this module, and root its folder.
const (
	module = "github.com/sluicehq/sluice"
	root   = "../.."
)

// goPackage is what `go list` says of a package of this module.
type goPackage struct {
	Dir         string
	ImportPath  string
	Name        string
	Doc         string
	GoFiles     []string
	TestGoFiles []string
	Imports     []string
}

// folder is the path inside the module, such as controllers/rollout/plan.
func (p goPackage) folder() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

// within says whether the package is in one of the folders, or below it.
func (p goPackage) within(folders ...string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool { return under(p.folder(), folder) })
}

// under says whether a path is the folder or below it.
func under(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

var listOnce = sync.OnceValues(func() ([]goPackage, error) {
	list := exec.Command("go", "list", "-e", "-json=Dir,ImportPath,Name,Doc,GoFiles,TestGoFiles,Imports", "./...")
	list.Dir = root
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		return nil, errors.Join(err, errors.New(stderr.String()))
	}
	var packages []goPackage
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var p goPackage
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages, nil
		}
		if err != nil {
			return nil, err
		}
		if p.Name != "" {
			packages = append(packages, p)
		}
	}
})

// goPackages are the packages of this module.
func goPackages(t *testing.T) []goPackage {
	t.Helper()
	packages, err := listOnce()
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

// tracked are the files that are, or would be, committed, with slashes, from the root.
func tracked(t *testing.T) []string {
	t.Helper()
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Skipf("needs a Git work tree: %v", err)
	}
	files := strings.Split(strings.TrimRight(string(out), "\x00"), "\x00")
	return slices.DeleteFunc(files, func(file string) bool {
		_, err := os.Lstat(filepath.Join(root, file))
		return err != nil // deleted, but not yet committed
	})
}

// generated says whether the text of a Go file says so.
func generated(text []byte) bool {
	head, _, _ := bytes.Cut(text, []byte("\npackage "))
	return bytes.Contains(head, []byte("Code generated ")) && bytes.Contains(head, []byte("DO NOT EDIT"))
}
