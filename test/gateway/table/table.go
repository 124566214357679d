package table

import (
	"cmp"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// Objects are what a table is made of.
type Objects struct {
	// Gateways are those that the data plane serves, and no others.
	Gateways []gatewayv1.Gateway
	Routes   []Route
	Grants   []gatewayv1.ReferenceGrant
	// Services are the numbers of the ports of each Service that there is.
	Services map[types.NamespacedName][]int32
	// Namespaces are the labels of each namespace.
	Namespaces map[string]map[string]string
}

// Table says which rule a request goes to, and what is to be said of each route.
type Table struct {
	entries []entry
	// Verdicts are what is to be reported of each route that has a parent among the Gateways.
	Verdicts map[RouteKey]Verdict
	// Serves is the generation of each route that is attached to a listener.
	Serves map[RouteKey]int64
	// Attached is the number of routes at each listener.
	Attached map[Listener]int32
}

// Verdict is what is to be reported of a route.
type Verdict struct {
	Generation int64
	Parents    []Parent
}

// entry is one match of a rule for one hostname.
type entry struct {
	host  hostname
	match match
	rule  *Rule
	// created and position are what is left to tell entries apart that are alike.
	created  time.Time
	position int
}

// Rule is a rule of a route, with what it refers to resolved.
type Rule struct {
	Route RouteKey
	// Generation is that of the route's spec that the rule is of.
	Generation int64
	// Index of the rule in its route, and its name if it has one.
	Index    int
	Name     string
	Filters  []gatewayv1.HTTPRouteFilter
	Backends []Backend
	// Mirrors get copies of requests, by the rule's filters; those by a backend's filters are not followed.
	Mirrors []Mirror
	// Timeout of the answer; 0 means none.
	Timeout time.Duration
	// prefixes of paths that the rule matches.
	prefixes []string
}

// Compile makes the table of the objects.
func Compile(objects Objects) *Table {
	t := &Table{Verdicts: map[RouteKey]Verdict{}, Serves: map[RouteKey]int64{}, Attached: map[Listener]int32{}}
	for _, route := range objects.Routes {
		var attached []attachment
		verdict := Verdict{Generation: route.Generation}
		resolved := resolve(route, objects)
		for _, ref := range route.ParentRefs {
			at, accepted, known := attach(route, ref, objects)
			if !known {
				continue
			}
			verdict.Parents = append(verdict.Parents, Parent{Ref: ref, Accepted: accepted, ResolvedRefs: resolved})
			attached = append(attached, at...)
		}
		if len(verdict.Parents) > 0 {
			t.Verdicts[route.Key] = verdict
		}
		t.add(route, attached, objects)
	}
	slices.SortStableFunc(t.entries, compareEntries)
	return t
}

// add makes the entries of a route: for each host at which it is attached, one for each match of each rule.
func (t *Table) add(route Route, attached []attachment, objects Objects) {
	var hosts []hostname
	counted := map[Listener]bool{}
	for _, a := range attached {
		if !slices.Contains(hosts, a.host) {
			hosts = append(hosts, a.host)
		}
		if !counted[a.listener] {
			counted[a.listener] = true
			t.Attached[a.listener]++
		}
	}
	if len(hosts) == 0 {
		return
	}
	t.Serves[route.Key] = route.Serves
	position := 0
	for i, given := range route.Rules {
		rule := newRule(route, i, given, objects)
		matches := given.Matches
		if len(matches) == 0 {
			matches = []gatewayv1.HTTPRouteMatch{{}}
		}
		for _, m := range matches {
			compiled, err := compileMatch(m)
			if err != nil {
				continue // The route is refused for it (see unsupportedIn), so it is attached to nothing.
			}
			if compiled.path.kind == gatewayv1.PathMatchPathPrefix {
				rule.prefixes = append(rule.prefixes, compiled.path.value)
			}
			for _, host := range hosts {
				t.entries = append(t.entries, entry{
					host: host, match: compiled, rule: rule, created: route.Created.Time, position: position,
				})
			}
			position++
		}
	}
}

func newRule(route Route, index int, given gatewayv1.HTTPRouteRule, objects Objects) *Rule {
	rule := &Rule{
		Route: route.Key, Generation: route.Serves, Index: index, Name: string(value(given.Name, "")), Filters: given.Filters,
	}
	for _, ref := range given.BackendRefs {
		rule.Backends = append(rule.Backends, newBackend(route.Key, ref, objects))
	}
	rule.Mirrors = mirrorsOf(route.Key, given.Filters, objects)
	rule.Timeout, _ = timeoutOf(given) // The route is refused for an error.
	return rule
}

func compareEntries(a, b entry) int {
	return cmp.Or(
		compareHostnames(a.host, b.host),
		compareMatches(a.match, b.match),
		a.created.Compare(b.created),
		strings.Compare(a.rule.Route.Namespace+"/"+a.rule.Route.Name, b.rule.Route.Namespace+"/"+b.rule.Route.Name),
		strings.Compare(a.rule.Route.Kind, b.rule.Route.Kind),
		cmp.Compare(a.position, b.position),
	)
}

// Find gives the rule that a request goes to; nil if there is none.
func (t *Table) Find(request *http.Request) *Rule {
	host := request.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(host)
	query := request.URL.Query()
	for _, e := range t.entries {
		if e.host.matches(host) && e.match.matches(request, query) {
			return e.rule
		}
	}
	return nil
}

// Prefix is the longest path prefix of the rule's that the path begins with, without a slash at its end: what a rewrite of the
// prefix replaces.
func (r *Rule) Prefix(path string) string {
	longest := ""
	for _, prefix := range r.prefixes {
		if (pathMatch{kind: gatewayv1.PathMatchPathPrefix, value: prefix}).matches(path) && len(prefix) > len(longest) {
			longest = prefix
		}
	}
	return longest
}

// Pick draws one of the backends by weight. draw(n) gives a number from 0 to n-1. ok is false where no backend has
// weight, for which the Gateway API wants status 500.
func (r *Rule) Pick(draw func(n int64) int64) (picked *Backend, ok bool) {
	var total int64
	for i := range r.Backends {
		total += int64(r.Backends[i].Weight)
	}
	if total <= 0 {
		return nil, false
	}
	at := draw(total)
	for i := range r.Backends {
		if at -= int64(r.Backends[i].Weight); at < 0 {
			return &r.Backends[i], true
		}
	}
	return nil, false
}
