package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// repository is one remote and its clone.
type repository struct {
	source Source
	opts   Options
	dir    string
	client transport.Transport
	conns  *http.Transport

	// leases and used belong to Repositories.
	leases int
	used   time.Time

	// busy holds one token: who has it talks to the server and changes what is below.
	busy    chan struct{}
	listing listing
	store   *store
	opened  bool
}

// listing is what the remote said of its references.
type listing struct {
	// asked is when the question was asked.
	asked time.Time
	err   error
	head  string
	refs  map[string]plumbing.Hash
	// peeled has the commit of each annotated tag.
	peeled       map[string]plumbing.Hash
	capabilities *capability.List
}

func newRepository(source Source, dir string, opts Options) *repository {
	client, conns := source.client(opts.MaxBytes)
	return &repository{
		source: source, opts: opts, dir: dir, client: client, conns: conns,
		busy: make(chan struct{}, 1),
	}
}

// target is a revision resolved: the object to ask for, the commit that it stands for, and a name to keep it by.
type target struct {
	want, commit plumbing.Hash
	name         plumbing.ReferenceName
}

// snapshot answers from the clone where it can, and from the remote where it must.
func (r *repository) snapshot(ctx context.Context, revision string, maxAge time.Duration) (*Snapshot, error) {
	asked := r.opts.Now()
	select {
	case r.busy <- struct{}{}:
		defer func() { <-r.busy }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := r.openStore(); err != nil {
		return nil, err
	}
	if plumbing.IsHash(revision) {
		if snapshot, err := r.store.snapshot(plumbing.NewHash(revision)); err == nil {
			return snapshot, nil
		}
	}
	// Whoever waited here takes the answer that another one got meanwhile.
	fresh := r.listing.asked.IsZero() || r.listing.asked.Before(asked.Add(-maxAge))
	if fresh {
		r.list(ctx)
	}
	snapshot, err := r.listed(ctx, revision)
	if err != nil && !fresh && r.listing.err == nil {
		// What an older listing names may be gone: a branch that was pushed by force since.
		r.list(ctx)
		return r.listed(ctx, revision)
	}
	return snapshot, err
}

// listed answers from the listing.
func (r *repository) listed(ctx context.Context, revision string) (*Snapshot, error) {
	if r.listing.err != nil {
		return nil, r.listing.err
	}
	wanted, err := r.resolve(revision)
	if err != nil {
		return nil, err
	}
	return r.bring(ctx, wanted, revision)
}

// bring returns the snapshot of a target and fetches it first if it is not there.
func (r *repository) bring(ctx context.Context, wanted target, revision string) (*Snapshot, error) {
	if snapshot, err := r.store.snapshot(wanted.commit); err == nil {
		return snapshot, nil
	}
	if r.store.needsCompaction() {
		r.store.retire()
		r.store = nil
		if err := r.openStore(); err != nil {
			return nil, err
		}
	}
	wants, haves := []plumbing.Hash{wanted.want}, r.store.haves()
	if wanted.name == "" {
		// A bare commit: a server need not send what no reference names, so ask for all that is named.
		wants = r.listing.tips()
	}
	if err := r.fetch(ctx, wants, haves); err != nil {
		// A clone that misses what it claims to have, or that has grown too large with history that was pushed over:
		// begin anew next time.
		own, _ := errors.AsType[*Error](err)
		if len(haves) > 0 && (errors.Is(err, errTooLarge) || (own != nil && own.Kind == Broken)) {
			r.store.retire()
			r.store = nil
		}
		return nil, err
	}
	snapshot, err := r.store.snapshot(wanted.commit)
	if err != nil {
		return nil, r.notFound(revision)
	}
	name := wanted.name
	if name == "" {
		name = plumbing.ReferenceName("refs/sluice/" + wanted.commit.String())
	}
	if err := r.store.keep(name, wanted.want); err != nil {
		snapshot.Close()
		return nil, r.broken(err)
	}
	return snapshot, nil
}

func (r *repository) openStore() error {
	if r.store != nil {
		return nil
	}
	opened, err := openStore(r.dir, !r.opened)
	if err != nil {
		return r.broken(err)
	}
	r.store, r.opened = opened, true
	return nil
}

// list asks the remote for its references, once. A failure is an answer, too: it is shared like any other.
func (r *repository) list(ctx context.Context) {
	asked := r.opts.Now()
	bounded, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	refs, err := r.advertised(bounded)
	if ctx.Err() != nil {
		r.listing = listing{} // The one who asked has left: that says nothing about the remote.
		r.listing.err = ctx.Err()
		return
	}
	r.listing = listing{asked: asked, err: err}
	if err != nil {
		return
	}
	r.listing.refs, r.listing.peeled, r.listing.capabilities = refs.References, refs.Peeled, refs.Capabilities
	for _, value := range refs.Capabilities.Get(capability.SymRef) {
		if name, found := strings.CutPrefix(value, "HEAD:"); found {
			r.listing.head = name
		}
	}
	if r.listing.head == "" && refs.Head != nil {
		r.listing.head = "HEAD"
		r.listing.refs["HEAD"] = *refs.Head
	}
}

func (r *repository) advertised(ctx context.Context) (*packp.AdvRefs, error) {
	session, err := r.session()
	if err != nil {
		return nil, err
	}
	defer func() { _ = session.Close() }()
	return session.AdvertisedReferencesContext(ctx)
}

func (r *repository) session() (transport.UploadPackSession, error) {
	endpoint, err := transport.NewEndpoint(r.source.URL)
	if err != nil {
		return nil, err
	}
	if endpoint.Protocol != "https" && endpoint.Protocol != "http" {
		return nil, &Error{Kind: Refused, URL: r.source.URL, Text: "the address must begin with https://"}
	}
	return r.client.NewUploadPackSession(endpoint, r.source.Credentials.auth())
}

// fetch brings the wants and all that they rest on. The pack is first written to a file, so that readers of the clone
// are not held up by the network.
func (r *repository) fetch(ctx context.Context, wants, haves []plumbing.Hash) error {
	ctx, cancel := context.WithTimeout(ctx, r.opts.FetchTimeout)
	defer cancel()
	session, err := r.session()
	if err != nil {
		return err
	}
	defer func() { _ = session.Close() }()
	request := packp.NewUploadPackRequestFromCapabilities(r.listing.capabilities)
	if r.listing.capabilities.Supports(capability.NoProgress) {
		if err := request.Capabilities.Set(capability.NoProgress); err != nil {
			return err
		}
	}
	request.Wants, request.Haves = wants, haves
	answer, err := session.UploadPack(ctx, request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Close() }()
	file, err := os.CreateTemp(r.dir, "incoming-*")
	if err != nil {
		return r.broken(err)
	}
	defer func() { _, _ = file.Close(), os.Remove(file.Name()) }()
	size, err := io.Copy(file, demultiplexed(request.Capabilities, answer))
	if err != nil {
		return err
	}
	if r.store.size()+size > r.opts.MaxBytes {
		return errTooLarge
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return r.broken(err)
	}
	if err := r.store.add(file); err != nil {
		return r.broken(err)
	}
	return nil
}

// demultiplexed returns the pack inside a server's answer.
func demultiplexed(agreed *capability.List, answer io.Reader) io.Reader {
	switch {
	case agreed.Supports(capability.Sideband64k):
		return sideband.NewDemuxer(sideband.Sideband64k, answer)
	case agreed.Supports(capability.Sideband):
		return sideband.NewDemuxer(sideband.Sideband, answer)
	default:
		return answer
	}
}

// resolve finds a revision in the listing.
func (r *repository) resolve(revision string) (target, error) {
	if revision == "" {
		if r.listing.head == "" {
			return target{}, &Error{Kind: RevisionNotFound, URL: r.source.URL, Text: "it has no default branch: " +
				"set source.targetRevision"}
		}
		revision = r.listing.head
	}
	for _, name := range []string{revision, "refs/heads/" + revision, "refs/tags/" + revision} {
		hash, found := r.listing.refs[name]
		if !found || (name == revision && !strings.HasPrefix(name, "refs/") && name != "HEAD") {
			continue
		}
		wanted := target{want: hash, commit: hash, name: plumbing.ReferenceName(name)}
		if commit, annotated := r.listing.peeled[name]; annotated {
			wanted.commit = commit
		}
		return wanted, nil
	}
	if plumbing.IsHash(revision) {
		hash := plumbing.NewHash(revision)
		return target{want: hash, commit: hash}, nil
	}
	return target{}, r.notFound(revision)
}

func (r *repository) notFound(revision string) error {
	return &Error{Kind: RevisionNotFound, URL: r.source.URL, Text: fmt.Sprintf(
		"it has no branch, tag or commit %q: check source.targetRevision", shorten(revision))}
}

func (r *repository) broken(err error) error {
	return &Error{Kind: Broken, URL: r.source.URL, Text: "its clone cannot be used: " + shorten(err.Error()), err: err}
}

// tips are the objects that branches and tags of the remote point to.
func (l *listing) tips() []plumbing.Hash {
	seen := map[plumbing.Hash]bool{}
	var tips []plumbing.Hash
	for name, hash := range l.refs {
		if (strings.HasPrefix(name, "refs/heads/") || strings.HasPrefix(name, "refs/tags/")) && !seen[hash] {
			seen[hash] = true
			tips = append(tips, hash)
		}
	}
	return tips
}

func (r *repository) close() {
	r.conns.CloseIdleConnections()
	if r.store != nil {
		r.store.close()
	}
}

// discard closes the clone and removes it from disk.
func (r *repository) discard() {
	r.conns.CloseIdleConnections()
	if r.store != nil {
		r.store.retire()
	}
	_ = os.RemoveAll(r.dir)
}
