package gatewayapi

import (
	"context"
	"errors"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

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

func TestObserveErrors(t *testing.T) {
	target := trafficrouting.Target{
		Namespace: "shop", Routes: []string{"web"}, StableService: "web-stable", CanaryService: "web-canary",
	}
	router := New(nil, nil)

	seen, err := router.Observe(t.Context(), answer{err: &meta.NoKindMatchError{GroupKind: HTTPRoute.GroupKind()}}, target)
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
		if _, err = router.Observe(t.Context(), answer{route: route}, target); err == nil || !strings.Contains(err.Error(), want) {
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
