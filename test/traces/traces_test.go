package traces

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/test/model"
)

var update = flag.Bool("update", false, "write the golden files anew")

var gated = []plan.Step{
	{Kind: plan.StepSetWeight, Weight: 20, Key: "20"},
	{Kind: plan.StepAnalysis, Key: "analysis"},
	{Kind: plan.StepSetWeight, Weight: 50, Key: "50"},
}

var paused = []plan.Step{
	{Kind: plan.StepSetWeight, Weight: 50, Key: "50"},
	{Kind: plan.StepPause, Indefinite: true, Key: "pause"},
}

func scripts() []Script {
	scope := func(steps []plan.Step, b model.Budget) model.Scope {
		return model.Scope{Replicas: 2, Steps: steps, Revisions: []string{"A", "B", "C"}, Budget: b}
	}
	return []Script{
		{"promoted", scope(gated, model.Budget{SpecChanges: 1}), []string{"spec wants B"}},
		{"analysis-failed", scope(gated, model.Budget{SpecChanges: 1}), []string{"spec wants B", "analysis ends 2"}},
		{"inconclusive-then-promoted", scope(gated, model.Budget{SpecChanges: 1, Requests: 1}), []string{"spec wants B", "analysis ends 3", "controller plans", "somebody asks to promote"}},
		{"superseded", scope(gated, model.Budget{SpecChanges: 2}), []string{"spec wants B", "controller: set weight 20", "spec wants C"}},
		{"taken-back", scope(gated, model.Budget{SpecChanges: 2}), []string{"spec wants B", "controller: set weight 50", "spec wants A"}},
		{"pods-crash", scope(gated, model.Budget{SpecChanges: 1, Failures: 1}), []string{"spec wants B", "controller: set weight 20", "pods of B crash"}},
		{"promoted-by-hand", scope(paused, model.Budget{SpecChanges: 1, Requests: 1}), []string{"spec wants B", "controller: set weight 50", "gateway acknowledges", "controller plans", "somebody asks to promote"}},
		{"aborted-and-retried", scope(paused, model.Budget{SpecChanges: 1, Requests: 2}), []string{"spec wants B", "controller: set weight 50", "somebody asks to abort", "controller: set weight 0", "somebody asks to retry"}},
		{"status-lost", scope(gated, model.Budget{SpecChanges: 1, Losses: 1}), []string{"spec wants B", "controller: set weight 50", "status is lost"}},
	}
}

func TestTraces(t *testing.T) {
	for _, s := range scripts() {
		t.Run(s.Name, func(t *testing.T) {
			got, err := Play(s)
			if err != nil {
				t.Fatalf("%v\n%s", err, got)
			}
			golden := filepath.Join("testdata", s.Name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("the trace has changed (go test ./test/traces -update writes it anew):\n%s", diff)
			}
		})
	}
}
