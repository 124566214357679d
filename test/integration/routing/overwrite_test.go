package routing

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// zero writes weight 0 into every backend that names one of the Services, as an editor does: the mark stays.
func (w *world) zero(services ...string) {
	w.Helper()
	route := w.live()
	rules, _, _ := unstructured.NestedSlice(route.Object, "spec", "rules")
	for _, rule := range rules {
		for _, ref := range rule.(map[string]any)["backendRefs"].([]any) {
			for _, service := range services {
				if fields := ref.(map[string]any); fields["name"] == service {
					fields["weight"] = int64(0)
				}
			}
		}
	}
	if err := unstructured.SetNestedSlice(route.Object, rules, "spec", "rules"); err != nil {
		w.Fatal(err)
	}
	if err := direct.Update(w.Context(), route, client.FieldOwner("editor")); err != nil {
		w.Fatalf("overwriting the weights: %v", err)
	}
	w.accept()
}

// Weights of 0 for both Services, written over those of a release, are no problem of the user's making: the share is
// written again, and the route ends as it began.
func TestOverwrittenWithNoWeight(t *testing.T) {
	for name, rules := range map[string]string{"one rule": simple, "several rules and backends": mixed} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.T = t
			w.mustApply("team", rules)
			w.accept()
			before := w.live()
			w.begin()
			for _, percent := range []int32{20, 100} {
				w.setWeight(percent)
				want := w.weights()
				w.zero("web-stable", "web-canary")
				if seen := w.observe(); seen.Problem != "" || seen.Low != 0 || seen.High != 100 || seen.AtRest || seen.Original == "" {
					t.Fatalf("overwritten at %d %%: %+v", percent, seen)
				}
				if !w.setWeight(percent) || w.setWeight(percent) {
					t.Errorf("%d %% was not written again once", percent)
				}
				if diff := cmp.Diff(want, w.weights()); diff != "" {
					t.Errorf("at %d %% again (-want +got):\n%s", percent, diff)
				}
			}
			w.zero("web-stable", "web-canary")
			w.restore()
			if got, want := specText(t, w.live()), specText(t, before); got != want {
				t.Errorf("the spec is\n%s\nand was\n%s", got, want)
			}
			if seen := w.observe(); !seen.AtRest || seen.Problem != "" || seen.Low != 0 || seen.High != 0 {
				t.Errorf("not at rest: %+v", seen)
			}
		})
	}
}
