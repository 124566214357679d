package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/gitsync/fetch"
	"github.com/sluicehq/sluice/test/gitserver"
)

// remote is a repository with one person who pushes to it.
type remote struct {
	server   *gitserver.Server
	url      string
	worktree *gitserver.Worktree
}

func newRemote(t *testing.T) *remote {
	t.Helper()
	server, err := gitserver.New(t.Context(), gitserver.Options{Root: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.CreateRepository(t.Context(), "app"); err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewServer(server)
	t.Cleanup(listener.Close)
	r := &remote{server: server, url: listener.URL + "/app.git"}
	r.worktree, err = gitserver.Clone(t.Context(), r.url, filepath.Join(t.TempDir(), "work"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *remote) push(t *testing.T, files map[string]string) string {
	t.Helper()
	content := map[string][]byte{}
	for name, text := range files {
		content[name] = []byte(text)
	}
	commit, err := r.worktree.Push(t.Context(), "change", content)
	if err != nil {
		t.Fatal(err)
	}
	return commit
}

func (r *remote) git(t *testing.T, args ...string) string {
	t.Helper()
	out, err := r.worktree.Git(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSince(t *testing.T) {
	remote := newRemote(t)
	first := remote.push(t, map[string]string{"a": "1"})
	second := remote.push(t, map[string]string{"a": "2"})
	remote.push(t, map[string]string{"b": "1"})
	third := remote.push(t, map[string]string{"b": "2"})
	repositories := open(t, t.TempDir(), newClock(), nil)
	snapshot, err := repositories.Snapshot(t.Context(), fetch.Source{URL: remote.url}, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	holds := func(name, hash string) func(string) bool {
		return func(root string) bool {
			entries, err := snapshot.Tree(root)
			if err != nil {
				t.Fatal(err)
			}
			return slices.ContainsFunc(entries, func(e fetch.Entry) bool { return e.Name == name && (hash == "" || e.Hash == hash) })
		}
	}
	entries, err := snapshot.Tree(snapshot.Root())
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		stop  string
		limit int
		holds func(string) bool
		want  string
	}{
		"changed last but two":  {"", 100, holds("a", entries[0].Hash), second},
		"changed last":          {"", 100, holds("b", entries[1].Hash), third},
		"always":                {"", 100, holds("a", ""), first},
		"no further than asked": {first, 100, holds("a", ""), second},
		"no more than asked":    {"", 2, holds("a", ""), second},
	} {
		if got := snapshot.Since(test.stop, test.limit, test.holds); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

// clock is a time that tests move; it ticks a little whenever it is read, so that no two instants are the same.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Microsecond)
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }

func open(t *testing.T, dir string, c *clock, change func(*fetch.Options)) *fetch.Repositories {
	t.Helper()
	opts := fetch.Options{Dir: dir, Now: c.Now}
	if change != nil {
		change(&opts)
	}
	repositories, err := fetch.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(repositories.Close)
	return repositories
}

// read returns the text of a file in the root folder of a revision, and the commit.
func read(t *testing.T, r *fetch.Repositories, source fetch.Source, revision, name string) (string, string) {
	t.Helper()
	snapshot, err := r.Snapshot(t.Context(), source, revision, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	return content(t, snapshot, name), snapshot.Commit()
}

func content(t *testing.T, snapshot *fetch.Snapshot, name string) string {
	t.Helper()
	entries, err := snapshot.Tree(snapshot.Root())
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.Name == name {
			blob, err := snapshot.Blob(entry.Hash, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			return string(blob)
		}
	}
	return "(missing)"
}

func TestRevisions(t *testing.T) {
	remote := newRemote(t)
	first := remote.push(t, map[string]string{"a": "1"})
	remote.git(t, "tag", "light")
	remote.git(t, "tag", "-a", "annotated", "-m", "a tag")
	remote.git(t, "push", "--quiet", "--tags")
	second := remote.push(t, map[string]string{"a": "2"})
	remote.git(t, "checkout", "--quiet", "-b", "side/branch")
	third := remote.push(t, map[string]string{"a": "3"})

	for name, test := range map[string]struct{ revision, text, commit string }{
		"default branch": {"", "2", second},
		"branch":         {"main", "2", second},
		"branch with /":  {"side/branch", "3", third},
		"full name":      {"refs/heads/main", "2", second},
		"light tag":      {"light", "1", first},
		"annotated tag":  {"annotated", "1", first},
		"tip":            {third, "3", third},
		"older commit":   {first, "1", first},
	} {
		t.Run(name, func(t *testing.T) {
			repositories := open(t, t.TempDir(), newClock(), nil)
			text, commit := read(t, repositories, fetch.Source{URL: remote.url}, test.revision, "a")
			if text != test.text || commit != test.commit {
				t.Errorf("got %q at %s, want %q at %s", text, commit, test.text, test.commit)
			}
		})
	}
}

func TestOneListingServesAll(t *testing.T) {
	remote := newRemote(t)
	remote.push(t, map[string]string{"a": "1"})
	before := remote.server.Advertisements()
	c := newClock()
	repositories := open(t, t.TempDir(), c, nil)
	source := fetch.Source{URL: remote.url}

	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			snapshot, err := repositories.Snapshot(t.Context(), source, "main", time.Minute)
			if err != nil {
				t.Error(err)
				return
			}
			snapshot.Close()
		})
	}
	group.Wait()
	if asked, packs := remote.server.Advertisements()-before, remote.server.Packs(); asked != 1 {
		t.Errorf("%d listings and %d packs, want 1 and 1", asked, packs)
	}
	packs := remote.server.Packs()

	remote.push(t, map[string]string{"a": "2"})
	before = remote.server.Advertisements()
	snapshot, err := repositories.Snapshot(t.Context(), source, "main", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	if text := content(t, snapshot, "a"); text != "1" || remote.server.Advertisements() != before {
		t.Errorf("within the age: got %q with %d listings, want 1 with none", text, remote.server.Advertisements()-before)
	}
	c.advance(2 * time.Minute)
	later, err := repositories.Snapshot(t.Context(), source, "main", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer later.Close()
	if text := content(t, later, "a"); text != "2" || remote.server.Packs() != packs+1 {
		t.Errorf("after it: got %q with %d packs, want 2 with 1", text, remote.server.Packs()-packs)
	}
	c.advance(2 * time.Minute)
	again, err := repositories.Snapshot(t.Context(), source, "main", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	if remote.server.Packs() != packs+1 {
		t.Error("an unchanged head was fetched again")
	}
	if text := content(t, snapshot, "a"); text != "1" {
		t.Errorf("the older snapshot reads %q, want 1", text)
	}
}

func TestForcePushAndRestart(t *testing.T) {
	remote := newRemote(t)
	dir, source := t.TempDir(), fetch.Source{URL: remote.url}
	remote.push(t, map[string]string{"a": "1"})
	first := open(t, dir, newClock(), nil)
	read(t, first, source, "main", "a")
	first.Close()

	remote.git(t, "commit", "--quiet", "--amend", "-m", "other", "--date", "2020-01-01T00:00:00")
	commit := remote.push(t, map[string]string{"a": "forced"})
	second := open(t, dir, newClock(), nil)
	if text, got := read(t, second, source, "main", "a"); text != "forced" || got != commit {
		t.Errorf("got %q at %s, want forced at %s", text, got, commit)
	}
	packs := remote.server.Packs()
	second.Close()
	third := open(t, dir, newClock(), nil)
	if text, _ := read(t, third, source, "main", "a"); text != "forced" || remote.server.Packs() != packs {
		t.Errorf("after a restart: got %q with %d packs, want forced with none", text, remote.server.Packs()-packs)
	}
}

func TestCompaction(t *testing.T) {
	remote := newRemote(t)
	repositories := open(t, t.TempDir(), newClock(), nil)
	source := fetch.Source{URL: remote.url}
	remote.push(t, map[string]string{"a": "0"})
	old, err := repositories.Snapshot(t.Context(), source, "main", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	for i := 1; i <= 70; i++ {
		text := strconv.Itoa(i)
		remote.push(t, map[string]string{"a": text})
		if got, _ := read(t, repositories, source, "main", "a"); got != text {
			t.Fatalf("got %q, want %q", got, text)
		}
	}
	if text := content(t, old, "a"); text != "0" {
		t.Errorf("the old snapshot reads %q, want 0", text)
	}
}

func TestFailures(t *testing.T) {
	remote := newRemote(t)
	remote.push(t, map[string]string{"a": "1", "large": noise(1 << 16)})
	private, err := gitserver.New(t.Context(), gitserver.Options{Root: t.TempDir(), Username: "u", Password: "p"})
	if err != nil {
		t.Fatal(err)
	}
	if err := private.CreateRepository(t.Context(), "app"); err != nil {
		t.Fatal(err)
	}
	secret := httptest.NewTLSServer(private)
	defer secret.Close()
	silent := httptest.NewServer(nil)
	silent.Close()
	elsewhere := httptest.NewTLSServer(http.RedirectHandler(secret.URL+"/app.git/info/refs?service=git-upload-pack", http.StatusFound))
	defer elsewhere.Close()
	pem := certificate(secret)

	for name, test := range map[string]struct {
		source   fetch.Source
		revision string
		max      int64
		want     fetch.Kind
		text     string
	}{
		"unreachable":       {fetch.Source{URL: silent.URL + "/app.git"}, "", 0, fetch.Unreachable, "refused"},
		"no repository":     {fetch.Source{URL: strings.Replace(remote.url, "app", "other", 1)}, "", 0, fetch.RepositoryNotFound, "source.repoURL"},
		"no branch":         {fetch.Source{URL: remote.url}, "other", 0, fetch.RevisionNotFound, `"other"`},
		"no commit":         {fetch.Source{URL: remote.url}, strings.Repeat("1", 40), 0, fetch.RevisionNotFound, "targetRevision"},
		"HEAD of nobody":    {fetch.Source{URL: remote.url}, "../HEAD", 0, fetch.RevisionNotFound, "targetRevision"},
		"credentials":       {fetch.Source{URL: secret.URL + "/app.git", Credentials: fetch.Credentials{CA: pem}}, "", 0, fetch.Unauthorized, "source.secretRef"},
		"wrong credentials": {fetch.Source{URL: secret.URL + "/app.git", Credentials: fetch.Credentials{Username: "u", Password: "hunter2", CA: pem}}, "", 0, fetch.Unauthorized, "secretRef"},
		"empty repository":  {fetch.Source{URL: secret.URL + "/app.git", Credentials: fetch.Credentials{Username: "u", Password: "p", CA: pem}}, "", 0, fetch.RevisionNotFound, "push a commit"},
		"unknown authority": {fetch.Source{URL: secret.URL + "/app.git"}, "", 0, fetch.Unreachable, "ca.crt"},
		"bad authority":     {fetch.Source{URL: secret.URL + "/app.git", Credentials: fetch.Credentials{CA: []byte("x")}}, "", 0, fetch.Refused, "ca.crt"},
		"redirect":          {fetch.Source{URL: elsewhere.URL + "/app.git", Credentials: fetch.Credentials{Username: "u", Password: "hunter2", CA: append(pem, certificate(elsewhere)...)}}, "", 0, fetch.Refused, "redirects to another host"},
		"file":              {fetch.Source{URL: "file:///etc"}, "", 0, fetch.Refused, "https://"},
		"path":              {fetch.Source{URL: "/etc"}, "", 0, fetch.Refused, "https://"},
		"ssh":               {fetch.Source{URL: "ssh://git@host/app"}, "", 0, fetch.Refused, "no credentials"},
		"user in URL":       {fetch.Source{URL: "https://u:hunter2@host/app"}, "", 0, fetch.Refused, "no credentials"},
		"http with secret":  {fetch.Source{URL: remote.url, Credentials: fetch.Credentials{BearerToken: "hunter2"}}, "", 0, fetch.Refused, "not sent over http"},
		"too large":         {fetch.Source{URL: remote.url}, "", 1 << 14, fetch.TooLarge, "larger than allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			repositories := open(t, t.TempDir(), newClock(), func(o *fetch.Options) {
				if test.max > 0 {
					o.MaxBytes = test.max
				}
			})
			snapshot, err := repositories.Snapshot(t.Context(), test.source, test.revision, 0)
			if err == nil {
				snapshot.Close()
				t.Fatal("no error")
			}
			failure, ok := errors.AsType[*fetch.Error](err)
			if !ok {
				t.Fatalf("error of type %T: %v", err, err)
			}
			if failure.Kind != test.want || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %s: %v; want %s with %q", failure.Kind, err, test.want, test.text)
			}
			if printed := fmt.Sprintf("%v %+v %#v", err, err, test.source.Credentials); strings.Contains(printed, "hunter2") {
				t.Errorf("a credential is shown: %s", printed)
			}
		})
	}
}

// noise returns bytes that do not compress, the same each time.
func noise(n int) string {
	random := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return string(b)
}

func TestCredentials(t *testing.T) {
	server, err := gitserver.New(t.Context(), gitserver.Options{Root: t.TempDir(), Username: "u", Password: "p", Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.CreateRepository(t.Context(), "app"); err != nil {
		t.Fatal(err)
	}
	open1 := httptest.NewServer(server)
	defer open1.Close()
	worktree, err := gitserver.Clone(t.Context(), strings.Replace(open1.URL, "//", "//u:p@", 1)+"/app.git", filepath.Join(t.TempDir(), "w"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := worktree.Push(t.Context(), "one", map[string][]byte{"a": []byte("1")}); err != nil {
		t.Fatal(err)
	}
	secure := httptest.NewTLSServer(server)
	defer secure.Close()
	repositories := open(t, t.TempDir(), newClock(), nil)
	for name, credentials := range map[string]fetch.Credentials{
		"basic":  {Username: "u", Password: "p"},
		"bearer": {BearerToken: "t"},
	} {
		credentials.CA = certificate(secure)
		if text, _ := read(t, repositories, fetch.Source{URL: secure.URL + "/app.git", Credentials: credentials}, "main", "a"); text != "1" {
			t.Errorf("%s: got %q", name, text)
		}
	}
}

func TestOutageAndRecovery(t *testing.T) {
	remote := newRemote(t)
	remote.push(t, map[string]string{"a": "1"})
	c := newClock()
	repositories := open(t, t.TempDir(), c, nil)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := repositories.Snapshot(canceled, fetch.Source{URL: remote.url}, "", time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("a canceled question: %v", err)
	}
	if text, _ := read(t, repositories, fetch.Source{URL: remote.url}, "", "a"); text != "1" {
		t.Errorf("after one who left: got %q", text)
	}
}

func TestEviction(t *testing.T) {
	c := newClock()
	repositories := open(t, t.TempDir(), c, func(o *fetch.Options) { o.MaxRepositories = 1 })
	one, two := newRemote(t), newRemote(t)
	one.push(t, map[string]string{"a": "1"})
	two.push(t, map[string]string{"a": "2"})
	for range 2 {
		for url, want := range map[string]string{one.url: "1", two.url: "2"} {
			c.advance(time.Second)
			if text, _ := read(t, repositories, fetch.Source{URL: url}, "", "a"); text != want {
				t.Errorf("got %q, want %q", text, want)
			}
		}
	}
}
