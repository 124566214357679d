package health_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/sluicehq/sluice/gitsync/health"
)

func TestAssess(t *testing.T) {
	const rollout = "{apiVersion: sluice.dev/v1alpha1, kind: Rollout, metadata: {generation: 2}, status: "
	for name, test := range map[string]struct {
		manifest string
		want     health.State
	}{
		"gone":                      {"", health.Progressing},
		"a ConfigMap":               {"{apiVersion: v1, kind: ConfigMap}", health.Healthy},
		"a new Deployment":          {"{apiVersion: apps/v1, kind: Deployment, metadata: {generation: 1}, spec: {replicas: 1}}", health.Progressing},
		"a stuck Deployment":        {"{apiVersion: apps/v1, kind: Deployment, metadata: {generation: 1}, spec: {replicas: 1}, status: {observedGeneration: 1, conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded, message: late}]}}", health.Failed},
		"being deleted":             {"{apiVersion: v1, kind: ConfigMap, metadata: {deletionTimestamp: '2026-01-01T00:00:00Z'}}", health.Progressing},
		"a new Rollout":             {rollout + "{}}", health.Progressing},
		"a Rollout behind its spec": {rollout + "{observedGeneration: 1, conditions: [{type: Ready, status: 'True', reason: x}]}}", health.Progressing},
		"a Rollout on its way":      {rollout + "{observedGeneration: 2, conditions: [{type: Ready, status: 'False', reason: x}, {type: Reconciling, status: 'True', reason: x}]}}", health.Progressing},
		"an aborted Rollout":        {rollout + "{observedGeneration: 2, conditions: [{type: Ready, status: 'False', reason: x}, {type: Stalled, status: 'True', reason: RolloutAborted, message: bad}]}}", health.Failed},
		"a healthy Rollout":         {rollout + "{observedGeneration: 2, conditions: [{type: Ready, status: 'True', reason: x}, {type: Reconciling, status: 'False', reason: x}, {type: Stalled, status: 'False', reason: x}]}}", health.Healthy},
		"a condition of some kind":  {"{apiVersion: example.com/v1, kind: Thing, status: {conditions: [{type: Ready, status: 'False', reason: x}]}}", health.Progressing},
	} {
		t.Run(name, func(t *testing.T) {
			var object *unstructured.Unstructured
			if test.manifest != "" {
				object = &unstructured.Unstructured{}
				data, err := yaml.YAMLToJSON([]byte(test.manifest))
				if err != nil {
					t.Fatal(err)
				}
				if err := object.UnmarshalJSON(data); err != nil {
					t.Fatal(err)
				}
			}
			got := health.Assess(object)
			if got.State != test.want || (got.State == health.Healthy) != (got.Text == "") {
				t.Errorf("got %+v, want %s", got, test.want)
			}
		})
	}
}

func TestHasStatus(t *testing.T) {
	if health.HasStatus("", "ConfigMap") || !health.HasStatus("apps", "Deployment") || !health.HasStatus("example.com", "ConfigMap") {
		t.Error("kinds with a status are told apart wrongly")
	}
}
