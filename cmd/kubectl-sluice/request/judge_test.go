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
			Canary: &v1alpha1.CanaryStatus{Revision: "v2", StepIndex: step},
		},
	}
	for _, c := range change {
		c(ro)
	}
	return ro
}

func healthy(ro *v1alpha1.Rollout) {
	ro.Status.Phase, ro.Status.StableRevision, ro.Status.Canary = v1alpha1.RolloutHealthy, "v2", nil
}

func aborted(ro *v1alpha1.Rollout) {
	ro.Status.Phase = v1alpha1.RolloutDegraded
	ro.Status.Canary = &v1alpha1.CanaryStatus{}
	ro.Status.Abort = &v1alpha1.AbortStatus{Revision: "v2", Message: "metric failed"}
	ro.Status.Rejected = []v1alpha1.RejectedRevision{{Revision: "v2"}}
}

func TestJudge(t *testing.T) {
	const promote, abort, retry = v1alpha1.VerbPromote, v1alpha1.VerbAbort, v1alpha1.VerbRetry
	first := func(ro *v1alpha1.Rollout) { ro.Status.StableRevision = "" }
	switching := func(ro *v1alpha1.Rollout) {
		ro.Status.StableRevision, ro.Status.Canary.SwitchingFrom = "v2", "v1"
	}
	cases := map[string]struct {
		verb v1alpha1.RolloutVerb
		ro   *v1alpha1.Rollout
		want Target
		// refused is what the refusal says; empty means that there is none.
		refused string
	}{
		"promote in a pause":      {verb: promote, ro: rollout(1), want: Target{Revision: "v2", StepIndex: new(int32(1))}},
		"promote inconclusive":    {verb: promote, ro: rollout(2, func(ro *v1alpha1.Rollout) { ro.Status.Phase = v1alpha1.RolloutPaused }), want: Target{Revision: "v2", StepIndex: new(int32(2))}},
		"promote in a weight":     {verb: promote, ro: rollout(0), refused: "step 1 of 3, which sets the weight to 20 % and goes on by itself: that is why"},
		"promote in an analysis":  {verb: promote, ro: rollout(2), refused: "step 3 of 3, an analysis, which goes on by itself when it is Successful"},
		"promote after the end":   {verb: promote, ro: rollout(3), refused: "all 3 steps of Rollout demo/web are done"},
		"promote at rest":         {verb: promote, ro: rollout(0, healthy), refused: "no release of Rollout demo/web is under way, it is Healthy at revision v2"},
		"promote while switching": {verb: promote, ro: rollout(3, switching), refused: "is promoted already"},
		"promote after an abort":  {verb: promote, ro: rollout(1, aborted), refused: "was aborted (metric failed); to release it again: kubectl sluice retry rollout web -n demo"},
		"abort":                   {verb: abort, ro: rollout(0), want: Target{Revision: "v2"}},
		"abort before the first step": {
			verb: abort, ro: rollout(0, func(ro *v1alpha1.Rollout) { ro.Status.Canary = nil }),
			want: Target{Revision: "v2"},
		},
		"abort at rest":         {verb: abort, ro: rollout(0, healthy), refused: "nothing to abort: no release"},
		"abort after an abort":  {verb: abort, ro: rollout(0, aborted), refused: "was aborted"},
		"abort while switching": {verb: abort, ro: rollout(3, switching), refused: "committed; to go back, release the former version"},
		"abort the first":       {verb: abort, ro: rollout(0, first), refused: "there is no stable one to go back to"},
		"retry":                 {verb: retry, ro: rollout(0, aborted), want: Target{Revision: "v2"}},
		"retry what is held": {
			verb: retry, ro: rollout(0, aborted, func(ro *v1alpha1.Rollout) { ro.Status.Abort = nil }),
			want: Target{Revision: "v2"},
		},
		"retry at rest":     {verb: retry, ro: rollout(0, healthy), refused: "nothing to retry: no release of Rollout demo/web was aborted, it is Healthy"},
		"unknown Rollout":   {verb: abort, ro: rollout(0, func(ro *v1alpha1.Rollout) { ro.Status = v1alpha1.RolloutStatus{} }), refused: "has not looked at"},
		"Rollout that goes": {verb: abort, ro: rollout(0, func(ro *v1alpha1.Rollout) { ro.DeletionTimestamp = new(metav1.Now()) }), refused: "is being deleted"},
		"promote over a pending abort": {verb: promote, refused: `an abort of Rollout demo/web by "ada" is waiting`, ro: rollout(1, func(ro *v1alpha1.Rollout) {
			ro.Status.Request = &v1alpha1.RolloutRequest{ID: "2", Verb: abort, By: "ada"}
			ro.Status.LastRequest = &v1alpha1.RolloutRequestOutcome{ID: "1"}
		})},
		"promote over a handled abort": {verb: promote, want: Target{Revision: "v2", StepIndex: new(int32(1))}, ro: rollout(1, func(ro *v1alpha1.Rollout) {
			ro.Status.Request = &v1alpha1.RolloutRequest{ID: "1", Verb: abort, By: "ada"}
			ro.Status.LastRequest = &v1alpha1.RolloutRequestOutcome{ID: "1"}
		})},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := Judge(c.verb, c.ro)
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
