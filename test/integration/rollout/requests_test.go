package rollout

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// dryRun stands before the requests that change nothing.
const dryRun = "dry run: "

// requests counts what a controller asks of the API server, but for the watches of its cache.
type requests struct {
	mu    sync.Mutex
	count map[string]int
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (c *requests) counting(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.URL.Query().Get("watch") == "" {
			c.mu.Lock()
			if c.count == nil {
				c.count = map[string]int{}
			}
			what := r.Method + " " + resourceOf(r.URL.Path)
			if r.URL.Query().Has("dryRun") {
				what = dryRun + what
			}
			c.count[what]++
			c.mu.Unlock()
		}
		return next.RoundTrip(r)
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
		case strings.HasPrefix(what, http.MethodGet), strings.HasPrefix(what, dryRun):
		case strings.HasSuffix(what, " events"):
			events += n
		default:
			objects += n
		}
	}
	return objects, events
}

func listed(count map[string]int) string {
	var lines []string
	for _, what := range slices.Sorted(maps.Keys(count)) {
		lines = append(lines, fmt.Sprintf("%4d %s", count[what], what))
	}
	return strings.Join(lines, "\n")
}
