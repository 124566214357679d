package extras_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"pgregory.net/rapid"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/extras"
)

// replicaSet is a ReplicaSet with labels, annotations and this spec of its pods.
func replicaSet(t *testing.T, labels, annotations map[string]string, spec string) map[string]any {
	t.Helper()
	var content map[string]any
	if err := json.Unmarshal([]byte(spec), &content); err != nil {
		t.Fatal(err)
	}
	text := func(in map[string]string) map[string]any {
		out := map[string]any{}
		for key, value := range in {
			out[key] = value
		}
		return out
	}
	return map[string]any{
		"metadata": map[string]any{"name": "web-1"},
		"spec": map[string]any{"template": map[string]any{
			"metadata": map[string]any{"labels": text(labels), "annotations": text(annotations)}, "spec": content,
		}},
	}
}

func annotationsOf(set map[string]any) map[string]string {
	out := map[string]string{}
	annotations, _ := set["metadata"].(map[string]any)["annotations"].(map[string]any)
	for key, value := range annotations {
		out[key], _ = value.(string)
	}
	return out
}

func template(set map[string]any) map[string]any {
	return set["spec"].(map[string]any)["template"].(map[string]any)
}

// What is put on goes on, what is taken off leaves what was there before, and the pods follow.
func TestMetadata(t *testing.T) {
	set := replicaSet(t, map[string]string{"app": "web", "track": "users"}, nil, `{}`)
	original := runtime.DeepCopyJSON(template(set))
	pod := extras.Metadata{Labels: map[string]string{"app": "web", "track": "users"}}
	steps := []struct {
		put                 extras.Metadata
		labels, annotations map[string]string
	}{
		{
			extras.Metadata{Role: extras.Canary, Labels: map[string]string{"role": "canary", "track": "new"}, Annotations: map[string]string{"since": "now"}},
			map[string]string{"app": "web", "role": "canary", "track": "new"},
			map[string]string{"since": "now"},
		},
		{
			extras.Metadata{Role: extras.Stable, Labels: map[string]string{"role": "stable"}},
			map[string]string{"app": "web", "role": "stable", "track": "users"},
			map[string]string{},
		},
		{extras.Metadata{}, map[string]string{"app": "web", "track": "users"}, map[string]string{}},
	}
	for i, step := range steps {
		if err := extras.PutMetadata(set, step.put); err != nil {
			t.Fatal(err)
		}
		record := extras.Recorded(annotationsOf(set))
		if !record.Equal(step.put) || record.Role != step.put.Role {
			t.Errorf("step %d: recorded %+v", i, record)
		}
		apply(&pod, record.PodChange(pod.Labels, pod.Annotations))
		if change := record.PodChange(pod.Labels, pod.Annotations); change != nil {
			t.Errorf("step %d: a pod that was changed would be changed again: %v", i, change)
		}
		if diff := cmp.Diff(step.labels, pod.Labels); diff != "" {
			t.Errorf("step %d: labels of the pod (-want +got):\n%s", i, diff)
		}
		if diff := cmp.Diff(step.annotations, maps.Clone(pod.Annotations)); diff != "" && len(step.annotations)+len(pod.Annotations) > 0 {
			t.Errorf("step %d: annotations of the pod (-want +got):\n%s", i, diff)
		}
	}
	if diff := cmp.Diff(original, template(set)); diff != "" {
		t.Errorf("the template is not as it was (-want +got):\n%s", diff)
	}
}

// apply is a merge patch.
func apply(pod *extras.Metadata, change map[string]any) {
	for field, of := range map[string]*map[string]string{"labels": &pod.Labels, "annotations": &pod.Annotations} {
		for key, value := range asMap(change[field]) {
			if *of == nil {
				*of = map[string]string{}
			}
			if value == nil {
				delete(*of, key)
			} else {
				(*of)[key] = value.(string)
			}
		}
	}
}

func asMap(value any) map[string]any {
	m, _ := value.(map[string]any)
	return m
}

func TestNothingToPut(t *testing.T) {
	set := replicaSet(t, map[string]string{"app": "web"}, nil, `{}`)
	if err := extras.PutMetadata(set, extras.Metadata{}); err != nil {
		t.Fatal(err)
	}
	if got := annotationsOf(set); len(got) != 0 {
		t.Errorf("annotations %v", got)
	}
}

