package rollout

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

func endpoint(pod string, ready *bool) discoveryv1.Endpoint {
	e := discoveryv1.Endpoint{Conditions: discoveryv1.EndpointConditions{Ready: ready}}
	if pod != "" {
		e.TargetRef = &corev1.ObjectReference{Kind: "Pod", Name: pod}
	}
	return e
}

func TestCountEndpoints(t *testing.T) {
	slice := func(name string, endpoints ...discoveryv1.Endpoint) discoveryv1.EndpointSlice {
		return discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Name: name}, Endpoints: endpoints}
	}
	revisions := map[string]string{"a1": "a", "a2": "a", "b1": "b"}
	got := countEndpoints([]discoveryv1.EndpointSlice{
		slice("v4", endpoint("a1", new(true)), endpoint("a2", new(false)), endpoint("b1", nil), endpoint("stranger", new(true))),
		slice("v6", endpoint("a1", new(true)), endpoint("", new(true)), endpoint("", new(true))),
	}, revisions)
	want := []plan.Endpoints{{Revision: "", Ready: 3}, {Revision: "a", Ready: 1}, {Revision: "b", Ready: 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
