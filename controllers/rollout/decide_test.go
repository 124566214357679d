package rollout

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// Plans that only change the state are joined to the one that acts, and come to what they would have come to one by one.
func TestDecide(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	pause := plan.Step{Kind: plan.StepPause, Key: "pause 0s"}
	spec := plan.Spec{
		Revision: "b", Replicas: 4, Mover: plan.ByReplicas, Surge: 1, HistoryLimit: 10, ScaleDownLimit: plan.Unbounded,
		ProgressDeadline: time.Minute,
		Steps:            []plan.Step{pause, pause, {Kind: plan.StepSetWeight, Weight: 25, Key: "setWeight 25"}},
	}
	seen := plan.Observed{
		State: plan.State{Stable: "a"},
		ReplicaSets: []plan.ReplicaSet{
			{Revision: "a", Number: 1, Desired: 4, Pods: 4, Available: 4, Settled: true, Role: plan.RoleStable},
			{Revision: "b", Number: 2, Settled: true},
		},
	}
	got, needsLive := decide(spec, seen, now)
	if got.Status.Step != 2 || len(got.Actions) == 0 || needsLive {
		t.Fatalf("step %d, %v, needs live %v", got.Status.Step, got.Actions, needsLive)
	}

	var notes []plan.Note
	for one := seen; ; {
		p := plan.Next(spec, one, now)
		notes = append(notes, p.Notes...)
		one.State = p.Status
		if len(p.Actions) == 0 {
			continue
		}
		if diff := cmp.Diff(p.Status, got.Status); diff != "" {
			t.Errorf("status (-one by one +joined):\n%s", diff)
		}
		if diff := cmp.Diff(p.Actions, got.Actions); diff != "" {
			t.Errorf("actions (-one by one +joined):\n%s", diff)
		}
		break
	}
	if diff := cmp.Diff(notes, got.Notes); diff != "" {
		t.Errorf("notes (-one by one +joined):\n%s", diff)
	}
}

// At rest nothing is decided, and time changes nothing.
func TestDecideAtRest(t *testing.T) {
	spec := plan.Spec{Revision: "a", Replicas: 1, Mover: plan.ByReplicas, ProgressDeadline: time.Minute}
	seen := plan.Observed{
		State: plan.State{Stable: "a"},
		ReplicaSets: []plan.ReplicaSet{
			{Revision: "a", Number: 1, Desired: 1, Pods: 1, Available: 1, Settled: true, Role: plan.RoleStable},
		},
	}
	p, needsLive := decide(spec, seen, time.Unix(1, 0))
	if len(p.Actions) != 0 || !p.WakeAt.IsZero() || needsLive || !cmp.Equal(p.Status, seen.State) {
		t.Errorf("%+v", p)
	}
}