// A record that somebody has spoilt, or none, changes no pod.
func TestSpoiltRecord(t *testing.T) {
	for _, text := range []string{"", "{", `{"labels":1}`, "null"} {
		record := extras.Recorded(map[string]string{v1alpha1.AnnotationPodMetadata: text})
		if change := record.PodChange(map[string]string{"app": "web"}, nil); change != nil {
			t.Errorf("%q changes %v", text, change)
		}
	}
}

func TestAffinity(t *testing.T) {
	users := `{"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": {"topologyKey": "zone"}}]}}}`
	for name, spec := range map[string]string{
		"none of the user's": `{}`,
		"the user's own":     users,
		"only a node's":      `{"affinity": {"nodeAffinity": {"x": 1}}}`,
		"empty":              `{"affinity": {"podAntiAffinity": {}}}`,
	} {
		for _, weight := range []int32{0, 7} {
			t.Run(name, func(t *testing.T) {
				set := replicaSet(t, nil, nil, spec)
				before := runtime.DeepCopyJSON(template(set))
				extras.PutAffinity(set, extras.Affinity{Against: "aaa", Weight: weight})
				extras.PutAffinity(set, extras.Affinity{Against: "bbb", Weight: weight})
				lists := template(set)["spec"].(map[string]any)["affinity"].(map[string]any)["podAntiAffinity"].(map[string]any)
				text, err := json.Marshal(lists)
				if err != nil {
					t.Fatal(err)
				}
				want := `{"labelSelector":{"matchExpressions":[{"key":"sluice.dev/pod-template-hash","operator":"In","values":["bbb"]}]},"topologyKey":"kubernetes.io/hostname"}`
				if weight > 0 {
					want = `{"podAffinityTerm":` + want + `,"weight":7}`
				}
				if !strings.Contains(string(text), want) || strings.Contains(string(text), "aaa") {
					t.Errorf("anti-affinity is %s", text)
				}
				if got := annotationsOf(set)[v1alpha1.AnnotationAntiAffinity]; got != "bbb" {
					t.Errorf("recorded %q", got)
				}
				extras.PutAffinity(set, extras.Affinity{})
				if name == "empty" { // which says nothing
					return
				}
				if diff := cmp.Diff(before, template(set)); diff != "" {
					t.Errorf("the template is not as it was (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// Whatever was put on in whatever order, the user's template comes out again.
func TestBare(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		keys := rapid.SampledFrom([]string{"app", "role", "track", "since"})
		pairs := rapid.MapOfN(keys, rapid.SampledFrom([]string{"", "a", "b"}), 0, 4)
		labels, annotations := pairs.Draw(rt, "labels"), pairs.Draw(rt, "annotations")
		set := replicaSet(t, labels, annotations, `{"containers":[{"name":"app"}]}`)
		want, err := extras.Bare(set)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(labels, want.Metadata.Labels); diff != "" {
			rt.Fatalf("labels (-want +got):\n%s", diff)
		}
		for range rapid.IntRange(0, 4).Draw(rt, "changes") {
			if err := extras.PutMetadata(set, extras.Metadata{Labels: pairs.Draw(rt, "put"), Annotations: pairs.Draw(rt, "put")}); err != nil {
				rt.Fatal(err)
			}
			extras.PutAffinity(set, extras.Affinity{
				Against: rapid.SampledFrom([]string{"", "aaa", "bbb"}).Draw(rt, "against"), Weight: rapid.Int32Range(0, 2).Draw(rt, "weight"),
			})
		}
		for key, value := range map[string]string{v1alpha1.LabelPodTemplateHash: "x", "pod-template-hash": "y"} {
			template(set)["metadata"].(map[string]any)["labels"].(map[string]any)[key] = value
		}
		before := runtime.DeepCopyJSON(set)
		got, err := extras.Bare(set)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("bare (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(before, set); diff != "" {
			rt.Fatalf("the ReplicaSet was changed (-want +got):\n%s", diff)
		}
	})
}

// The time of a Deployment's restart is no content of what was adopted; elsewhere it is the user's.
func TestBareOfARestartedDeployment(t *testing.T) {
	for adopted, want := range map[string]int{"": 1, "web": 0} {
		set := replicaSet(t, nil, map[string]string{extras.AnnotationRestarted: "now"}, `{}`)
		if adopted != "" {
			set["metadata"].(map[string]any)["annotations"] = map[string]any{v1alpha1.AnnotationAdoptedFrom: adopted}
		}
		got, err := extras.Bare(set)
		if err != nil || len(got.Metadata.Annotations) != want {
			t.Errorf("adopted from %q: %v, %v", adopted, got.Metadata.Annotations, err)
		}
	}
}
