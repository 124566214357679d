package manifest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func read(t *testing.T, text string) ([]*Object, []Problem) {
	t.Helper()
	objects, problems, err := Read([]string{Stdin}, false, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return objects, problems
}

const stream = `# a comment before everything
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels:
    app.kubernetes.io/name: web
spec:
  template: &template
    spec:
      containers:
      - name: first
        image: a
      - name: second
        image: b
  replicas: 3
  share: 0.5
  again: *template
---

---
apiVersion: v1
kind: ServiceList
items:
- apiVersion: v1
  kind: Service
  metadata: {name: one, namespace: team-a}
- apiVersion: v1
  kind: Service
  metadata:
    name: two
`

func TestObjects(t *testing.T) {
	objects, problems := read(t, stream)
	if len(objects) != 3 || len(problems) != 0 {
		t.Fatalf("%d objects, %v", len(objects), problems)
	}
	web, one, two := objects[0], objects[1], objects[2]
	if web.Group() != "apps" || web.Kind() != "Deployment" || web.Name() != "web" || web.Namespace() != "" || web.Line != 2 {
		t.Errorf("%s at %d", web, web.Line)
	}
	if one.Group() != "" || one.Namespace() != "team-a" || one.Line != 25 || two.Line != 28 {
		t.Errorf("%s at %d, %s at %d", one, one.Line, two, two.Line)
	}
	if n, ok := web.At("spec", "replicas").(int64); !ok || n != 3 {
		t.Errorf("replicas is %T", web.At("spec", "replicas"))
	}
	if web.At("spec", "replicas", "below") != nil || web.At("nothing", "at", "all") != nil {
		t.Error("there is something where there is nothing")
	}
}

func TestLines(t *testing.T) {
	objects, _ := read(t, stream)
	got := map[string]int{}
	want := map[string]int{
		"":                                       2,
		"kind":                                   3,
		"metadata.labels":                        6,
		"spec.template.spec.containers[1].image": 15,
		"spec.template.spec.containers[1]":       14,
		"spec.template.spec.containers[9].image": 11,
		"spec.again.spec.containers[0].name":     12,
		"spec.replicas.below":                    16,
		"metadata.nothing.at.all":                4,
	}
	for path := range want {
		got[path] = objects[0].LineOf(path)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, path := range []string{"metadata.labels[app.kubernetes.io/name]", `metadata.labels["app.kubernetes.io/name"]`, "metadata.labels['app.kubernetes.io/name']"} {
		if line := objects[0].LineOf(path); line != 7 {
			t.Errorf("%s is at %d", path, line)
		}
	}
	if line := objects[2].LineOf("metadata.name"); line != 31 {
		t.Errorf("the name of the second item is at %d", line)
	}
}

func TestProblems(t *testing.T) {
	for text, want := range map[string]Problem{
		"kind: Service":                           {Line: 1, Message: "is no Kubernetes object: it needs apiVersion and kind"},
		"a: b\n---\n- x\n":                        {Line: 1, Message: "is no Kubernetes object: it needs apiVersion and kind"},
		"\n\n---\n\n a: [b\n":                     {Line: 5, Message: "did not find expected ',' or ']'"},
		"---\nkind: x\nkind: x\napiVersion: v1\n": {Line: 3, Message: `key "kind" already set in map`},
		"a: \x01":                                 {Line: 1, Message: "control characters are not allowed"},
	} {
		want.File = "<stdin>"
		objects, problems := read(t, text)
		if len(objects) > 0 || len(problems) == 0 {
			t.Errorf("%q: %v, %v", text, objects, problems)
			continue
		}
		if diff := cmp.Diff(want, problems[0]); diff != "" {
			t.Errorf("%q:\n%s", text, diff)
		}
	}
}

// TestBombs holds that a small file cannot become a large object.
func TestBombs(t *testing.T) {
	var text strings.Builder
	text.WriteString("apiVersion: v1\nkind: Bomb\na0: &a0 [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n")
	for i := range 12 {
		text.WriteString(strings.ReplaceAll("aN: &aN [*aM, *aM, *aM, *aM, *aM, *aM, *aM, *aM, *aM, *aM]\n", "M", string(rune('0'+i))))
	}
	bomb := strings.NewReplacer("aN", "next").Replace(text.String())
	objects, problems := read(t, strings.ReplaceAll(bomb, "next", "a1"))
	if len(objects) > 0 || len(problems) == 0 {
		t.Errorf("%d objects", len(objects))
	}
}

func TestBounds(t *testing.T) {
	if _, _, err := Read([]string{Stdin}, false, bytes.NewReader(make([]byte, maxBytes+1))); err == nil {
		t.Error("more than the bound is read")
	}
	if _, _, err := Read([]string{filepath.Join(t.TempDir(), "missing.yaml")}, false, nil); err == nil {
		t.Error("a missing file is no error")
	}
}

func TestFolders(t *testing.T) {
	folder := t.TempDir()
	below := filepath.Join(folder, "below")
	if err := os.Mkdir(below, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.yaml", "b.yml", "c.json", "d.txt", "below/e.yaml"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(`{"apiVersion": "v1", "kind": "Service"}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"kustomization.yaml": "patches: [{path: patch.yaml}]\npatchesStrategicMerge: [below/old.yaml]",
		"patch.yaml":         "spec: {replicas: 3}",
		"below/old.yaml":     "kind: Rollout",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for recursive, want := range map[bool]int{false: 3, true: 4} {
		objects, problems, err := Read([]string{folder}, recursive, nil)
		if err != nil || len(objects) != want || len(problems) > 0 {
			t.Errorf("recursive %t: %d objects, %v, %v", recursive, len(objects), problems, err)
		}
	}
}
