// Package state is what a cluster keeps on disk: a folder per cluster, all of
// its files below it, and a lock against two commands at once.
package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"golang.org/x/sys/unix"
)

// Base holds a folder for each cluster. It is short, since the paths of unix
// sockets below it must stay under 108 bytes.
const Base = "/var/lib/sluice-cluster"

// Folder is one cluster's state.
type Folder struct {
	Name string
	Root string
}

// Addresses are where a cluster is reached from the machine.
type Addresses struct {
	// API, Gateway and Prometheus are host:port on the loopback device.
	API        string `json:"api"`
	Gateway    string `json:"gateway"`
	Prometheus string `json:"prometheus"`
}

// validName keeps names fit for folders, devices, nodes and control groups.
var validName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// Of gives the state of the named cluster, which need not exist.
func Of(name string) (*Folder, error) {
	if !validName.MatchString(name) {
		return nil, fmt.Errorf("cluster name %q: up to 32 lower case letters, digits and inner dashes are allowed", name)
	}
	return &Folder{Name: name, Root: filepath.Join(Base, name)}, nil
}

// Path is the path of something below the folder.
func (f *Folder) Path(parts ...string) string {
	return filepath.Join(append([]string{f.Root}, parts...)...)
}

// Namespace is the cluster's network namespace, and the name of its control groups.
func (f *Folder) Namespace() string { return "sluice-" + f.Name }

// Records is the file of started processes.
func (f *Folder) Records() string { return f.Path("processes") }

// Log is the log of a component.
func (f *Folder) Log(component string) string { return f.Path("logs", component+".log") }

// Kubeconfig is the administrator's kubeconfig, for use on the machine.
func (f *Folder) Kubeconfig() string { return f.Path("kubeconfig") }

// Program is the cluster's copy of this program, which its processes run from.
func (f *Folder) Program() string { return f.Path("bin", "cluster") }

// Exists says whether there is any state.
func (f *Folder) Exists() bool {
	_, err := os.Stat(f.Root)
	return err == nil
}

// Complete says whether the cluster has come up.
func (f *Folder) Complete() bool {
	_, err := os.Stat(f.Path("complete"))
	return err == nil
}

// SetComplete notes that the cluster has come up.
func (f *Folder) SetComplete() error { return WriteFile(f.Path("complete"), nil) }

// WriteAddresses keeps the addresses.
func (f *Folder) WriteAddresses(addresses Addresses) error {
	content, err := json.Marshal(addresses)
	if err != nil {
		return fmt.Errorf("addresses: %w", err)
	}
	return WriteFile(f.Path("addresses"), content)
}

// ReadAddresses gives what WriteAddresses has kept.
func (f *Folder) ReadAddresses() (Addresses, error) {
	var addresses Addresses
	content, err := os.ReadFile(f.Path("addresses"))
	if err != nil {
		return addresses, fmt.Errorf("addresses: %w", err)
	}
	if err := json.Unmarshal(content, &addresses); err != nil {
		return addresses, fmt.Errorf("addresses of cluster %s: %w", f.Name, err)
	}
	return addresses, nil
}

// WriteFile writes a file that appears only when it is whole.
func WriteFile(name string, content []byte) error {
	partial := name + ".partial"
	if err := os.WriteFile(partial, content, 0o644); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	if err := os.Rename(partial, name); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	return nil
}

// Lock waits until no other command works on the cluster. The returned function
// gives the lock up; waiting is called once if another one holds it.
func (f *Folder) Lock(ctx context.Context, waiting func()) (func(), error) {
	return lock(ctx, f.Root+".lock", waiting)
}

// LockAll waits until no other command changes what clusters share.
func LockAll(ctx context.Context) (func(), error) {
	return lock(ctx, filepath.Join(Base, ".lock"), func() {})
}

func lock(ctx context.Context, name string, waiting func()) (func(), error) {
	told := false
	for {
		file, err := tryLock(name)
		if err != nil {
			return nil, err
		}
		if file != nil {
			return func() {
				// Removed while held, so that nothing is left behind; tryLock
				// notices a lock on a removed file.
				_ = os.Remove(name)
				_ = file.Close()
				_ = os.Remove(Base) // only succeeds on the last one out
			}, nil
		}
		if !told {
			told = true
			waiting()
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("lock %s: %w", name, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// tryLock gives the locked file, or nil if it is to be tried again.
func tryLock(name string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // the folder went away just now
	}
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil && sameFile(file, name) {
		return file, nil
	}
	file.Close()
	if err != nil && !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return nil, nil
}

func sameFile(file *os.File, name string) bool {
	held, err := file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(name)
	return err == nil && os.SameFile(held, there)
}

// Others says whether the state of any other cluster is there.
func (f *Folder) Others() bool {
	entries, err := os.ReadDir(Base)
	if err != nil {
		return false
	}
	for _, entry := range entries {
		if entry.IsDir() && entry.Name() != f.Name {
			return true
		}
	}
	return false
}
