package request

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// rollout is demo/web with the steps weight, pause, analysis, and v2 on its way in the step with that index.
func rollout(step int32, change ...func(*v1alpha1.Rollout)) *v1alpha1.Rollout {
	ro := &v1alpha1.Rollout{
		ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: "web"},
		Spec: v1alpha1.RolloutSpec{Strategy: v1alpha1.RolloutStrategy{Canary: &v1alpha1.CanaryStrategy{Steps: []v1alpha1.CanaryStep{
			{SetWeight: new(int32(20))}, {Pause: &v1alpha1.RolloutPause{}}, {Analysis: &v1alpha1.RolloutAnalysis{}},
		}}}},
		Status: v1alpha1.RolloutStatus{
			Phase: v1alpha1.RolloutProgressing, Message: "that is why", CurrentRevision: "v2", StableRevision: "v1",
			Release: &v1alpha1.ReleaseStatus{Revision: "v2", StepIndex: step},
		},
	}
	for _, c := range change {
		c(ro)
	}
	return ro
}

func healthy(ro *v1alpha1.Rollout) {
	ro.Status.Phase, ro.Status.StableRevision, ro.Status.Release = v1alpha1.RolloutHealthy, "v2", nil
}

func aborted(ro *v1alpha1.Rollout) {
	ro.Status.Phase = v1alpha1.RolloutDegraded
	ro.Status.Release = &v1alpha1.ReleaseStatus{}
	ro.Status.Abort = &v1alpha1.AbortStatus{Revision: "v2", Message: "metric failed"}
	ro.Status.Rejected = []v1alpha1.RejectedRevision{{Revision: "v2"}}
}

