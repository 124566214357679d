package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
)

// request is a kind of request to the API server.
type request struct {
	// Verb as the API server names it; an apply is a patch.
	Verb string
	// Resource with its subresource, such as rollouts/status; "discovery" for what is no object.
	Resource string
	// DryRun says that nothing was stored.
	DryRun bool
	// Failed says that it was answered with an error, such as a conflict.
	Failed bool
}

func (r request) String() string {
	text := r.Verb + " " + r.Resource
	if r.DryRun {
		text += " (dry run)"
	}
	if r.Failed {
		text += " (refused)"
	}
	return text
}

// stored says that the request wrote, or tried to write, an object.
func (r request) stored() bool {
	return !r.DryRun && slices.Contains([]string{"create", "update", "patch", "delete", "deletecollection"}, r.Verb)
}

func (r request) isEvent() bool { return r.Resource == "events" }
func (r request) isLease() bool { return r.Resource == "leases" }
func (r request) isWatch() bool { return r.Verb == "watch" }

// requests counts them by kind.
type requests map[request]int

// count sums those that are as wanted.
func (r requests) count(wanted func(request) bool) int {
	var n int
	for kind, count := range r {
		if wanted(kind) {
			n += count
		}
	}
	return n
}

// objectWrites are the writes of all objects but events and the Lease, refused ones among them.
func (r requests) objectWrites() int {
	return r.count(func(k request) bool { return k.stored() && !k.isEvent() && !k.isLease() })
}

func (r requests) events() int {
	return r.count(func(k request) bool { return k.stored() && k.isEvent() })
}
func (r requests) dryRuns() int { return r.count(func(k request) bool { return k.DryRun }) }
func (r requests) refused() int {
	return r.count(func(k request) bool { return k.stored() && k.Failed && !k.isLease() })
}

// reads are gets, lists and discovery; a watch that is opened anew is none.
func (r requests) reads() int {
	return r.count(func(k request) bool { return !k.stored() && !k.DryRun && !k.isWatch() && !k.isLease() })
}

// unasked are all but those for the Lease, and watches that are opened anew as they are every few minutes.
func (r requests) unasked() int {
	return r.count(func(k request) bool { return !k.isLease() && !k.isWatch() })
}

// since are those that are not in an earlier count.
func (r requests) since(earlier requests) requests {
	left := requests{}
	for kind, count := range r {
		if more := count - earlier[kind]; more > 0 {
			left[kind] = more
		}
	}
	return left
}

// sorted gives the most frequent first.
func (r requests) sorted() iter.Seq2[request, int] {
	kinds := slices.SortedFunc(maps.Keys(r), func(a, b request) int {
		return cmp.Or(cmp.Compare(r[b], r[a]), strings.Compare(a.String(), b.String()))
	})
	return func(yield func(request, int) bool) {
		for _, kind := range kinds {
			if !yield(kind, r[kind]) {
				return
			}
		}
	}
}

// auditLog is the API server's audit log of one user.
type auditLog struct {
	path string
	// read is how many bytes have been counted, and total what was found in them.
	read  int64
	total requests
}

// auditEvent is what is read of a line.
type auditEvent struct {
	Stage      string
	Verb       string
	RequestURI string
	ObjectRef  *struct{ Resource, Subresource string }
	// ResponseStatus has the HTTP code.
	ResponseStatus struct{ Code int }
}

// count counts the requests that were logged so far.
func (l *auditLog) count() (requests, error) {
	if l.total == nil {
		l.total = requests{}
	}
	file, err := os.Open(l.path)
	if errors.Is(err, os.ErrNotExist) {
		return requests{}, nil // nothing has been asked for yet
	}
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	defer func() { _ = file.Close() }() // only read
	if _, err := file.Seek(l.read, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	for reader := bufio.NewReaderSize(file, 1<<20); ; {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return maps.Clone(l.total), nil // half a line is read the next time
		}
		if err != nil {
			return nil, fmt.Errorf("read the audit log: %w", err)
		}
		l.read += int64(len(line))
		kind, counts, err := requestOf(bytes.TrimSpace(line))
		if err != nil {
			return nil, err
		}
		if counts {
			l.total[kind]++
		}
	}
}

// requestOf reads a line of the log. A watch counts when it begins, and everything else when it is answered.
func requestOf(line []byte) (request, bool, error) {
	var event auditEvent
	if err := json.Unmarshal(line, &event); err != nil {
		return request{}, false, fmt.Errorf("read the audit log: %w in %q", err, line)
	}
	kind := request{Verb: event.Verb, Resource: "discovery", Failed: event.ResponseStatus.Code >= 400}
	if event.ObjectRef != nil {
		kind.Resource = event.ObjectRef.Resource
		if event.ObjectRef.Subresource != "" {
			kind.Resource += "/" + event.ObjectRef.Subresource
		}
	}
	uri, err := url.Parse(event.RequestURI)
	if err != nil {
		return request{}, false, fmt.Errorf("read the audit log: %w", err)
	}
	kind.DryRun = uri.Query().Has("dryRun")
	counted := "ResponseComplete"
	if kind.isWatch() && !kind.Failed {
		counted = "ResponseStarted"
	}
	return kind, event.Stage == counted, nil
}
