package fetch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	listTimeout   = 15 * time.Second
	headerTimeout = 60 * time.Second
	idleTimeout   = 90 * time.Second
)

// Options bound what Repositories use.
type Options struct {
	// Dir is where the clones are kept; it is made if it is missing. Clones in it from an earlier run are used.
	Dir string
	// MaxBytes is the most that one repository may take, as packed by its server; 0 means 1 GiB.
	MaxBytes int64
	// MaxRepositories is how many clones are kept, the least recently used going first; 0 means 100.
	MaxRepositories int
	// FetchTimeout bounds the fetch of one pack; 0 means 5 minutes.
	FetchTimeout time.Duration
	// Now tells the time; it is required.
	Now func() time.Time
}

// Repositories are the clones in one folder. They may be used by many goroutines.
type Repositories struct {
	opts Options
	salt []byte

	mu    sync.Mutex
	known map[string]*repository
}

// Open uses a folder for clones. Only one process may use it at a time.
func Open(opts Options) (*Repositories, error) {
	if opts.Now == nil {
		return nil, errors.New("fetch: Options.Now is required")
	}
	if opts.MaxBytes == 0 {
		opts.MaxBytes = 1 << 30
	}
	if opts.MaxRepositories == 0 {
		opts.MaxRepositories = 100
	}
	if opts.FetchTimeout == 0 {
		opts.FetchTimeout = 5 * time.Minute
	}
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("folder for clones: %w", err)
	}
	salt, err := loadSalt(filepath.Join(opts.Dir, "salt"))
	if err != nil {
		return nil, err
	}
	return &Repositories{opts: opts, salt: salt, known: map[string]*repository{}}, nil
}

// loadSalt reads the key under which the names of clones are made, so that they are found again after a restart.
func loadSalt(path string) ([]byte, error) {
	salt, err := os.ReadFile(path) //nolint:gosec // The folder is the operator's choice.
	if err == nil && len(salt) == 32 {
		return salt, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("folder for clones: %w", err)
	}
	salt = make([]byte, 32)
	_, _ = rand.Read(salt) // Never fails: it ends the process instead.
	if err := os.WriteFile(path, salt, 0o600); err != nil {
		return nil, fmt.Errorf("folder for clones: %w", err)
	}
	return salt, nil
}

// Snapshot returns what revision is in the repository: a branch, a tag, a full name that begins with refs/, a full
// commit hash, or, if empty, the default branch. The answer may rest on a listing of the remote that is up to maxAge
// old. Every error is an *Error, except the end of ctx. The caller closes the Snapshot.
func (r *Repositories) Snapshot(ctx context.Context, source Source, revision string, maxAge time.Duration) (*Snapshot, error) {
	if err := source.check(); err != nil {
		return nil, err
	}
	repo := r.lease(source)
	snapshot, err := repo.snapshot(ctx, revision, maxAge)
	r.release(repo)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, explain(source.URL, err)
	}
	return snapshot, nil
}

// lease returns the repository of a source and keeps it from being thrown away.
func (r *Repositories) lease(source Source) *repository {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := source.key(r.salt)
	repo, ok := r.known[key]
	if !ok {
		repo = newRepository(source, filepath.Join(r.opts.Dir, key), r.opts)
		r.known[key] = repo
		r.evict()
	}
	repo.leases++
	repo.used = r.opts.Now()
	return repo
}

func (r *Repositories) release(repo *repository) {
	r.mu.Lock()
	defer r.mu.Unlock()
	repo.leases--
	r.evict()
}

// evict throws away the repositories that were not used for the longest time, above the bound and not in use.
func (r *Repositories) evict() {
	for len(r.known) > r.opts.MaxRepositories {
		var oldest string
		for key, repo := range r.known {
			if repo.leases == 0 && (oldest == "" || repo.used.Before(r.known[oldest].used)) {
				oldest = key
			}
		}
		if oldest == "" {
			return
		}
		r.known[oldest].discard()
		delete(r.known, oldest)
	}
}

// Close lets go of every clone; they stay on disk. No Snapshot may be used afterwards.
func (r *Repositories) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, repo := range r.known {
		repo.close()
	}
	clear(r.known)
}

// Sweep removes clones of an earlier run that nobody asked for since Open. It is meant to be called once, after
// everybody who needs a repository has asked for it.
func (r *Repositories) Sweep() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	entries, err := os.ReadDir(r.opts.Dir)
	if err != nil {
		return fmt.Errorf("folder for clones: %w", err)
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return !e.IsDir() || r.known[e.Name()] != nil })
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(r.opts.Dir, entry.Name())); err != nil {
			return fmt.Errorf("folder for clones: %w", err)
		}
	}
	return nil
}
