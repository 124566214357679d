//go:build linux

package enter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sluicehq/sluice/test/cluster/internal/state"
)

// created lists the folders of the machine that clusters have made, one a line.
var created = filepath.Join(state.Base, ".created-folders")

// MakeSharedFolders makes the folders that components are given in their own
// mount namespace, since a mount needs a place, and notes those that are new.
// The caller holds state.LockAll.
func MakeSharedFolders() error {
	for _, target := range shared {
		var fresh []string
		for folder := target; ; folder = filepath.Dir(folder) {
			if _, err := os.Stat(folder); err == nil {
				break
			}
			fresh = append(fresh, folder)
		}
		if len(fresh) == 0 {
			continue
		}
		// Noted before they are made, so that none is forgotten.
		file, err := os.OpenFile(created, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("shared folders: %w", err)
		}
		_, err = file.WriteString(strings.Join(fresh, "\n") + "\n")
		if err := errors.Join(err, file.Close(), os.MkdirAll(target, 0o755)); err != nil {
			return fmt.Errorf("shared folders: %w", err)
		}
	}
	return nil
}

// RemoveSharedFolders removes those folders again, where they are empty. The
// caller holds state.LockAll and has made sure that no cluster uses them.
func RemoveSharedFolders() error {
	content, err := os.ReadFile(created)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("shared folders: %w", err)
	}
	for folder := range strings.FieldsSeq(string(content)) {
		_ = os.Remove(folder) // one that is in use by others is not empty
	}
	if err := os.Remove(created); err != nil {
		return fmt.Errorf("shared folders: %w", err)
	}
	return nil
}
