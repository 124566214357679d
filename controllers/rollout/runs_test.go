package rollout

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

func TestField(t *testing.T) {
	ro := &v1alpha1.Rollout{ObjectMeta: metav1.ObjectMeta{
		Name: "web", Namespace: "shop", Labels: map[string]string{"a/b": "one"}, Annotations: map[string]string{"c": "two"},
	}}
	for path, want := range map[string]string{
		"metadata.name": "web", "metadata.namespace": "shop", "metadata.labels['a/b']": "one", `metadata.annotations["c"]`: "two",
	} {
		if got, err := field(ro, path); err != nil || got != want {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	for _, path := range []string{"", "spec.replicas", "metadata.labels['missing']", "metadata.labels[a]", "metadata.labels"} {
		if got, err := field(ro, path); err == nil {
			t.Errorf("%s gave %q", path, got)
		}
	}
}

func TestArgument(t *testing.T) {
	o := &observation{rollout: &v1alpha1.Rollout{}, revision: wanted.Revision{Name: "new"}}
	stable := v1alpha1.RolloutAnalysisArg{ValueFrom: &v1alpha1.RolloutArgSource{PodTemplateHashValue: new("Stable")}}
	latest := v1alpha1.RolloutAnalysisArg{ValueFrom: &v1alpha1.RolloutArgSource{PodTemplateHashValue: new("Latest")}}
	for _, c := range []struct {
		known string
		arg   v1alpha1.RolloutAnalysisArg
		want  string
	}{
		{"old", v1alpha1.RolloutAnalysisArg{Value: new("")}, ""},
		{"old", stable, "old"},
		{"", stable, "new"},
		{"old", latest, "new"},
	} {
		o.seen.State = plan.State{Stable: c.known}
		if got, err := argument(o, c.arg); err != nil || got != c.want {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
}

func TestRunNames(t *testing.T) {
	if got := runKey("web", runName("web", "abc-1-XYZ")); got != "abc-1-xyz" {
		t.Errorf("got %q", got)
	}
	if got := runKey("web", "other-abc"); got != "" {
		t.Errorf("got %q", got)
	}
}
