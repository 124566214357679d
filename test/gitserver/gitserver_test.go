package gitserver_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/sluicehq/sluice/test/gitserver"
)

func TestPushAndClone(t *testing.T) {
	server, err := gitserver.New(t.Context(), gitserver.Options{Root: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.CreateRepository(t.Context(), "app"); err != nil {
		t.Fatal(err)
	}
	if err := server.CreateRepository(t.Context(), "app"); err != nil {
		t.Fatalf("a second time: %v", err)
	}
	listener := httptest.NewServer(server)
	defer listener.Close()

	first, err := gitserver.Clone(t.Context(), listener.URL+"/app.git", filepath.Join(t.TempDir(), "one"))
	if err != nil {
		t.Fatal(err)
	}
	// Large enough for git to send the push in chunks.
	large := make([]byte, 3<<20)
	for i := range large {
		large[i] = byte(i*i>>7 ^ i)
	}
	commit, err := first.Push(t.Context(), "one", map[string][]byte{"a.txt": []byte("a"), "large": large})
	if err != nil {
		t.Fatal(err)
	}
	second, err := gitserver.Clone(t.Context(), listener.URL+"/app.git", filepath.Join(t.TempDir(), "two"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := second.Git(t.Context(), "rev-parse", "origin/main"); err != nil || got != commit {
		t.Errorf("main = %q, %v; want %s", got, err, commit)
	}
}

func TestCredentials(t *testing.T) {
	server, err := gitserver.New(t.Context(), gitserver.Options{
		Root: t.TempDir(), Username: "u", Password: "p", Token: "token",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.CreateRepository(t.Context(), "app"); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		set  func(*http.Request)
		want int
	}{
		"none":     {func(*http.Request) {}, http.StatusUnauthorized},
		"basic":    {func(r *http.Request) { r.SetBasicAuth("u", "p") }, http.StatusOK},
		"wrong":    {func(r *http.Request) { r.SetBasicAuth("u", "q") }, http.StatusUnauthorized},
		"bearer":   {func(r *http.Request) { r.Header.Set("Authorization", "Bearer token") }, http.StatusOK},
		"bearer 2": {func(r *http.Request) { r.Header.Set("Authorization", "Bearer other") }, http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/app.git/info/refs?service=git-upload-pack", nil)
			test.set(r)
			w := httptest.NewRecorder()
			server.ServeHTTP(w, r)
			if w.Code != test.want {
				t.Errorf("status = %d, want %d", w.Code, test.want)
			}
		})
	}
}
