package routing

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/sluicehq/sluice/trafficrouting/claims"
	"github.com/sluicehq/sluice/trafficrouting/gatewayapi"
)

const (
	simple = `
- backendRefs:
  - name: web-stable
    port: 80
`
	mixed = `
- name: api
  matches:
  - path: {type: PathPrefix, value: /api}
  filters:
  - type: RequestHeaderModifier
    requestHeaderModifier: {set: [{name: x-from, value: edge}]}
  timeouts: {request: 3s}
  backendRefs:
  - {name: web-stable, port: 80, weight: 9}
  - {name: legacy, port: 80, weight: 1}
- name: docs
  matches:
  - path: {type: PathPrefix, value: /docs}
  backendRefs:
  - {name: docs, port: 80}
- name: rest
  backendRefs:
  - name: web-stable
    port: 80
    filters:
    - type: ResponseHeaderModifier
      responseHeaderModifier: {add: [{name: x-app, value: web}]}
`
)

// After a release everything is as it was: the spec to the byte, the annotations, and who owns which field since when.
// The user's next apply needs no force.
func TestAReleaseLeavesNoTrace(t *testing.T) {
	byApply := func(rules string) func(*world) error {
		return func(w *world) error { return w.apply("team", w.manifest(rules)) }
	}
	for name, create := range map[string]func(*world) error{
		"applied":            byApply(simple),
		"applied, all kinds": byApply(mixed),
		"created": func(w *world) error {
			return direct.Create(w.Context(), w.manifest(mixed), client.FieldOwner("kubectl-create"))
		},
		"rules from one, hosts from another": func(w *world) error {
			whole := w.manifest(mixed)
			rules := whole.DeepCopy()
			unstructured.RemoveNestedField(rules.Object, "spec", "hostnames")
			unstructured.RemoveNestedField(rules.Object, "spec", "parentRefs")
			unstructured.RemoveNestedField(whole.Object, "spec", "rules")
			return errors.Join(w.apply("platform", whole), w.apply("team", rules))
		},
		"rules from two": func(w *world) error {
			if err := w.apply("team", w.manifest(mixed)); err != nil {
				return err
			}
			same := w.manifest(mixed)
			same.Object["spec"] = w.live().Object["spec"] // With the API server's defaults, else it would be a change.
			return w.apply("mirror", same)
		},
		"with annotations": func(w *world) error {
			route := w.manifest(simple)
			route.SetAnnotations(map[string]string{"a": "b"})
			return w.apply("team", route)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.T = t
			if err := create(w); err != nil {
				t.Fatal(err)
			}
			w.accept()
			before := w.live()
			w.begin()
			for _, percent := range []int32{0, 20, 50, 100, 0} {
				if !w.setWeight(percent) {
					t.Errorf("%d %% was not written", percent)
				}
				if w.setWeight(percent) {
					t.Errorf("%d %% was written twice", percent)
				}
			}
			w.setWeight(100)
			w.restore()
			w.wantUnchanged(before)
			after := w.live()
			if diff := cmp.Diff(before.GetAnnotations(), after.GetAnnotations()); diff != "" {
				t.Errorf("annotations (-before +after):\n%s", diff)
			}
			if seen := w.observe(); !seen.AtRest || seen.Low != 0 || seen.High != 0 {
				t.Errorf("not at rest: %+v", seen)
			}
			w.restore()
			if again := w.live(); again.GetResourceVersion() != after.GetResourceVersion() {
				t.Error("restoring a route at rest wrote it")
			}
		})
	}
}

func TestTheOwnerAppliesWithoutForce(t *testing.T) {
	w := newWorld(t)
	w.mustApply("team", mixed)
	w.accept()
	w.begin()
	w.setWeight(20)
	if err := w.apply("team", w.manifest(simple)); !apierrors.IsConflict(err) {
		t.Errorf("while a release runs the rules are ours, but applying others gave %v", err)
	}
	w.setWeight(50)
	w.setWeight(100)
	w.restore()
	w.mustApply("team", simple)
	if got := w.weights(); got != "0/web-stable=1" {
		t.Errorf("the rules applied after the release are %s", got)
	}
	if err := w.apply("intruder", w.manifest(mixed)); !apierrors.IsConflict(err) {
		t.Errorf("the owner's field is not protected from others: %v", err)
	}
}

