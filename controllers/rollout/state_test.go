package rollout

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// What the engine remembers survives its way through the status and the API server's JSON.
func TestStateSurvivesTheStatus(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := states().Draw(t, "state")
		o := &observation{rollout: &v1alpha1.Rollout{ObjectMeta: metav1.ObjectMeta{Name: "web"}}}
		status := v1alpha1.RolloutStatus{StableRevision: want.Stable}
		writeState(&status, want, o, time.Unix(1, 0))
		content, err := json.Marshal(status)
		if err != nil {
			t.Fatal(err)
		}
		var stored v1alpha1.RolloutStatus
		if err := json.Unmarshal(content, &stored); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, readState("web", stored)); diff != "" {
			t.Errorf("(-written +read):\n%s\n%s", diff, content)
		}
	})
}

func states() *rapid.Generator[plan.State] {
	hash := rapid.StringMatching(`[0-9a-f]{10}`)
	maybe := rapid.OneOf(rapid.Just(""), hash)
	percent := rapid.Int32Range(0, 100)
	at := rapid.Custom(func(t *rapid.T) time.Time {
		return time.UnixMicro(rapid.Int64Range(1, 4e15).Draw(t, "µs")).UTC()
	})
	maybeAt := rapid.OneOf(rapid.Just(time.Time{}), at)
	return rapid.Custom(func(t *rapid.T) plan.State {
		s := plan.State{
			Stable: maybe.Draw(t, "stable"), Candidate: maybe.Draw(t, "candidate"), Step: rapid.Int32Range(0, 100).Draw(t, "step"),
			StepStarted: maybeAt.Draw(t, "started"), PassedSteps: maybe.Draw(t, "passed"),
			MostAvailable: rapid.Int32Range(0, 9).Draw(t, "most"), ProgressedAt: maybeAt.Draw(t, "progressed"),
			StableClearAt:  maybeAt.Draw(t, "stable clear"),
			StableServedAt: maybeAt.Draw(t, "stable served"), CanaryServedAt: maybeAt.Draw(t, "canary served"),
			Traffic: plan.Traffic{
				Asked: percent.Draw(t, "asked"), Low: percent.Draw(t, "low"), High: percent.Draw(t, "high"), AckedAt: maybeAt.Draw(t, "acked"),
			},
			SwitchingFrom: maybe.Draw(t, "from"), ReleaseStarted: maybeAt.Draw(t, "release started"),
			Mode:   rapid.SampledFrom([]plan.Mode{plan.ModeSteps, plan.ModeFull, plan.ModeFullSkipAnalysis, plan.ModeRollbackWindow}).Draw(t, "mode"),
			Paused: rapid.Bool().Draw(t, "paused"), PausedSince: maybeAt.Draw(t, "paused since"),
			PausedFor:        time.Duration(rapid.IntRange(0, 9999).Draw(t, "paused for")) * time.Second,
			BackgroundWaived: rapid.Bool().Draw(t, "waived"), Switched: maybe.Draw(t, "switched"),
			RestartedAt:       maybeAt.Draw(t, "restarted").Truncate(time.Second),
			WorkloadScaledFor: maybe.Draw(t, "workload"),
		}
		for i, name := range []string{"a", "b"}[:rapid.IntRange(0, 2).Draw(t, "n")] {
			s.Retiring = append(s.Retiring, plan.Retiring{Revision: name, At: at.Draw(t, "at")})
			s.Originals = append(s.Originals, plan.Original{Name: name, Rules: maybe.Draw(t, "rules")})
			s.Rejected = append(s.Rejected, "r"+name)
			if i == 0 {
				continue
			}
			s.Abort = plan.Abort{Revision: "r" + name, Reason: "AnalysisFailed", Message: "why", Run: "rb-1-abc", At: at.Draw(t, "abort")}
			s.Answered = "id"
			s.Answer = plan.Answer{Verb: plan.VerbAbort, By: "me", Accepted: rapid.Bool().Draw(t, "accepted"), Message: "m", At: at.Draw(t, "answer")}
		}
		return s
	})
}
