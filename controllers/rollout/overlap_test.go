package rollout

import (
	"slices"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

func catching(t *testing.T, text string) *v1alpha1.Rollout {
	t.Helper()
	ro := &v1alpha1.Rollout{}
	if err := yaml.UnmarshalStrict([]byte(text), ro); err != nil {
		t.Fatal(err)
	}
	return ro
}

// Whatever overlaps is found by the index: in one direction or the other, one of the two has a label of the other's.
func TestOverlap(t *testing.T) {
	for name, c := range map[string]struct {
		a, b string
		want bool
	}{
		"the same": {
			"spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}}}",
			"spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web, tier: front}}}}", true,
		},
		"apart": {
			"spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web, team: shop}}}}",
			"spec: {selector: {matchLabels: {app: till}}, template: {metadata: {labels: {app: till, team: shop}}}}", false,
		},
		"one selects the other's by a label that the other does not select by": {
			"spec: {selector: {matchLabels: {team: shop}}, template: {metadata: {labels: {team: shop}}}}",
			"spec: {selector: {matchLabels: {app: till}}, template: {metadata: {labels: {app: till, team: shop}}}}", true,
		},
		"one label of two": {
			"spec: {selector: {matchLabels: {app: web, tier: front}}, template: {metadata: {labels: {app: web, tier: front}}}}",
			"spec: {selector: {matchLabels: {app: web, tier: back}}, template: {metadata: {labels: {app: web, tier: back}}}}", false,
		},
		"by expressions": {
			"spec: {selector: {matchExpressions: [{key: app, operator: Exists}]}, template: {metadata: {labels: {app: web}}}}",
			"spec: {selector: {matchLabels: {zone: a}}, template: {metadata: {labels: {zone: a, app: till}}}}", true,
		},
		"by an expression with one value": {
			"spec: {selector: {matchExpressions: [{key: app, operator: In, values: [web]}]}, template: {metadata: {labels: {app: web}}}}",
			"spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}}}", true,
		},
		"excluded": {
			"spec: {selector: {matchExpressions: [{key: app, operator: In, values: [web]}, {key: tier, operator: DoesNotExist}]}, template: {metadata: {labels: {app: web}}}}",
			"spec: {selector: {matchLabels: {app: web, tier: back}}, template: {metadata: {labels: {app: web, tier: back}}}}", false,
		},
		"of a workload": {
			"{spec: {workloadRef: {name: web}}, status: {selector: app=web}}",
			"spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}}}", true,
		},
		"of a workload that was not found yet": {
			"{spec: {workloadRef: {name: web}}}",
			"spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}}}", false,
		},
		"of one that is being deleted": {
			`{metadata: {deletionTimestamp: "2026-01-01T00:00:00Z"}, spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}}}}`,
			"spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}}}", false,
		},
		"of a selector that cannot be read": {
			"spec: {selector: {matchExpressions: [{key: app, operator: Sometimes}]}, template: {metadata: {labels: {app: web}}}}",
			"spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}}}", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			one, other := catching(t, c.a), catching(t, c.b)
			a, aOK := catchOf(one)
			b, bOK := catchOf(other)
			if got := aOK && bOK && a.overlaps(b) && b.overlaps(a); got != c.want {
				t.Errorf("overlap = %v, want %v", got, c.want)
			}
			if c.want && (!found(one, other) || !found(other, one)) {
				t.Errorf("the index finds the second %v, the first %v", found(one, other), found(other, one))
			}
		})
	}
}

// found says that mayOverlap finds the other one by the indexes.
func found(ro, other *v1alpha1.Rollout) bool {
	mine, _ := catchOf(ro)
	if mine.anchor() == selectsAnything {
		return true // which looks at all
	}
	return slices.Contains(podLabelsOf(other), mine.anchor()) ||
		slices.Contains(append(mine.labels(), selectsAnything), anchorOf(other)[0])
}