func TestWeights(t *testing.T) {
	w := newWorld(t)
	w.mustApply("team", mixed)
	w.accept()
	w.begin()
	for _, tc := range []struct {
		percent int32
		want    string
	}{
		{0, "0/web-stable=900 0/legacy=100 1/docs=1 2/web-stable=100"},
		{20, "0/web-stable=720 0/legacy=100 0/web-canary=180 1/docs=1 2/web-stable=80 2/web-canary=20"},
		{100, "0/web-stable=0 0/legacy=100 0/web-canary=900 1/docs=1 2/web-stable=0 2/web-canary=100"},
		{0, "0/web-stable=900 0/legacy=100 1/docs=1 2/web-stable=100"},
	} {
		w.setWeight(tc.percent)
		if got := w.weights(); got != tc.want {
			t.Errorf("at %d %%: %s, want %s", tc.percent, got, tc.want)
		}
	}
}

// A GitSync applies by force in mid-release, with the claims laid over what Git says: the share stays, Git's change
// takes effect, and the field is Git's after the release.
func TestGitSyncInMidRelease(t *testing.T) {
	w := newWorld(t)
	w.mustApply("sluice-gitsync", simple)
	w.accept()
	w.begin()
	w.setWeight(20)
	claimed := claims.ForRollout(w.namespace, "web-stable", "web-canary", []claims.Route{{Kind: "HTTPRoute", Name: "web"}}, "pin")
	sync := func(rules string) {
		t.Helper()
		desired := w.manifest(rules)
		desired.Object = claims.Overlay(claimed, desired.Object, w.live().Object)
		if err := w.apply("sluice-gitsync", desired, client.ForceOwnership); err != nil {
			t.Fatal(err)
		}
	}

	generation := w.live().GetGeneration()
	sync(simple)
	if got := w.live().GetGeneration(); got != generation {
		t.Errorf("applying the same commit again changed the spec: %s", w.weights())
	}
	sync(mixed)
	const at20 = "0/web-stable=720 0/legacy=100 0/web-canary=180 1/docs=1 2/web-stable=80 2/web-canary=20"
	if got := w.weights(); got != at20 {
		t.Errorf("after a new commit: %s, want %s", got, at20)
	}
	if w.setWeight(20) {
		t.Error("there is something to fight about")
	}
	if seen := w.observe(); seen.AtRest {
		t.Error("the route counts as at rest since its rules were taken over")
	}
	w.setWeight(100)
	w.restore()
	after := w.live()
	if got, want := w.weights(), "0/web-stable=9 0/legacy=1 1/docs=1 2/web-stable=1"; got != want {
		t.Errorf("after the release: %s, want %s", got, want)
	}
	if diff := cmp.Diff([]string{"sluice-gitsync"}, ownsRules(after)); diff != "" {
		t.Errorf("owners of the rules (-want +got):\n%s", diff)
	}
	sync(mixed)
	if got := w.live().GetResourceVersion(); got != after.GetResourceVersion() {
		t.Error("a sync after the release still writes")
	}
}

// Somebody else takes the rules over in mid-release and keeps them.
func TestANewOwnerInMidRelease(t *testing.T) {
	w := newWorld(t)
	w.mustApply("team", simple)
	w.accept()
	w.begin()
	w.setWeight(20)
	w.mustApply("platform", mixed, client.ForceOwnership)
	w.restore()
	if got, want := w.weights(), "0/web-stable=9 0/legacy=1 1/docs=1 2/web-stable=1"; got != want {
		t.Errorf("after the release: %s, want %s", got, want)
	}
	if diff := cmp.Diff([]string{"platform"}, ownsRules(w.live())); diff != "" {
		t.Errorf("owners of the rules (-want +got):\n%s", diff)
	}
	if seen := w.observe(); !seen.AtRest {
		t.Errorf("not at rest: %+v", seen)
	}
}

