package rollout

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/onsi/gomega"
)

// What stands before the requests that change nothing.
const (
	dryRun  = "dry run: "
	refused = "refused: "
	watch   = "watch: "
)

// requests counts what a controller asks of the API server.
type requests struct {
	mu    sync.Mutex
	count map[string]int
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (c *requests) counting(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		response, err := next.RoundTrip(r)
		what := r.Method + " " + resourceOf(r.URL.Path)
		switch {
		case r.URL.Query().Get("watch") != "":
			what = watch + what
		case r.URL.Query().Has("dryRun"):
			what = dryRun + what
		case err != nil, response.StatusCode >= http.StatusBadRequest:
			what = refused + what
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.count == nil {
			c.count = map[string]int{}
		}
		c.count[what]++
		return response, err
	})
}

// resourceOf is the resource, and the subresource, of a path such as /apis/apps/v1/namespaces/n/replicasets/x/status.
func resourceOf(path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	at := slices.Index(parts, "namespaces")
	if at < 0 || at+2 >= len(parts) {
		return path
	}
	if rest := parts[at+2:]; len(rest) > 2 {
		return rest[0] + "/" + rest[2]
	}
	return parts[at+2]
}

// since gives what was asked since an earlier count, and the count of now.
func (c *requests) since(before map[string]int) (since, now map[string]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now = maps.Clone(c.count)
	since = map[string]int{}
	for what, n := range now {
		if more := n - before[what]; more > 0 {
			since[what] = more
		}
	}
	return since, now
}

// writes counts the requests that change something, apart from events.
func writes(count map[string]int) (objects, events int) {
	for what, n := range count {
		switch {
		case !changes(what):
		case strings.HasSuffix(what, " events"):
			events += n
		default:
			objects += n
		}
	}
	return objects, events
}

// changes says that a request changes something.
func changes(what string) bool {
	return !slices.ContainsFunc([]string{http.MethodGet, dryRun, refused, watch}, func(prefix string) bool {
		return strings.HasPrefix(what, prefix)
	})
}

func listed(count map[string]int) string {
	var lines []string
	for _, what := range slices.Sorted(maps.Keys(count)) {
		lines = append(lines, fmt.Sprintf("%4d %s", count[what], what))
	}
	return strings.Join(lines, "\n")
}

// recheck is a little longer than it takes until a problem is looked at again.
const recheck = 11 * time.Second

// mostTries is how often something that is refused may be tried while problems are looked at again once.
const mostTries = 2

// quiet waits until nothing is written, and holds that this lasts: while a problem is looked at again, and when another
// controller begins. What is refused meanwhile is tried as seldom as a problem is looked at.
func (w *world) quiet() {
	w.Helper()
	w.ceases()
	// A controller that begins writes at once what the one before has put off, such as the numbers in the status.
	w.restart()
	w.ceases()
	w.still(recheck)
	w.restart()
	w.still(recheck / 5)
}

// restart ends the controller, starts another one, and waits until that watches what there is.
func (w *world) restart() {
	w.Helper()
	w.Stop()
	_, before := w.sent.since(nil)
	w.start()
	w.Eventually(func() bool {
		sent, _ := w.sent.since(before)
		return sent[watch+"GET replicasets"] > 0 && sent[watch+"GET endpointslices"] > 0
	}, patience, pace).Should(gomega.BeTrue(), "the controller does not begin")
}

// ceases waits until nothing has been written, and nothing has begun to be watched, for a moment.
func (w *world) ceases() {
	w.Helper()
	// The first look counts all that there was, so that it is never the last one.
	var sent, before map[string]int
	w.Eventually(func() int {
		sent, before = w.sent.since(before)
		objects, events := writes(sent)
		for what, n := range sent {
			if strings.HasPrefix(what, watch) {
				objects += n
			}
		}
		return objects + events
	}, patience, pace*50).Should(gomega.BeZero(), func() string { return "it is written again and again:\n" + listed(sent) })
}

// still holds that nothing is written for a time.
func (w *world) still(d time.Duration) {
	w.Helper()
	_, before := w.sent.since(nil)
	var sent map[string]int
	w.Consistently(func() int {
		sent, _ = w.sent.since(before)
		objects, events := writes(sent)
		return objects + events
	}, d, pace*5).Should(gomega.BeZero(), func() string { return "something is written:\n" + listed(sent) })
	for what, n := range sent {
		if strings.HasPrefix(what, refused) && !strings.HasPrefix(what, refused+http.MethodGet) && n > mostTries {
			w.Errorf("refused %d times in %s: %s", n, d, what)
		}
	}
}
