// Package gitserver serves real Git repositories over HTTP, for tests and for the demo.
//
// It is git's own http-backend behind net/http: what a client sees is what it sees of any smart HTTP server. It needs
// git, with git-http-backend, on the machine. Repositories are bare, take pushes, and have main as default branch.
package gitserver

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/http/cgi" //nolint:gosec // The flaw that this is listed for went with Go 1.6.3.
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
)

// nameForm is what a repository may be called: it becomes a folder and a part of a URL.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// Options say what a Server serves and to whom.
type Options struct {
	// Root is the folder that holds the repositories; it must exist.
	Root string
	// Username and Password, where set, are asked for by basic authentication.
	Username, Password string
	// Token, where set, is accepted as a bearer token.
	Token string
}

// Server is an http.Handler that serves every repository under its root.
type Server struct {
	opts           Options
	backend        *cgi.Handler
	advertisements atomic.Int64
	packs          atomic.Int64
}

// New returns a Server. It fails where git or its http-backend is missing.
func New(ctx context.Context, opts Options) (*Server, error) {
	root, err := filepath.Abs(opts.Root)
	if err != nil {
		return nil, fmt.Errorf("git server root %q: %w", opts.Root, err)
	}
	opts.Root = root
	out, err := exec.CommandContext(ctx, "git", "--exec-path").Output()
	if err != nil {
		return nil, fmt.Errorf("git is needed to serve repositories: %w", err)
	}
	program := filepath.Join(strings.TrimSpace(string(out)), "git-http-backend")
	if _, err := os.Stat(program); err != nil {
		return nil, fmt.Errorf("git's http-backend is needed to serve repositories: %w", err)
	}
	return &Server{opts: opts, backend: &cgi.Handler{
		Path: program,
		Env: []string{
			"GIT_PROJECT_ROOT=" + root,
			"GIT_HTTP_EXPORT_ALL=1",
			"GIT_CONFIG_NOSYSTEM=1",
			"HOME=" + root,
		},
	}}, nil
}

// CreateRepository makes an empty bare repository NAME.git that takes pushes. One that exists is left as it is.
func (s *Server) CreateRepository(ctx context.Context, name string) error {
	if !nameForm.MatchString(name) {
		return fmt.Errorf("repository name %q: want letters, digits, - and _", name)
	}
	dir := filepath.Join(s.opts.Root, name+".git")
	if _, err := os.Stat(filepath.Join(dir, "HEAD")); err == nil {
		return nil
	} else if !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("repository %s: %w", name, err)
	}
	for _, args := range [][]string{
		{"init", "--quiet", "--bare", "--initial-branch=main", dir},
		{"--git-dir", dir, "config", "http.receivepack", "true"},
	} {
		if _, err := run(ctx, "", args...); err != nil {
			return fmt.Errorf("create repository %s: %w", name, err)
		}
	}
	return nil
}

// Advertisements counts the listings of references that were asked for, whatever their answer.
func (s *Server) Advertisements() int64 { return s.advertisements.Load() }

// Packs counts the packs that were asked for.
func (s *Server) Packs() int64 { return s.packs.Load() }

// ServeHTTP serves the Git protocol under /NAME.git/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasSuffix(r.URL.Path, "/info/refs"):
		s.advertisements.Add(1)
	case strings.HasSuffix(r.URL.Path, "/git-upload-pack"):
		s.packs.Add(1)
	}
	if !s.allowed(r) {
		w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
		http.Error(w, "credentials are needed", http.StatusUnauthorized)
		return
	}
	// The backend reads Content-Length; a chunked body, which git sends for a large push, reaches it as it is.
	s.backend.ServeHTTP(w, r)
}

// allowed tells whether a request carries what the options ask for.
func (s *Server) allowed(r *http.Request) bool {
	if s.opts.Username == "" && s.opts.Token == "" {
		return true
	}
	if bearer, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); found && s.opts.Token != "" {
		return equal(bearer, s.opts.Token)
	}
	user, password, ok := r.BasicAuth()
	return ok && s.opts.Username != "" && equal(user, s.opts.Username) && equal(password, s.opts.Password)
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