// Two Rollouts share a route. The first one to finish leaves the other's part alone.
func TestTwoReleasesOnOneRoute(t *testing.T) {
	w := newWorld(t)
	w.mustApply("team", `
- {name: web, backendRefs: [{name: web-stable, port: 80}]}
- {name: api, backendRefs: [{name: api-stable, port: 80}]}
`)
	w.accept()
	before := w.live()
	second := &world{T: t, kind: w.kind, namespace: w.namespace, name: w.name, router: w.router, target: w.target}
	second.target.StableService, second.target.CanaryService = "api-stable", "api-canary"

	w.begin()
	w.setWeight(20)
	w.accept()
	second.begin()
	second.setWeight(50)
	if got, want := w.weights(), "0/web-stable=80 0/web-canary=20 1/api-stable=50 1/api-canary=50"; got != want {
		t.Errorf("both: %s, want %s", got, want)
	}
	w.restore()
	if got, want := w.weights(), "0/web-stable=1 1/api-stable=50 1/api-canary=50"; got != want {
		t.Errorf("one: %s, want %s", got, want)
	}
	if seen := w.observe(); !seen.AtRest {
		t.Errorf("the first is not at rest: %+v", seen)
	}
	if seen := second.observe(); seen.AtRest || seen.Low != 50 {
		t.Errorf("the second is at rest: %+v", seen)
	}
	second.restore()
	w.wantUnchanged(before)
}

// interrupted returns a router whose n-th update (from 1) is preceded by what before does.
func interrupted(before func(ctx context.Context, n int) error) *gatewayapi.Router {
	n := 0
	return newRouter(interceptor.NewClient(direct, interceptor.Funcs{
		Update: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.UpdateOption) error {
			n++
			if err := before(ctx, n); err != nil {
				return err
			}
			return c.Update(ctx, obj, opts...)
		},
	}))
}

// A write that somebody else got in before is made again on what they wrote.
func TestConflicts(t *testing.T) {
	for _, at := range []int{1, 2} {
		w := newWorld(t)
		w.mustApply("team", mixed)
		w.accept()
		before := w.live()
		w.begin()
		label := func(ctx context.Context, value string) error {
			route := w.live()
			route.SetLabels(map[string]string{"touched": value})
			return direct.Update(ctx, route, client.FieldOwner("labeller"))
		}
		w.router = interrupted(func(ctx context.Context, n int) error {
			if n == 1 {
				return label(ctx, "at-first")
			}
			return nil
		})
		w.setWeight(20)
		w.router = interrupted(func(ctx context.Context, n int) error {
			if n == at {
				return label(ctx, "at-last")
			}
			return nil
		})
		w.restore()
		after := w.live()
		if got, want := specText(t, after), specText(t, before); got != want {
			t.Errorf("the spec is\n%s\nand was\n%s", got, want)
		}
		if got := after.GetLabels()["touched"]; got != "at-last" {
			t.Errorf("the other's write was lost: label %q", got)
		}
		if diff := cmp.Diff([]string{"team"}, ownsRules(after)); diff != "" {
			t.Errorf("owners of the rules (-want +got):\n%s", diff)
		}
	}
}

// A crash between the two writes of Restore leaves the route with the user's spec and our ownership; the next Restore
// ends it.
func TestCrashWithinRestore(t *testing.T) {
	w := newWorld(t)
	w.mustApply("team", mixed)
	w.accept()
	before := w.live()
	w.begin()
	w.setWeight(50)
	crash := errors.New("crash")
	router := w.router
	w.router = interrupted(func(_ context.Context, n int) error {
		if n == 2 {
			return crash
		}
		return nil
	})
	written, err := w.router.Restore(t.Context(), w.target, w.target.Originals)
	if !errors.Is(err, crash) || written["web"] == "" {
		t.Fatalf("got %v, %v", written, err)
	}
	if seen := w.observe(); seen.AtRest || seen.Low != 0 || seen.High != 0 {
		t.Errorf("between the two: %+v", seen)
	}
	w.router = router
	w.restore()
	w.wantUnchanged(before)
}

// A Rollout whose status was lost finds the route in mid-release and goes on.
func TestLostStatus(t *testing.T) {
	w := newWorld(t)
	w.mustApply("team", mixed)
	w.accept()
	before := w.live()
	w.begin()
	w.setWeight(20)
	w.target.Originals = nil
	seen := w.observe()
	if seen.AtRest || seen.Low != 20 || seen.Problem != "" {
		t.Fatalf("the release is not seen: %+v", seen)
	}
	w.target.Originals = map[string]string{"web": seen.Original}
	w.setWeight(50)
	w.restore()
	if got, want := specText(t, w.live()), specText(t, before); got != want {
		t.Errorf("the spec is\n%s\nand was\n%s", got, want)
	}
	w.mustApply("team", simple)
}
