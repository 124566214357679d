package manifests

import (
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	const text = `# a comment only
---
apiVersion: v1
kind: Service
metadata:
  labels:
    name: wrong
  namespace: "ns"
  name: right
spec:
  ports:
  - name: wrong
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  annotations:
    a: b

  name: things.example.com
spec:
  names:
    kind: Thing
  name: wrong
---
`
	objects, err := Split("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, object := range objects {
		got = append(got, object.APIVersion+" "+object.String())
	}
	want := "v1 Service ns/right; apiextensions.k8s.io/v1 CustomResourceDefinition things.example.com"
	if strings.Join(got, "; ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSplitRefusesWhatHasNoName(t *testing.T) {
	_, err := Split("test.yaml", []byte("apiVersion: v1\nkind: Service\nmetadata:\n  labels: {}\n"))
	if err == nil || !strings.Contains(err.Error(), "test.yaml") {
		t.Errorf("got %v", err)
	}
}

func TestOwnFilesAreReadable(t *testing.T) {
	for _, name := range []string{"namespaces", "rbac", "services", "gateway", "kind"} {
		if objects, err := Read(name); err != nil || len(objects) == 0 {
			t.Errorf("%s: %d objects, %v", name, len(objects), err)
		}
	}
}
