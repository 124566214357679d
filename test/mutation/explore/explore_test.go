package explore

import (
	"testing"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/test/model"
)

func TestExplore(t *testing.T) {
	canary := []plan.Step{
		{Kind: plan.StepSetWeight, Weight: 50, Key: "50"},
		{Kind: plan.StepAnalysis, Key: "analysis"},
	}
	scope := model.Scope{Name: "one release, crashes", Replicas: 2, Steps: canary, Revisions: []string{"B"}, Budget: model.Budget{SpecChanges: 1}}
	result := model.Explore(&scope, model.Start(&scope))
	if result.Trouble != "" {
		t.Fatal(result.Trouble)
	}
}
