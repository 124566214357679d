package gitserver

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Worktree is a person's clone of a repository: it writes files, commits and pushes.
type Worktree struct {
	dir string
}

// Clone clones url into dir, which must be empty or absent. An empty repository is fine.
func Clone(ctx context.Context, url, dir string) (*Worktree, error) {
	if _, err := run(ctx, "", "clone", "--quiet", url, dir); err != nil {
		return nil, err
	}
	w := &Worktree{dir: dir}
	for _, args := range [][]string{
		{"config", "user.name", "Somebody"},
		{"config", "user.email", "somebody@example.com"},
		{"checkout", "--quiet", "-B", "main"},
	} {
		if _, err := w.Git(ctx, args...); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// Dir is the folder of the clone.
func (w *Worktree) Dir() string { return w.dir }

// Push writes the files, a nil content meaning that the file or folder is removed, commits and pushes the current
// branch, by force if it must. It returns the full hash of the commit.
func (w *Worktree) Push(ctx context.Context, message string, files map[string][]byte) (string, error) {
	for name, content := range files {
		path := filepath.Join(w.dir, filepath.FromSlash(name))
		if content == nil {
			if err := os.RemoveAll(path); err != nil {
				return "", fmt.Errorf("remove %s: %w", name, err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return "", fmt.Errorf("write %s: %w", name, err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return "", fmt.Errorf("write %s: %w", name, err)
		}
	}
	for _, args := range [][]string{
		{"add", "--all"},
		{"commit", "--quiet", "--allow-empty", "-m", message},
		{"push", "--quiet", "--force", "origin", "HEAD"},
	} {
		if _, err := w.Git(ctx, args...); err != nil {
			return "", err
		}
	}
	return w.Git(ctx, "rev-parse", "HEAD")
}

// Git runs git in the clone and returns what it printed, trimmed.
func (w *Worktree) Git(ctx context.Context, args ...string) (string, error) {
	return run(ctx, w.dir, args...)
}

// run runs git without any configuration of the machine or of the user.
func run(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...) //nolint:gosec // Tests and the demo say what it runs.
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0")
	out, err := cmd.CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, text)
	}
	return text, nil
}
