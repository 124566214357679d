package rollout

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

const storedDeployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {namespace: team, name: web, uid: u, resourceVersion: "7", generation: 3}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}, matchExpressions: [{key: tier, operator: In, values: [a]}]}
  template:
    metadata: {creationTimestamp: null, labels: {app: web}, annotations: {note: x}}
    spec: {containers: [{name: app, image: "app:1", fieldOfTomorrow: {a: 1}}]}
status: {observedGeneration: 3, replicas: 4, availableReplicas: 1}
`

func deployment(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	d := &unstructured.Unstructured{}
	content, err := yaml.YAMLToJSON([]byte(text))
	if err == nil {
		err = d.UnmarshalJSON(content)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A template that is taken from a Deployment is the same revision as one that is written into the Rollout.
func TestTemplateOfAWorkload(t *testing.T) {
	w, err := readDeployment(deployment(t, storedDeployment))
	if err != nil {
		t.Fatal(err)
	}
	var own v1alpha1.PodTemplate
	err = yaml.Unmarshal([]byte(`
metadata: {labels: {app: web}, annotations: {note: x}}
spec: {containers: [{name: app, image: "app:1", fieldOfTomorrow: {a: 1}}]}
`), &own)
	if err != nil {
		t.Fatal(err)
	}
	want, err := wanted.RevisionOf(own)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := wanted.RevisionOf(w.template); err != nil || got != want {
		t.Errorf("revision %v, %v; want %v", got, err, want)
	}
	if got := metav1.FormatLabelSelector(&w.selector); got != "app=web,tier in (a)" {
		t.Errorf("selector %q", got)
	}
}

func TestSizeOfAWorkload(t *testing.T) {
	number := func(n int64, path ...string) func(*unstructured.Unstructured) {
		return func(d *unstructured.Unstructured) {
			if err := unstructured.SetNestedField(d.Object, n, path...); err != nil {
				t.Fatal(err)
			}
		}
	}
	marked := func(text string) func(*unstructured.Unstructured) {
		return func(d *unstructured.Unstructured) {
			d.SetAnnotations(map[string]string{v1alpha1.AnnotationWorkloadReplicas: text})
		}
	}
	for name, test := range map[string]struct {
		change                   func(*unstructured.Unstructured)
		desired, pods, available int32
		smaller                  bool
	}{
		"as it is":        {func(*unstructured.Unstructured) {}, 2, 4, 1, false},
		"behind its spec": {number(2, "status", "observedGeneration"), 2, 4, 0, false},
		"about to grow": {func(d *unstructured.Unstructured) {
			number(9, "spec", "replicas")(d)
			number(2, "status", "observedGeneration")(d)
		}, 9, 9, 0, false},
		"without a size":   {func(d *unstructured.Unstructured) { unstructured.RemoveNestedField(d.Object, "spec", "replicas") }, 1, 4, 1, false},
		"kept smaller":     {marked("3"), 2, 4, 1, true},
		"not kept smaller": {marked("2"), 2, 4, 1, false},
		"a spoilt mark":    {marked("x"), 2, 4, 1, false},
		"a negative mark":  {marked("-1"), 2, 4, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := deployment(t, storedDeployment)
			test.change(d)
			w, err := readDeployment(d)
			if err != nil || w.desired != test.desired || w.pods != test.pods || w.available != test.available || w.smaller() != test.smaller {
				t.Errorf("got %+v, %v", w, err)
			}
		})
	}
}

func TestPodsOfADeployment(t *testing.T) {
	pod := func(owner, hash string) *metav1.PartialObjectMetadata {
		p := &metav1.PartialObjectMetadata{}
		p.Labels = map[string]string{"pod-template-hash": hash}
		p.OwnerReferences = []metav1.OwnerReference{{Kind: "ReplicaSet", Name: owner, Controller: new(true)}}
		return p
	}
	for name, test := range map[string]struct {
		pod  *metav1.PartialObjectMetadata
		want bool
	}{
		"its own":                       {pod("web-abc", "abc"), true},
		"of a Deployment named web-abc": {pod("web-abc-def", "def"), false},
		"of a ReplicaSet by hand":       {pod("web-abc", ""), false},
		"of nobody":                     {&metav1.PartialObjectMetadata{}, false},
	} {
		if got := madeBy(test.pod, "web"); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	var none *workload
	if none.smaller() {
		t.Error("no workload is smaller")
	}
}
