package table

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// match is one match of a rule, ready to be asked.
type match struct {
	path       pathMatch
	method     string
	headers    []fieldMatch
	parameters []fieldMatch
}

type pathMatch struct {
	kind gatewayv1.PathMatchType
	// value of an exact match, or of a prefix without its slash at the end.
	value      string
	expression *regexp.Regexp
}

// fieldMatch is on a header or a query parameter.
type fieldMatch struct {
	name, value string
	expression  *regexp.Regexp
}

func compileMatch(m gatewayv1.HTTPRouteMatch) (match, error) {
	compiled := match{
		path: pathMatch{kind: gatewayv1.PathMatchPathPrefix}, method: string(value(m.Method, "")),
	}
	if m.Path != nil {
		path := pathMatch{kind: value(m.Path.Type, gatewayv1.PathMatchPathPrefix), value: value(m.Path.Value, "/")}
		switch path.kind {
		case gatewayv1.PathMatchPathPrefix:
			path.value = strings.TrimRight(path.value, "/")
		case gatewayv1.PathMatchRegularExpression:
			var err error
			if path.expression, err = whole(path.value); err != nil {
				return match{}, err
			}
		case gatewayv1.PathMatchExact:
		default:
			return match{}, fmt.Errorf("the path match %s", path.kind)
		}
		compiled.path = path
	}
	for _, header := range m.Headers {
		f, err := compileField(string(header.Name), header.Value,
			value(header.Type, gatewayv1.HeaderMatchExact) == gatewayv1.HeaderMatchRegularExpression)
		if err != nil {
			return match{}, err
		}
		compiled.headers = append(compiled.headers, f)
	}
	for _, parameter := range m.QueryParams {
		f, err := compileField(string(parameter.Name), parameter.Value,
			value(parameter.Type, gatewayv1.QueryParamMatchExact) == gatewayv1.QueryParamMatchRegularExpression)
		if err != nil {
			return match{}, err
		}
		compiled.parameters = append(compiled.parameters, f)
	}
	return compiled, nil
}

func compileField(name, value string, expression bool) (fieldMatch, error) {
	f := fieldMatch{name: name, value: value}
	if expression {
		var err error
		if f.expression, err = whole(value); err != nil {
			return f, err
		}
	}
	return f, nil
}

// whole is an expression that has to match all of a text.
func whole(text string) (*regexp.Regexp, error) {
	expression, err := regexp.Compile("^(?:" + text + ")$")
	if err != nil {
		return nil, fmt.Errorf("the regular expression %q: %w", text, err)
	}
	return expression, nil
}

// matches says whether the request is one of the match.
func (m match) matches(request *http.Request, query url.Values) bool {
	if m.method != "" && m.method != request.Method || !m.path.matches(request.URL.Path) {
		return false
	}
	for _, header := range m.headers {
		values := request.Header.Values(header.name)
		// Several headers of one name are one, joined by commas.
		if len(values) == 0 || !header.matches(strings.Join(values, ",")) {
			return false
		}
	}
	for _, parameter := range m.parameters {
		// Of several parameters of one name the first counts.
		if values := query[parameter.name]; len(values) == 0 || !parameter.matches(values[0]) {
			return false
		}
	}
	return true
}

func (p pathMatch) matches(path string) bool {
	switch p.kind {
	case gatewayv1.PathMatchExact:
		return path == p.value
	case gatewayv1.PathMatchRegularExpression:
		return p.expression.MatchString(path)
	case gatewayv1.PathMatchPathPrefix:
		rest, ok := strings.CutPrefix(path, p.value)
		return ok && (rest == "" || rest[0] == '/')
	}
	return false
}

func (f fieldMatch) matches(text string) bool {
	if f.expression != nil {
		return f.expression.MatchString(text)
	}
	return text == f.value
}

// rank of the kinds of path matches, the first one asked being the highest.
func (p pathMatch) rank() int {
	switch p.kind {
	case gatewayv1.PathMatchExact:
		return 2
	case gatewayv1.PathMatchRegularExpression:
		return 1
	case gatewayv1.PathMatchPathPrefix:
	}
	return 0
}

// compareMatches is negative when a is asked before b.
func compareMatches(a, b match) int {
	method := func(m match) int { return min(len(m.method), 1) }
	return cmp.Or(
		cmp.Compare(b.path.rank(), a.path.rank()),
		cmp.Compare(len(b.path.value), len(a.path.value)),
		cmp.Compare(method(b), method(a)),
		cmp.Compare(len(b.headers), len(a.headers)),
		cmp.Compare(len(b.parameters), len(a.parameters)),
	)
}

// hostname is a pattern: empty for every host, "*.example.com" for each one below, else a single host.
type hostname string

func (h hostname) matches(host string) bool {
	switch {
	case h == "":
		return true
	case strings.HasPrefix(string(h), "*."):
		suffix := string(h[1:])
		return len(host) > len(suffix) && strings.HasSuffix(host, suffix)
	}
	return string(h) == host
}

func (h hostname) rank() int {
	switch {
	case h == "":
		return 0
	case strings.HasPrefix(string(h), "*."):
		return 1
	}
	return 2
}

func compareHostnames(a, b hostname) int {
	return cmp.Or(cmp.Compare(b.rank(), a.rank()), cmp.Compare(len(b), len(a)))
}

// both is the pattern for the hosts that match a listener's and a route's; ok is false when there is none.
func both(a, b hostname) (hostname, bool) {
	switch {
	case a == "" || a == b:
		return b, true
	case b == "":
		return a, true
	case b.rank() == 2:
		return b, a.matches(string(b))
	case a.rank() == 2:
		return a, b.matches(string(a))
	case strings.HasSuffix(string(a), string(b[1:])):
		return a, true
	}
	return b, strings.HasSuffix(string(b), string(a[1:]))
}
