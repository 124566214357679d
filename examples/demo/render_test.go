package main

import (
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	sluicev1alpha1 "github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/gitsync/fetch"
	"github.com/sluicehq/sluice/gitsync/render"
	"github.com/sluicehq/sluice/test/gitserver"
)

// renderReleases commits the releases to a Git server and gives what Sluice renders after each of them.
func renderReleases(t *testing.T, releases ...release) []map[string]*unstructured.Unstructured {
	t.Helper()
	server, err := gitserver.New(t.Context(), gitserver.Options{Root: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.CreateRepository(t.Context(), "demo"); err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewServer(server)
	t.Cleanup(listener.Close)
	work, err := gitserver.Clone(t.Context(), listener.URL+"/demo.git", filepath.Join(t.TempDir(), "work"))
	if err != nil {
		t.Fatal(err)
	}
	clones, err := fetch.Open(fetch.Options{Dir: t.TempDir(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(clones.Close)
	var all []map[string]*unstructured.Unstructured
	for _, release := range releases {
		if _, err := commit(t.Context(), work, release); err != nil {
			t.Fatal(err)
		}
		snapshot, err := clones.Snapshot(t.Context(), fetch.Source{URL: listener.URL + "/demo.git"}, "main", 0)
		if err != nil {
			t.Fatal(err)
		}
		result, err := render.Render(t.Context(), snapshot, snapshot.Root(), "overlays/prod", render.DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		snapshot.Close()
		objects := map[string]*unstructured.Unstructured{}
		for _, object := range result.Objects {
			objects[object.GetKind()+"/"+object.GetName()] = object
		}
		all = append(all, objects)
	}
	return all
}

// container gives the Rollout and its only container.
func container(t *testing.T, object *unstructured.Unstructured) (sluicev1alpha1.Rollout, map[string]any) {
	t.Helper()
	var rollout sluicev1alpha1.Rollout
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &rollout); err != nil {
		t.Fatal(err)
	}
	containers, _, err := unstructured.NestedSlice(object.Object, "spec", "template", "spec", "containers")
	if err != nil || len(containers) != 1 {
		t.Fatalf("%d containers, %v", len(containers), err)
	}
	return rollout, containers[0].(map[string]any)
}

func TestWhatTheReleasesRenderTo(t *testing.T) {
	t.Parallel()
	releases := []release{first, good, bad}
	for i, objects := range renderReleases(t, releases...) {
		rollout, app := container(t, objects["Rollout/app"])
		if rollout.Namespace != demoNamespace {
			t.Errorf("namespace %q, want %s", rollout.Namespace, demoNamespace)
		}
		var weights []int32
		for _, step := range rollout.Spec.Strategy.Canary.Steps {
			if step.SetWeight != nil {
				weights = append(weights, *step.SetWeight)
			}
		}
		if diff := cmp.Diff(askedWeights, weights); diff != "" {
			t.Errorf("the Rollout's weights are not those that the demo looks for: %s", diff)
		}
		if app["image"] != images[0].name {
			t.Errorf("image %v, want %s", app["image"], images[0].name)
		}
		env := map[string]any{}
		for _, variable := range app["env"].([]any) {
			env[variable.(map[string]any)["name"].(string)] = variable.(map[string]any)["value"]
		}
		want := map[string]any{"VERSION": releases[i].version, "ERROR_RATE": releases[i].errorRate, "LATENCY": releases[i].latency}
		if diff := cmp.Diff(want, env); diff != "" {
			t.Error(diff)
		}
		if app["readinessProbe"] == nil {
			t.Error("the overlay's patch has replaced the container instead of merging into it")
		}
		for _, name := range []string{"Service/app", "Service/" + canaryService, "HTTPRoute/app", "AnalysisTemplate/success-rate", "AnalysisTemplate/latency"} {
			if objects[name] == nil {
				t.Errorf("%s is missing", name)
			}
		}
	}
}
