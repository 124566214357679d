package gatewayapi

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// parentEntry is one entry of status.parents; condition is "status@generation", empty for none.
func parentEntry(ref, controller, accepted, resolved string) string {
	var conditions []string
	for kind, text := range map[string]string{"Accepted": accepted, "ResolvedRefs": resolved} {
		if status, generation, ok := strings.Cut(text, "@"); ok {
			conditions = append(conditions, `{"type":"`+kind+`","status":"`+status+`","observedGeneration":`+generation+
				`,"reason":"Why","message":"says it"}`)
		}
	}
	return `{"parentRef":` + ref + `,"controllerName":"` + controller + `","conditions":[` + strings.Join(conditions, ",") + `]}`
}

func TestAcknowledge(t *testing.T) {
	const edge, inner = `{"name":"edge"}`, `{"name":"inner","namespace":"infra","sectionName":"http","port":80}`
	const edgeKey, innerKey = "Gateway shop/edge by x.io/a", "Gateway infra/inner section http port 80 by x.io/a"
	// As controllers write it into the status: with the defaults filled in.
	const edgeFull = `{"group":"gateway.networking.k8s.io","kind":"Gateway","namespace":"shop","name":"edge"}`
	tests := map[string]struct {
		reason   string
		refs     []string
		status   []string
		recorded []string
		want     acknowledgement
	}{
		"accepted": {
			reason: "one parent, this generation", refs: []string{edge},
			status: []string{parentEntry(edgeFull, "x.io/a", "True@5", "True@5")},
			want:   acknowledgement{counted: []string{edgeKey}},
		},
		"nothing to resolve": {
			reason: "ResolvedRefs need not be there", refs: []string{edge},
			status: []string{parentEntry(edge, "x.io/a", "True@5", "")},
			want:   acknowledgement{counted: []string{edgeKey}},
		},
		"an older generation": {
			reason: "accepted, but not this", refs: []string{edge},
			status: []string{parentEntry(edge, "x.io/a", "True@4", "True@5")},
			want: acknowledgement{
				counted: []string{edgeKey},
				waiting: "Gateway shop/edge has not looked at generation 5 of the route yet (it has seen 4)",
			},
		},
		"references of an older generation": {
			reason: "both conditions count", refs: []string{edge},
			status: []string{parentEntry(edge, "x.io/a", "True@5", "False@4")},
			want: acknowledgement{
				counted: []string{edgeKey},
				waiting: "Gateway shop/edge has not resolved the references of generation 5 of the route yet",
			},
		},
		"unresolved": {
			reason: "named with the gateway's own words", refs: []string{edge},
			status: []string{parentEntry(edge, "x.io/a", "True@5", "False@5")},
			want: acknowledgement{
				counted: []string{edgeKey}, unresolved: "Gateway shop/edge (Why: says it)",
				waiting: "Gateway shop/edge cannot resolve the route's references (Why: says it)",
			},
		},
		"one of two": {
			reason: "the one that never accepted is left out and named", refs: []string{edge, inner},
			status: []string{parentEntry(edge, "x.io/a", "True@5", ""), parentEntry(inner, "x.io/a", "False@5", "")},
			want:   acknowledgement{counted: []string{edgeKey}, ignored: []string{"Gateway infra/inner section http port 80 (Why: says it)"}},
		},
		"refused in mid-release": {
			reason: "a parent that had accepted counts", refs: []string{edge}, recorded: []string{edgeKey},
			status: []string{parentEntry(edge, "x.io/a", "False@5", "")},
			want: acknowledgement{
				counted: []string{edgeKey},
				waiting: "Gateway shop/edge does not accept the route (Why: says it)",
			},
		},
		"silent in mid-release": {
			reason: "its entry is gone", refs: []string{edge, inner}, recorded: []string{edgeKey, innerKey},
			status: []string{parentEntry(inner, "x.io/a", "True@5", "")},
			want: acknowledgement{
				counted: []string{edgeKey, innerKey},
				waiting: "Gateway shop/edge no longer reports on the route",
			},
		},
		"left in mid-release": {
			reason: "the route is no longer attached there", refs: []string{inner}, recorded: []string{edgeKey, innerKey},
			status: []string{parentEntry(edge, "x.io/a", "True@4", ""), parentEntry(inner, "x.io/a", "True@5", "")},
			want:   acknowledgement{counted: []string{innerKey}},
		},
		"joined in mid-release": {
			reason: "it serves the route, so it counts", refs: []string{edge, inner}, recorded: []string{innerKey},
			status: []string{parentEntry(edge, "x.io/a", "True@4", ""), parentEntry(inner, "x.io/a", "True@5", "")},
			want: acknowledgement{
				counted: []string{edgeKey, innerKey},
				waiting: "Gateway shop/edge has not looked at generation 5 of the route yet (it has seen 4)",
			},
		},
		"another section": {
			reason: "a section is a parent of its own", refs: []string{inner},
			status: []string{parentEntry(`{"name":"inner","namespace":"infra","sectionName":"https","port":80}`, "x.io/a", "True@5", "")},
			want:   acknowledgement{ignored: []string{"Gateway infra/inner section http port 80"}},
		},
		"two controllers": {
			reason: "each counts by itself", refs: []string{edge},
			status: []string{parentEntry(edge, "x.io/a", "True@5", ""), parentEntry(edge, "x.io/b", "True@3", "")},
			want: acknowledgement{
				counted: []string{edgeKey, "Gateway shop/edge by x.io/b"},
				waiting: "Gateway shop/edge has not looked at generation 5 of the route yet (it has seen 3)",
			},
		},
		"a Service as the parent": {
			reason: "as meshes have it", refs: []string{`{"group":"","kind":"Service","name":"web"}`},
			status: []string{parentEntry(`{"group":"","kind":"Service","name":"web"}`, "x.io/a", "True@5", "")},
			want:   acknowledgement{counted: []string{"Service shop/web by x.io/a"}},
		},
		"no parents": {reason: "nothing counts"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			route := &unstructured.Unstructured{}
			if err := route.UnmarshalJSON([]byte(`{"apiVersion":"gateway.networking.k8s.io/v1","kind":"HTTPRoute",
				"metadata":{"name":"web","namespace":"shop","generation":5},
				"spec":{"parentRefs":[` + strings.Join(tc.refs, ",") + `]},
				"status":{"parents":[` + strings.Join(tc.status, ",") + `]}}`)); err != nil {
				t.Fatal(err)
			}
			got := acknowledge(route, tc.recorded)
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(acknowledgement{})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
