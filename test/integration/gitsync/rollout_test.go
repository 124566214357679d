package gitsync_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/trafficrouting/claims"
)

const rollout = `
apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata: {name: app}
spec:
  replicas: 1
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec: {containers: [{name: app, image: "example.com/app:%s"}]}
  strategy:
    canary:
      stableService: stable
      canaryService: canary
      trafficRouting: {gatewayAPI: {httpRoutes: [{name: app}]}}
`

const service = "apiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec: {selector: {app: app}, ports: [{port: 80}]}\n"

const route = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: app}
spec:
  rules:
  - filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-color, value: %s}]}}]
    backendRefs: [{name: stable, port: 80}]
`

func rolloutFiles() map[string]string {
	return map[string]string{
		"app/rollout.yaml": fmt.Sprintf(rollout, "v1"), "app/stable.yaml": fmt.Sprintf(service, "stable"),
		"app/canary.yaml": fmt.Sprintf(service, "canary"), "app/route.yaml": fmt.Sprintf(route, "blue"),
		"app/other.yaml": configMap("other", "1"),
	}
}

func (f *fixture) object(group, version, kind, name string) (*unstructured.Unstructured, error) {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(schema.GroupVersionKind{Group: group, Version: version, Kind: kind})
	err := admin.Get(f.t.Context(), client.ObjectKey{Namespace: f.namespace, Name: name}, object)
	return object, err
}

// awaitCommit waits until the Rollout carries a commit.
func (f *fixture) awaitCommit(want string) {
	f.t.Helper()
	f.eventually(func() error {
		object, err := f.object(v1alpha1.GroupName, "v1alpha1", "Rollout", "app")
		if got := object.GetAnnotations()[v1alpha1.AnnotationCommit]; err != nil || got != want {
			return fmt.Errorf("commit = %q, want %q (%w)", got, want, err)
		}
		return nil
	})
}

// TestCommitOfARollout: it is the one at which the content appeared, not the head.
func TestCommitOfARollout(t *testing.T) {
	f := newFixture(t)
	first := f.push(rolloutFiles())
	gs := f.sync(nil)
	f.awaitRevision(gs, first)
	f.awaitCommit(first)
	second := f.push(map[string]string{"app/other.yaml": configMap("other", "2")})
	f.awaitRevision(gs, second)
	f.awaitCommit(first)
	third := f.push(map[string]string{"app/rollout.yaml": fmt.Sprintf(rollout, "v2")})
	f.awaitRevision(gs, third)
	f.awaitCommit(third)
	f.await(gs, v1alpha1.ConditionApplied, metav1.ConditionTrue, "")
	f.await(gs, v1alpha1.ConditionHealthy, metav1.ConditionFalse, v1alpha1.ReasonProgressing)
}

// TestWeightsAreTheRollouts: while a release runs, Git changes the rest of the route, and neither a commit nor healing
// touches the weights.
func TestWeightsAreTheRollouts(t *testing.T) {
	f := newFixture(t)
	first := f.push(rolloutFiles())
	gs := f.sync(nil)
	f.awaitRevision(gs, first)
	f.eventually(func() error { // As the engine does it in a release.
		object, err := f.object("gateway.networking.k8s.io", "v1", "HTTPRoute", "app")
		if err != nil {
			return err
		}
		annotations := object.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[claims.Mark("", "", "stable")] = "20"
		object.SetAnnotations(annotations)
		rules, _, _ := unstructured.NestedSlice(object.Object, "spec", "rules")
		stable := rules[0].(map[string]any)["backendRefs"].([]any)[0].(map[string]any)
		stable["weight"] = int64(80)
		other := map[string]any{"group": "", "kind": "Service", "name": "canary", "port": int64(80), "weight": int64(20)}
		rules[0].(map[string]any)["backendRefs"] = []any{stable, other}
		if err := unstructured.SetNestedSlice(object.Object, rules, "spec", "rules"); err != nil {
			return err
		}
		return admin.Update(t.Context(), object, client.FieldOwner(v1alpha1.ManagerController))
	})
	var seen []string
	weights := func() (string, string) {
		object, err := f.object("gateway.networking.k8s.io", "v1", "HTTPRoute", "app")
		f.must(err)
		rules, _, _ := unstructured.NestedSlice(object.Object, "spec", "rules")
		rule := rules[0].(map[string]any)
		var refs []string
		for _, ref := range rule["backendRefs"].([]any) {
			refs = append(refs, fmt.Sprintf("%v=%v", ref.(map[string]any)["name"], ref.(map[string]any)["weight"]))
		}
		color, _, _ := unstructured.NestedSlice(rule, "filters")
		return strings.Join(refs, " "), fmt.Sprint(color)
	}
	second := f.push(map[string]string{"app/route.yaml": fmt.Sprintf(route, "green")})
	f.eventually(func() error {
		text, color := weights()
		if !slices.Contains(seen, text) {
			seen = append(seen, text)
		}
		if want := "green"; !strings.Contains(color, want) {
			return fmt.Errorf("filters = %s", color)
		}
		return nil
	})
	f.awaitRevision(gs, second)
	text, _ := weights()
	if seen = append(seen, text); slices.ContainsFunc(seen, func(s string) bool { return s != seen[0] }) {
		t.Errorf("weights = %q", seen)
	}
	if text != "stable=80 canary=20" {
		t.Errorf("weights = %q, want 80 and 20", text)
	}
}
