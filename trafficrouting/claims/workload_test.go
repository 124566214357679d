package claims_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/trafficrouting/claims"
)

func TestWorkload(t *testing.T) {
	const mark = "example.com/size"
	deployment := func(name string, replicas any, annotations map[string]any) map[string]any {
		spec := map[string]any{"paused": false}
		if replicas != nil {
			spec["replicas"] = replicas
		}
		return map[string]any{
			"apiVersion": "apps/v1", "kind": "Deployment",
			"metadata": map[string]any{"namespace": "team", "name": name, "annotations": annotations}, "spec": spec,
		}
	}
	marked := map[string]any{mark: "3"}
	for name, test := range map[string]struct {
		desired, live, want map[string]any
	}{
		"scaled by a Rollout":      {deployment("web", int64(3), nil), deployment("web", int64(0), marked), deployment("web", int64(0), nil)},
		"not scaled by it":         {deployment("web", int64(3), nil), deployment("web", int64(5), nil), deployment("web", int64(3), nil)},
		"Git says nothing of it":   {deployment("web", nil, nil), deployment("web", int64(0), marked), deployment("web", nil, nil)},
		"another Deployment":       {deployment("other", int64(3), nil), deployment("other", int64(0), marked), deployment("other", int64(3), nil)},
		"there is none":            {deployment("web", int64(3), nil), nil, deployment("web", int64(3), nil)},
		"a size that is not there": {deployment("web", int64(3), nil), deployment("web", nil, marked), deployment("web", int64(3), nil)},
	} {
		t.Run(name, func(t *testing.T) {
			got := claims.Overlay([]claims.Claim{claims.ForWorkload("team", "web", mark)}, test.desired, test.live)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
