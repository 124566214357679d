package apply_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/gitsync/apply"
	"github.com/sluicehq/sluice/gitsync/changeset"
)

const owner = "team.app"

// mapper knows ConfigMaps, Secrets, Namespaces, Rollouts and CustomResourceDefinitions.
func mapper() meta.RESTMapper {
	m := meta.NewDefaultRESTMapper(nil)
	for kind, scope := range map[string]meta.RESTScope{
		"ConfigMap": meta.RESTScopeNamespace, "Secret": meta.RESTScopeNamespace, "Namespace": meta.RESTScopeRoot,
	} {
		m.Add(schema.GroupVersionKind{Version: "v1", Kind: kind}, scope)
	}
	m.Add(v1alpha1.GroupVersion.WithKind("Rollout"), meta.RESTScopeNamespace)
	m.Add(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}, meta.RESTScopeRoot)
	return m
}

func object(t *testing.T, manifest string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	data, err := yaml.YAMLToJSON([]byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	if err := o.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestPrepare(t *testing.T) {
	const crd = `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: x}, spec: {group: example.com, names: {kind: Thing}, scope: Cluster}}`
	for name, test := range map[string]struct {
		manifests []string
		// want is what the first object is to be, as YAML; problem is part of the text of the only problem.
		want, problem string
	}{
		"namespace filled in": {
			[]string{`{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}`},
			`{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: team, labels: {sluice.dev/gitsync: team.app}}}`, "",
		},
		"namespace kept": {
			[]string{`{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: other, labels: {x: z}}}`},
			`{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: other, labels: {x: z, sluice.dev/gitsync: team.app}}}`, "",
		},
		"namespace taken away": {
			[]string{`{apiVersion: v1, kind: Namespace, metadata: {name: a, namespace: other}}`},
			`{apiVersion: v1, kind: Namespace, metadata: {name: a, labels: {sluice.dev/gitsync: team.app}}}`, "",
		},
		"a label of ours cannot be forged": {
			[]string{`{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {sluice.dev/gitsync: other.app}}}`},
			`{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: team, labels: {sluice.dev/gitsync: team.app}}}`, "",
		},
		"nor a commit": {
			[]string{`{apiVersion: sluice.dev/v1alpha1, kind: Rollout, metadata: {name: a, annotations: {sluice.dev/commit: x, y: z}}}`},
			`{apiVersion: sluice.dev/v1alpha1, kind: Rollout, metadata: {name: a, namespace: team, labels: {sluice.dev/gitsync: team.app}, annotations: {y: z}}}`, "",
		},
		"stringData": {
			[]string{`{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {x: eA==}, stringData: {y: why}}`},
			`{apiVersion: v1, kind: Secret, metadata: {name: a, namespace: team, labels: {sluice.dev/gitsync: team.app}}, data: {x: eA==, y: d2h5}}`, "",
		},
		"stringData of numbers": {
			[]string{`{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {y: 1}}`}, "", "stringData must hold texts",
		},
		"a kind defined beside it": {
			[]string{`{apiVersion: example.com/v1, kind: Thing, metadata: {name: a, namespace: x}}`, crd},
			`{apiVersion: example.com/v1, kind: Thing, metadata: {name: a, labels: {sluice.dev/gitsync: team.app}}}`, "",
		},
		"an unknown kind": {
			[]string{`{apiVersion: example.com/v1, kind: Thing, metadata: {name: a}}`},
			`{apiVersion: example.com/v1, kind: Thing, metadata: {name: a, namespace: team, labels: {sluice.dev/gitsync: team.app}}}`,
			"the cluster does not know Thing of example.com/v1",
		},
		"twice": {
			[]string{`{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}`, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: team}}`},
			`{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: team, labels: {sluice.dev/gitsync: team.app}}}`, "is there twice",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var rendered []*unstructured.Unstructured
			for _, manifest := range test.manifests {
				rendered = append(rendered, object(t, manifest))
			}
			before, _ := json.Marshal(rendered)
			objects, problems := apply.Prepare(rendered, mapper(), "team", owner)
			if after, _ := json.Marshal(rendered); string(after) != string(before) {
				t.Error("what was rendered has been changed")
			}
			if test.want != "" {
				if diff := cmp.Diff(object(t, test.want).Object, objects[0].Content.Object); diff != "" {
					t.Error(diff)
				}
			}
			switch {
			case test.problem == "" && len(problems) > 0:
				t.Errorf("problems: %v", problems)
			case test.problem != "" && (len(problems) != 1 || !strings.Contains(problems[0].Text, test.problem)):
				t.Errorf("problems = %v, want one with %q", problems, test.problem)
			}
		})
	}
}

func TestHashIsOfTheContent(t *testing.T) {
	hash := func(manifest string) string {
		objects, _ := apply.Prepare([]*unstructured.Unstructured{object(t, manifest)}, mapper(), "team", owner)
		return objects[0].Hash
	}
	one := hash(`{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: "1", y: "2"}}`)
	if two := hash(`{kind: ConfigMap, apiVersion: v1, data: {y: "2", x: "1"}, metadata: {name: a, namespace: team}}`); two != one {
		t.Error("the order of fields changes it")
	}
	if two := hash(`{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: "1", y: "3"}}`); two == one {
		t.Error("a value does not change it")
	}
}

func TestOwnerLabel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z0-9]([a-z0-9.-]{0,240}[a-z0-9])?`).Draw(t, "name")
		namespace := rapid.StringMatching(`[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?`).Draw(t, "namespace")
		label := apply.OwnerLabel(namespace, name)
		if problems := validation.IsValidLabelValue(label); len(problems) > 0 {
			t.Fatalf("%s: %v", label, problems)
		}
		if other := apply.OwnerLabel(namespace, name+"x"); other == label {
			t.Fatalf("%s is the label of two", label)
		}
	})
}