func TestJudge(t *testing.T) {
	promote, abort, retry := Wish{Verb: v1alpha1.VerbPromote}, Wish{Verb: v1alpha1.VerbAbort}, Wish{Verb: v1alpha1.VerbRetry}
	pause, resume := Wish{Verb: v1alpha1.VerbPause}, Wish{Verb: v1alpha1.VerbResume}
	full := Wish{Verb: v1alpha1.VerbPromote, Full: true}
	jump := func(to int32) Wish { return Wish{Verb: v1alpha1.VerbJump, To: &to} }
	end := Wish{Verb: v1alpha1.VerbJump}
	inPhase := func(ro *v1alpha1.Rollout) { ro.Status.Phase = v1alpha1.RolloutPaused }
	paused := func(ro *v1alpha1.Rollout) { ro.Status.Phase, ro.Status.Release.Paused = v1alpha1.RolloutPaused, true }
	byUser := func(ro *v1alpha1.Rollout) { ro.Spec.Paused = true }
	doubtful := func(ro *v1alpha1.Rollout) {
		ro.Status.Release.BackgroundAnalysisRun = &v1alpha1.StepAnalysisStatus{Phase: v1alpha1.AnalysisInconclusive}
	}
	blueGreen := func(ro *v1alpha1.Rollout) {
		ro.Spec.Strategy = v1alpha1.RolloutStrategy{BlueGreen: &v1alpha1.BlueGreenStrategy{AutoPromotionEnabled: new(false)}}
	}
	first := func(ro *v1alpha1.Rollout) { ro.Status.StableRevision = "" }
	switching := func(ro *v1alpha1.Rollout) {
		ro.Status.StableRevision, ro.Status.Release.SwitchingFrom = "v2", "v1"
	}
	cases := map[string]struct {
		wish Wish
		ro   *v1alpha1.Rollout
		want Target
		// refused is what the refusal says; empty means that there is none.
		refused string
	}{
		"promote in a pause":     {wish: promote, ro: rollout(1), want: Target{Revision: "v2", StepIndex: new(int32(1))}},
		"promote inconclusive":   {wish: promote, ro: rollout(2, func(ro *v1alpha1.Rollout) { ro.Status.Phase = v1alpha1.RolloutPaused }), want: Target{Revision: "v2", StepIndex: new(int32(2))}},
		"promote in a weight":    {wish: promote, ro: rollout(0), refused: "step 1 of 3 (set weight to 20 %), which goes on by itself: that is why"},
		"promote in an analysis": {wish: promote, ro: rollout(2), refused: "step 3 of 3, an analysis, which goes on by itself when it is Successful"},
		"promote after the end":  {wish: promote, ro: rollout(3), refused: "all 3 steps of Rollout demo/web are done"},
		"promote at rest":        {wish: promote, ro: rollout(0, healthy), refused: "no release of Rollout demo/web is under way, it is Healthy at revision v2"},
		"promote the first": {
			wish: promote, refused: "the first revision of Rollout demo/web takes no steps, it is stable as soon as it is available: that is why",
			ro: rollout(0, first, func(ro *v1alpha1.Rollout) { ro.Status.Release = nil }),
		},
		"promote while switching": {wish: promote, ro: rollout(3, switching), refused: "is promoted already"},
		"promote after an abort":  {wish: promote, ro: rollout(1, aborted), refused: "was aborted (metric failed); to release it again: kubectl sluice retry rollout web -n demo"},
		"abort":                   {wish: abort, ro: rollout(0), want: Target{Revision: "v2"}},
		"abort before the first step": {
			wish: abort, ro: rollout(0, func(ro *v1alpha1.Rollout) { ro.Status.Release = nil }),
			want: Target{Revision: "v2"},
		},
		"abort at rest":         {wish: abort, ro: rollout(0, healthy), refused: "nothing to abort: no release"},
		"abort after an abort":  {wish: abort, ro: rollout(0, aborted), refused: "was aborted"},
		"abort while switching": {wish: abort, ro: rollout(3, switching), refused: "committed; to go back, release the former version: revert the commit, or: kubectl sluice undo web -n demo"},
		"abort the first":       {wish: abort, ro: rollout(0, first), refused: "there is no stable one to go back to"},
		"retry":                 {wish: retry, ro: rollout(0, aborted), want: Target{Revision: "v2"}},
		"retry what is held": {
			wish: retry, ro: rollout(0, aborted, func(ro *v1alpha1.Rollout) { ro.Status.Abort = nil }),
			want: Target{Revision: "v2"},
		},
		"retry at rest":                  {wish: retry, ro: rollout(0, healthy), refused: "nothing to retry: no release of Rollout demo/web was aborted, it is Healthy"},
		"unknown Rollout":                {wish: abort, ro: rollout(0, func(ro *v1alpha1.Rollout) { ro.Status = v1alpha1.RolloutStatus{} }), refused: "has not looked at"},
		"Rollout that goes":              {wish: abort, ro: rollout(0, func(ro *v1alpha1.Rollout) { ro.DeletionTimestamp = new(metav1.Now()) }), refused: "is being deleted"},
		"promote what is paused":         {wish: promote, ro: rollout(0, paused), want: Target{Revision: "v2", StepIndex: new(int32(0))}},
		"promote what spec.paused holds": {wish: promote, ro: rollout(1, byUser), refused: "nothing to promote: spec.paused holds Rollout demo/web; change it where its spec is kept, or: kubectl patch rollouts.sluice.dev web -n demo"},
		"promote past a doubt":           {wish: promote, ro: rollout(0, doubtful), want: Target{Revision: "v2", StepIndex: new(int32(0))}},
		"promote past a doubt that is waived": {
			wish: promote, refused: "goes on by itself",
			ro: rollout(0, doubtful, func(ro *v1alpha1.Rollout) { ro.Status.Release.BackgroundWaived = true }),
		},
		"promote a preview":              {wish: promote, ro: rollout(1, blueGreen), want: Target{Revision: "v2", StepIndex: new(int32(1))}},
		"promote a preview too early":    {wish: promote, ro: rollout(0, blueGreen), refused: "step 1 of 3 (bring the preview up at full size), which goes on by itself"},
		"promote in full":                {wish: full, ro: rollout(0), want: Target{Revision: "v2"}},
		"promote in full at rest":        {wish: full, ro: rollout(0, healthy), refused: "nothing to promote: no release"},
		"promote in full after an abort": {wish: full, ro: rollout(1, aborted), refused: "kubectl sluice retry rollout web -n demo"},
		"pause":                          {wish: pause, ro: rollout(0), want: Target{Revision: "v2"}},
		"pause in a pause":               {wish: pause, ro: rollout(1, inPhase), want: Target{Revision: "v2"}},
		"pause twice":                    {wish: pause, ro: rollout(0, paused), refused: "is paused already; it goes on with: kubectl sluice resume web -n demo"},
		"pause at rest":                  {wish: pause, ro: rollout(0, healthy), refused: "nothing to pause: no release"},
		"pause while switching":          {wish: pause, ro: rollout(3, switching), refused: "is promoted already and takes over"},
		"resume":                         {wish: resume, ro: rollout(0, paused), want: Target{Revision: "v2"}},
		"resume a pause step":            {wish: resume, ro: rollout(1, inPhase), refused: "nobody has asked for this pause: that is why; it ends with: kubectl sluice promote web -n demo"},
		"resume what spec.paused holds":  {wish: resume, ro: rollout(1, inPhase, byUser), refused: "spec.paused holds Rollout demo/web"},
		"resume what is not paused":      {wish: resume, ro: rollout(0), refused: "is not paused: that is why"},
		"jump back":                      {wish: jump(0), ro: rollout(2), want: Target{Revision: "v2", StepIndex: new(int32(2)), ToStep: new(int32(0))}},
		"jump forward":                   {wish: jump(2), ro: rollout(0), want: Target{Revision: "v2", StepIndex: new(int32(0)), ToStep: new(int32(2))}},
		"jump to the end":                {wish: end, ro: rollout(1), want: Target{Revision: "v2", StepIndex: new(int32(1)), ToStep: new(int32(3))}},
		"jump to where it is":            {wish: jump(1), ro: rollout(1), refused: "Rollout demo/web is at step 2 of 3 already"},
		"jump to the end from there":     {wish: end, ro: rollout(3), refused: "all 3 steps of Rollout demo/web are done already"},
		"jump too far":                   {wish: jump(4), ro: rollout(1), refused: "there is no step 5, Rollout demo/web has 3; end means behind the last of them"},
		"jump in a blue-green release":   {wish: jump(1), ro: rollout(0, blueGreen), refused: "has no steps to jump between"},
		"jump at rest":                   {wish: jump(1), ro: rollout(0, healthy), refused: "nothing to jump: no release"},
		"jump in the rollback window":    {wish: jump(1), ro: rollout(0, func(ro *v1alpha1.Rollout) { ro.Status.Release.Mode = "RollbackWindow" }), refused: "takes no steps"},
		"promote over a pending abort": {wish: promote, refused: `an abort of Rollout demo/web by "ada" is waiting`, ro: rollout(1, func(ro *v1alpha1.Rollout) {
			ro.Status.Request = &v1alpha1.RolloutRequest{ID: "2", Verb: v1alpha1.VerbAbort, By: "ada"}
			ro.Status.LastRequest = &v1alpha1.RolloutRequestOutcome{ID: "1"}
		})},
		"promote over a handled abort": {wish: promote, want: Target{Revision: "v2", StepIndex: new(int32(1))}, ro: rollout(1, func(ro *v1alpha1.Rollout) {
			ro.Status.Request = &v1alpha1.RolloutRequest{ID: "1", Verb: v1alpha1.VerbAbort, By: "ada"}
			ro.Status.LastRequest = &v1alpha1.RolloutRequestOutcome{ID: "1"}
		})},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := Judge(c.wish, c.ro)
			if c.refused == "" {
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Error(diff)
				}
				return
			}
			if _, ok := errors.AsType[*RefusedError](err); !ok || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("got %v, want a refusal that says %q", err, c.refused)
			}
		})
	}
}

func TestSynced(t *testing.T) {
	applied := func(status metav1.ConditionStatus) []metav1.Condition {
		return []metav1.Condition{{Type: v1alpha1.ConditionApplied, Status: status, Reason: "ApplyFailed", Message: "1 object"}}
	}
	gs := &v1alpha1.GitSync{ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: "shop"}}
	gs.Status = v1alpha1.GitSyncStatus{Conditions: applied(metav1.ConditionTrue), Revision: "abc", Objects: 7}
	if text, err := Synced(gs); err != nil || text != "GitSync demo/shop applied revision abc, 7 objects" {
		t.Errorf("got %q, %v", text, err)
	}
	gs.Status.Conditions = applied(metav1.ConditionFalse)
	gs.Status.LastAttemptedRevision = "def"
	gs.Status.Failures = []v1alpha1.ObjectFailure{{Object: "Service/demo/web", Message: "no ports"}}
	want := "GitSync demo/shop could not apply commit def: ApplyFailed: 1 object\n  Service/demo/web: no ports"
	if _, err := Synced(gs); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	gs.Status.Conditions = nil
	if _, err := Synced(gs); err == nil || !strings.Contains(err.Error(), "says nothing of its outcome") {
		t.Errorf("got %v", err)
	}
}
