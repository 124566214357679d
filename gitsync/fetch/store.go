package fetch

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

const (
	// objectCache bounds the memory for objects of one clone.
	objectCache = 16 << 20
	// maxPacks is how many packs a clone may gather, one with each fetch, before it is made anew.
	maxPacks = 64
	// maxTreeBytes bounds one folder's listing: some hundred thousand names.
	maxTreeBytes = 16 << 20
)

// store is a bare clone on disk. go-git's storage is not safe for concurrent use; mu makes it so.
type store struct {
	dir string

	mu      sync.Mutex
	git     *filesystem.Storage
	leases  int
	retired bool
	closed  bool
}

// openStore opens the clone in dir, or begins an empty one. The clone lives in the sub-folder with the highest number;
// others are of clones that were replaced. They are removed if clean is set: nobody can be reading from them then.
func openStore(dir string, clean bool) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	generation := 0
	for _, entry := range entries {
		var n int
		if _, err := fmt.Sscanf(entry.Name(), "clone-%d", &n); err == nil && n > generation {
			generation = n
		}
	}
	current := fmt.Sprintf("clone-%d", generation)
	if _, err := os.Stat(filepath.Join(dir, current, "retired")); err == nil {
		current = fmt.Sprintf("clone-%d", generation+1)
	}
	for _, entry := range entries {
		if clean && entry.Name() != current {
			_ = os.RemoveAll(filepath.Join(dir, entry.Name()))
		}
	}
	path := filepath.Join(dir, current)
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	git := filesystem.NewStorageWithOptions(osfs.New(path, osfs.WithBoundOS()),
		cache.NewObjectLRU(objectCache), filesystem.Options{KeepDescriptors: true})
	if err := git.Init(); err != nil {
		return nil, err
	}
	return &store{dir: path, git: git}, nil
}

// snapshot leases the store for a commit that it holds.
func (s *store) snapshot(commit plumbing.Hash) (*Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := object.GetCommit(s.git, commit)
	if err != nil {
		return nil, err
	}
	s.leases++
	return &Snapshot{store: s, commit: c.Hash.String(), root: c.TreeHash.String()}, nil
}

// parent returns a commit's first parent and its tree; empty if it has none.
func (s *store) parent(commit string) (parent, root string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := object.GetCommit(s.git, plumbing.NewHash(commit))
	if err != nil || c.NumParents() == 0 {
		return "", "", err
	}
	if c, err = object.GetCommit(s.git, c.ParentHashes[0]); err != nil {
		return "", "", err
	}
	return c.Hash.String(), c.TreeHash.String(), nil
}

func (s *store) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leases--
	s.settle()
}

// retire lets go of the store as soon as nobody reads from it; it is never opened again.
func (s *store) retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retired = true
	_ = os.WriteFile(filepath.Join(s.dir, "retired"), nil, 0o600)
	s.settle()
}

func (s *store) settle() {
	if s.retired && s.leases <= 0 && !s.closed {
		s.closed = true
		_ = s.git.Close()
		_ = os.RemoveAll(s.dir)
	}
}

func (s *store) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		_ = s.git.Close()
	}
}

// haves are the objects that the store keeps by name, as a server wants to be told.
func (s *store) haves() []plumbing.Hash {
	s.mu.Lock()
	defer s.mu.Unlock()
	refs, err := s.git.IterReferences()
	if err != nil {
		return nil
	}
	var haves []plumbing.Hash
	_ = refs.ForEach(func(ref *plumbing.Reference) error {
		if ref.Type() == plumbing.HashReference && s.git.HasEncodedObject(ref.Hash()) == nil {
			haves = append(haves, ref.Hash())
		}
		return nil
	})
	return haves
}

// keep names an object, for haves.
func (s *store) keep(name plumbing.ReferenceName, hash plumbing.Hash) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name == plumbing.HEAD {
		name = "refs/sluice/HEAD"
	}
	return s.git.SetReference(plumbing.NewHashReference(name, hash))
}

// add takes a pack in.
func (s *store) add(pack io.Reader) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := packfile.UpdateObjectStorage(s.git, pack)
	if errors.Is(err, packfile.ErrEmptyPackfile) {
		return nil
	}
	return err
}

// packs calls visit for each pack's file.
func (s *store) packs(visit func(os.DirEntry)) {
	entries, err := os.ReadDir(filepath.Join(s.dir, "objects", "pack"))
	if err != nil {
		return
	}
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".pack") {
			visit(entry)
		}
	}
}

func (s *store) size() int64 {
	var total int64
	s.packs(func(entry os.DirEntry) {
		if info, err := entry.Info(); err == nil {
			total += info.Size()
		}
	})
	return total
}

func (s *store) needsCompaction() bool {
	count := 0
	s.packs(func(os.DirEntry) { count++ })
	return count >= maxPacks
}

// tree reads one folder.
func (s *store) tree(hash string) ([]Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := plumbing.NewHash(hash)
	if size, err := s.git.EncodedObjectSize(h); err != nil {
		return nil, err
	} else if size > maxTreeBytes {
		return nil, errTooLarge
	}
	tree, err := object.GetTree(s.git, h)
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, 0, len(tree.Entries))
	for _, e := range tree.Entries {
		entries = append(entries, Entry{Name: e.Name, Mode: modeOf(e.Mode), Hash: e.Hash.String()})
	}
	return entries, nil
}

func modeOf(mode filemode.FileMode) Mode {
	switch mode {
	case filemode.Dir:
		return Dir
	case filemode.Symlink:
		return Symlink
	case filemode.Regular, filemode.Executable, filemode.Deprecated:
		return File
	default:
		return Other
	}
}

// blob reads one file of at most limit bytes.
func (s *store) blob(hash string, limit int64) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := plumbing.NewHash(hash)
	size, err := s.git.EncodedObjectSize(h)
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, fmt.Errorf("%d bytes, more than the %d that are allowed", size, limit)
	}
	blob, err := object.GetBlob(s.git, h)
	if err != nil {
		return nil, err
	}
	reader, err := blob.Reader()
	if err != nil {
		return nil, err
	}
	defer func() { _ = reader.Close() }()
	return io.ReadAll(io.LimitReader(reader, limit))
}
