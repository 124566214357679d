package fetch

import "sync"

// Mode is what an Entry of a folder is.
type Mode int

// The modes.
const (
	// Other is something that holds no manifest: a submodule.
	Other Mode = iota
	// File is a file, executable or not.
	File
	// Dir is a folder.
	Dir
	// Symlink is a symbolic link; its blob is the target.
	Symlink
)

// Entry is one name in a folder.
type Entry struct {
	Name string
	Mode Mode
	// Hash names the content: a blob's, or a tree's.
	Hash string
}

// Snapshot is a commit of a repository. It may be used by many goroutines until it is closed.
type Snapshot struct {
	store        *store
	commit, root string
	closing      sync.Once
}

// Commit is the full hash of the commit.
func (s *Snapshot) Commit() string { return s.commit }

// Root is the hash of the commit's tree.
func (s *Snapshot) Root() string { return s.root }

// Since returns the commit at which what holds at this one began to hold: the last of those that are reached by first
// parents, without a gap, and of whose tree holds is true. At most limit commits are looked at; stop, if it is not
// empty, is not passed. Where the history cannot be read it ends.
func (s *Snapshot) Since(stop string, limit int, holds func(root string) bool) string {
	since := s.commit
	for range limit {
		parent, root, err := s.store.parent(since)
		if err != nil || parent == "" || parent == stop || !holds(root) {
			break
		}
		since = parent
	}
	return since
}

// Tree lists a folder.
func (s *Snapshot) Tree(hash string) ([]Entry, error) { return s.store.tree(hash) }

// Blob reads a file; one of more than limit bytes is an error.
func (s *Snapshot) Blob(hash string, limit int64) ([]byte, error) { return s.store.blob(hash, limit) }

// Close lets go of the snapshot. It may be called more than once.
func (s *Snapshot) Close() { s.closing.Do(s.store.release) }
