package wanted

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

func templateOf(spec string, labels map[string]string) v1alpha1.PodTemplate {
	return v1alpha1.PodTemplate{
		Metadata: v1alpha1.TemplateMetadata{Labels: labels},
		Spec:     runtime.RawExtension{Raw: []byte(spec)},
	}
}

var app = map[string]string{"app": "web"}

// The name of a revision must never change: it is in labels, selectors and statuses of clusters that run.
func TestRevisionIsFixed(t *testing.T) {
	got, err := RevisionOf(templateOf(`{"containers":[{"name":"app","image":"app:1"}]}`, app))
	if err != nil {
		t.Fatal(err)
	}
	const digest = "3ab5e90e0530d45b69b8a85448e262fc8308de360ea4a9f3c3f3f176cf79a538"
	if got.Digest != digest || got.Name != digest[:RevisionLength] {
		t.Errorf("got %+v", got)
	}
}

func TestRevisionSeesContentOnly(t *testing.T) {
	const base = `{"containers":[{"name":"app","image":"app:1","resources":{"limits":{"cpu":1}}}]}`
	of := func(spec string, labels map[string]string) string {
		t.Helper()
		r, err := RevisionOf(templateOf(spec, labels))
		if err != nil {
			t.Fatal(err)
		}
		return r.Name
	}
	want := of(base, app)
	for name, same := range map[string]string{
		"order of keys":   `{"containers":[{"image":"app:1","resources":{"limits":{"cpu":1}},"name":"app"}]}`,
		"white space":     "{ \"containers\": [ {\"name\":\"app\",\n\"image\":\"app:1\",\"resources\":{\"limits\":{\"cpu\":1}}} ] }",
		"nulls":           `{"containers":[{"name":"app","image":"app:1","env":null,"resources":{"limits":{"cpu":1}}}],"nodeSelector":null}`,
		"empty maps":      `{"securityContext":{},"containers":[{"name":"app","image":"app:1","resources":{"limits":{"cpu":1},"requests":{}}}]}`,
		"empty lists":     `{"volumes":[],"containers":[{"name":"app","image":"app:1","resources":{"limits":{"cpu":1}}}]}`,
		"creation time":   `{"metadata":{"creationTimestamp":"2026-01-01T00:00:00Z"},"containers":[{"name":"app","image":"app:1","resources":{"limits":{"cpu":1}}}]}`,
		"empty in empty":  `{"affinity":{"nodeAffinity":{}},"containers":[{"name":"app","image":"app:1","resources":{"limits":{"cpu":1}}}]}`,
		"creation as nil": `{"metadata":{"creationTimestamp":null},"containers":[{"name":"app","image":"app:1","resources":{"limits":{"cpu":1}}}]}`,
	} {
		if got := of(same, app); got != want {
			t.Errorf("%s: another revision", name)
		}
	}
	for name, other := range map[string]string{
		"image":            `{"containers":[{"name":"app","image":"app:2","resources":{"limits":{"cpu":1}}}]}`,
		"type of a value":  `{"containers":[{"name":"app","image":"app:1","resources":{"limits":{"cpu":"1"}}}]}`,
		"an unknown field": `{"future":1,"containers":[{"name":"app","image":"app:1","resources":{"limits":{"cpu":1}}}]}`,
		"an empty element": `{"tolerations":[{}],"containers":[{"name":"app","image":"app:1","resources":{"limits":{"cpu":1}}}]}`,
		"a large number":   `{"x":9007199254740993,"containers":[{"name":"app","image":"app:1","resources":{"limits":{"cpu":1}}}]}`,
	} {
		if got := of(other, app); got == want {
			t.Errorf("%s: the same revision", name)
		}
	}
	if of(base, app) == of(base, map[string]string{"app": "web", "tier": "a"}) {
		t.Error("labels: the same revision")
	}
	if of(`{"x":9007199254740993}`, app) == of(`{"x":9007199254740992}`, app) {
		t.Error("numbers are not told apart to the last digit")
	}
}

func TestRevisionOfNonsense(t *testing.T) {
	for _, spec := range []string{"", "[]", "{", `"text"`} {
		if got, err := RevisionOf(templateOf(spec, nil)); err == nil {
			t.Errorf("%q gave %v", spec, got)
		}
	}
}
