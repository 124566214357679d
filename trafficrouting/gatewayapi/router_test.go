package gatewayapi

import (
	"context"
	"errors"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/sluicehq/sluice/trafficrouting"
)

// answer is a reader with one answer.
type answer struct {
	client.Reader

	route *unstructured.Unstructured
	err   error
}

func (a answer) Get(_ context.Context, _ client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	if a.err == nil {
		a.route.DeepCopyInto(obj.(*unstructured.Unstructured))
	}
	return a.err
}

// serving is a mapper that knows these kinds, each as "Kind.version".
func serving(kinds ...string) *meta.DefaultRESTMapper {
	mapper := meta.NewDefaultRESTMapper(nil)
	for _, text := range kinds {
		kind, version, _ := strings.Cut(text, ".")
		mapper.Add(schema.GroupVersionKind{Group: group, Version: version, Kind: kind}, meta.RESTScopeNamespace)
	}
	return mapper
}

func newRouter(c client.Client, kinds ...string) *Router {
	return New(Options{Client: c, Live: c, Kinds: NewKinds(serving(kinds...), clock.RealClock{})})
}

func TestObserveErrors(t *testing.T) {
	target := trafficrouting.Target{
		Namespace: "shop", Routes: []trafficrouting.RouteRef{{Kind: "HTTPRoute", Namespace: "shop", Name: "web"}}, StableService: "web-stable", CanaryService: "web-canary",
	}
	router := newRouter(fake.NewFakeClient(), "HTTPRoute.v1")

	seen, err := router.Observe(t.Context(), answer{err: &meta.NoKindMatchError{}}, target)
	if err != nil || seen[0].ProblemReason != trafficrouting.ReasonAPINotServed || seen[0].High != 100 {
		t.Errorf("a cluster without the Gateway API: %+v, %v", seen, err)
	}
	down := errors.New("down")
	if _, err = router.Observe(t.Context(), answer{err: down}, target); !errors.Is(err, down) || !strings.Contains(err.Error(), "shop/web") {
		t.Errorf("a reader that fails: %v", err)
	}

	route := parse(t, `[{"backendRefs":[{"name":"web-stable","weight":1}]}]`)
	for text, want := range map[string]string{"{": "cannot be read", `{"version":99}`: "version 99"} {
		target.Originals = map[string]string{"web": text}
		if seen, err = router.Observe(t.Context(), answer{route: route}, target); err != nil || !seen[0].Unreadable {
			t.Errorf("a record that is broken counts as none: %+v, %v", seen, err)
		}
		if _, err = decodeOriginal("web", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a record that is broken: %v", err)
		}
	}

	target.Originals = nil
	unstructured.RemoveNestedField(route.Object, "spec", "parentRefs")
	seen, err = router.Observe(t.Context(), answer{route: route}, target)
	if err != nil || seen[0].ProblemReason != trafficrouting.ReasonNoParents || seen[0].Acknowledged {
		t.Errorf("a route without parents: %+v, %v", seen, err)
	}
}
