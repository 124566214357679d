package trafficrouting

import (
	"testing"

	"k8s.io/apimachinery/pkg/labels"
)

// The name of a route reads back as the same route.
func TestNameOf(t *testing.T) {
	target := Target{Namespace: "shop"}
	for name, ref := range map[string]RouteRef{
		"web":                 {"HTTPRoute", "shop", "web"},
		"GRPCRoute/web":       {"GRPCRoute", "shop", "web"},
		"HTTPRoute/infra/web": {"HTTPRoute", "infra", "web"},
		"TLSRoute/infra/web":  {"TLSRoute", "infra", "web"},
	} {
		if got := target.NameOf(ref); got != name {
			t.Errorf("%s goes by the name %q, want %q", ref, got, name)
		}
		if got, err := ParseRoute("shop", name); err != nil || got != ref {
			t.Errorf("%q is read as %s, %v", name, got, err)
		}
	}
	for _, name := range []string{"", "/", "HTTPRoute/", "Service/web", "HTTPRoute//web", "HTTPRoute/a/b/c", "//"} {
		if ref, err := ParseRoute("shop", name); err == nil {
			t.Errorf("%q is read as %s", name, ref)
		}
	}
}

func TestMatches(t *testing.T) {
	selector := RouteSelector{Kind: "HTTPRoute", Namespace: "shop", Labels: labels.SelectorFromSet(labels.Set{"app": "web"})}
	has := map[string]string{"app": "web", "tier": "front"}
	for _, ref := range []RouteRef{{"GRPCRoute", "shop", "a"}, {"HTTPRoute", "infra", "a"}} {
		if selector.Matches(ref, has) {
			t.Errorf("%s is none of them", ref)
		}
	}
	if ref := (RouteRef{"HTTPRoute", "shop", "a"}); !selector.Matches(ref, has) || selector.Matches(ref, nil) {
		t.Error("it is the labels that count")
	}
}
