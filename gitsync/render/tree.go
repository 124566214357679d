package render

import (
	"fmt"
	"path"
	"strings"

	"github.com/sluicehq/sluice/gitsync/fetch"
)

// Objects reads the objects of a commit. fetch.Snapshot is one.
type Objects interface {
	// Tree lists a folder.
	Tree(hash string) ([]fetch.Entry, error)
	// Blob reads a file; one of more than limit bytes is an error.
	Blob(hash string, limit int64) ([]byte, error)
}

const (
	// maxLinks bounds how many symbolic links a path may go through.
	maxLinks = 32
	// maxTarget bounds the target of a symbolic link in bytes.
	maxTarget = 4096
)

// tree finds paths in a commit. Paths are relative to the root of the repository, clean, with "." for the root.
type tree struct {
	objects Objects
	root    string
	folders map[string]map[string]fetch.Entry
}

func newTree(objects Objects, root string) *tree {
	return &tree{objects: objects, root: root, folders: map[string]map[string]fetch.Entry{}}
}

// node is what a path leads to.
type node struct {
	// path is where it really is, all links resolved.
	path string
	mode fetch.Mode
	hash string
}

// folder lists a folder by its hash.
func (t *tree) folder(hash string) (map[string]fetch.Entry, error) {
	if known, ok := t.folders[hash]; ok {
		return known, nil
	}
	entries, err := t.objects.Tree(hash)
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", hash, err)
	}
	byName := make(map[string]fetch.Entry, len(entries))
	for _, entry := range entries {
		byName[entry.Name] = entry
	}
	t.folders[hash] = byName
	return byName, nil
}

// find follows a path, links included. It returns nil if nothing is there, and an *Error where a link leads out of the
// repository or in a circle.
func (t *tree) find(name string) (*node, error) {
	at := &node{path: ".", mode: fetch.Dir, hash: t.root}
	// above are the folders that lead to at, the root first.
	var above []*node
	left, links := parts(name), 0
	for len(left) > 0 {
		part := left[0]
		left = left[1:]
		if part == ".." {
			if len(above) == 0 {
				return nil, refused(name, "leads out of the repository")
			}
			at, above = above[len(above)-1], above[:len(above)-1]
			continue
		}
		if at.mode != fetch.Dir {
			return nil, nil
		}
		folder, err := t.folder(at.hash)
		if err != nil {
			return nil, err
		}
		entry, ok := folder[part]
		if !ok {
			return nil, nil
		}
		if entry.Mode != fetch.Symlink {
			above = append(above, at)
			at = &node{path: path.Join(at.path, part), mode: entry.Mode, hash: entry.Hash}
			continue
		}
		if links++; links > maxLinks {
			return nil, refused(name, "goes through more than %d symbolic links", maxLinks)
		}
		target, err := t.objects.Blob(entry.Hash, maxTarget)
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(string(target), "/") {
			return nil, refused(path.Join(at.path, part), "is a symbolic link that leads out of the repository")
		}
		left = append(parts(string(target)), left...)
	}
	return at, nil
}

// parts splits a path at its slashes; "." and nothing are left out.
func parts(name string) []string {
	var out []string
	for part := range strings.SplitSeq(name, "/") {
		if part != "" && part != "." {
			out = append(out, part)
		}
	}
	return out
}