func TestLiveKey(t *testing.T) {
	base := `{apiVersion: v1, kind: X, metadata: {name: a, uid: u, generation: 1, resourceVersion: "5", labels: {l: "1"}, annotations: {n: "1"}}, status: {x: 1}}`
	key := func(manifest string) string { return apply.LiveOf(object(t, manifest)).Key }
	for name, test := range map[string]struct {
		old, new string
		same     bool
	}{
		"status alone":                          {`resourceVersion: "5"`, `resourceVersion: "6"`, true},
		"generation":                            {"generation: 1", "generation: 2", false},
		"label":                                 {`l: "1"`, `l: "2"`, false},
		"annotation":                            {`n: "1"`, `n: "2"`, false},
		"another object":                        {"uid: u", "uid: v", false},
		"owner":                                 {"uid: u", "uid: u, ownerReferences: [{uid: o, kind: K, name: n, apiVersion: v1}]", false},
		"deletion":                              {"uid: u", `uid: u, deletionTimestamp: "2026-01-01T00:00:00Z"`, false},
		"anything, where there's no generation": {`generation: 1, resourceVersion: "5"`, `resourceVersion: "6"`, false},
	} {
		if got := key(strings.Replace(base, test.old, test.new, 1)) == key(base); got != test.same {
			t.Errorf("%s: same = %t, want %t", name, got, test.same)
		}
	}
	plain := strings.Replace(base, "generation: 1, ", "", 1)
	if key(plain) == key(strings.Replace(plain, `"5"`, `"6"`, 1)) {
		t.Error("where there is no generation the resourceVersion does not count")
	}
}

func TestExplainHidesSecrets(t *testing.T) {
	secret := changeset.ID{Kind: "Secret", Namespace: "team", Name: "s"}
	text := apply.Explain(secret, invalid("data[k]: Invalid value: \"hunter2\""))
	if strings.Contains(text, "hunter2") || !strings.Contains(text, "data[k]") {
		t.Errorf("text = %q", text)
	}
	if text := apply.Explain(changeset.ID{Kind: "ConfigMap"}, invalid("data[k]: Invalid value: \"x\"")); !strings.Contains(text, "Invalid value") {
		t.Errorf("text = %q", text)
	}
}
