package cli

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

const (
	hash1, hash2, hash3 = "1111111111", "2222222222", "3333333333"
	commit2             = "abcdef0123456789abcdef0123456789abcdef01"
)

func status(phase v1alpha1.RolloutPhase, current, stable string, change ...func(*v1alpha1.RolloutStatus)) *v1alpha1.Rollout {
	ro := &v1alpha1.Rollout{
		ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: "web", Generation: 1},
		Status: v1alpha1.RolloutStatus{
			ObservedGeneration: 1, Phase: phase, Message: "why", CurrentRevision: current, StableRevision: stable,
		},
	}
	for _, c := range change {
		c(&ro.Status)
	}
	return ro
}

func TestQuestion(t *testing.T) {
	rejected := func(s *v1alpha1.RolloutStatus) {
		s.Rejected = []v1alpha1.RejectedRevision{{Revision: hash2, Commit: commit2, Reason: "AnalysisFailed", Message: "bad"}}
	}
	retried := func(s *v1alpha1.RolloutStatus) {
		rejected(s)
		s.Release = &v1alpha1.ReleaseStatus{Revision: hash2}
	}
	behind := func(s *v1alpha1.RolloutStatus) { s.ObservedGeneration = 0 }
	unchecked := func(s *v1alpha1.RolloutStatus) {
		s.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionInvalid, Status: metav1.ConditionUnknown}}
	}
	commit := func(s *v1alpha1.RolloutStatus) { s.Commit = commit2 }
	ended := func(outcome v1alpha1.ReleaseOutcome) func(*v1alpha1.RolloutStatus) {
		return func(s *v1alpha1.RolloutStatus) {
			s.History = []v1alpha1.ReleaseRecord{{Revision: hash3, Outcome: v1alpha1.OutcomePromoted}, {Revision: hash2, Commit: commit2, Outcome: outcome, Message: "so"}}
		}
	}
	const progressing, healthy, degraded = v1alpha1.RolloutProgressing, v1alpha1.RolloutHealthy, v1alpha1.RolloutDegraded
	const waiting = -1
	cases := map[string]struct {
		revision string
		// seen are the states one after the other; the answer is to the last.
		seen []*v1alpha1.Rollout
		code int
		text string
	}{
		"nothing known":           {"", []*v1alpha1.Rollout{status("", "", "")}, waiting, "waiting for the controller"},
		"healthy":                 {"", []*v1alpha1.Rollout{status(healthy, hash2, hash2)}, ExitDone, "Healthy: why"},
		"healthy before":          {"", []*v1alpha1.Rollout{status(healthy, hash1, hash1, behind)}, waiting, "newest spec"},
		"on its way":              {"", []*v1alpha1.Rollout{status(progressing, hash2, hash1)}, waiting, "Progressing: why"},
		"degraded":                {"", []*v1alpha1.Rollout{status(degraded, hash2, hash1)}, ExitFailed, "Degraded: why"},
		"not checked yet":         {"", []*v1alpha1.Rollout{status(degraded, hash2, hash1, unchecked)}, waiting, "Degraded: why"},
		"not here":                {hash2, []*v1alpha1.Rollout{status(healthy, hash1, hash1)}, waiting, "is not here yet"},
		"not here, other bad":     {hash3, []*v1alpha1.Rollout{status(degraded, hash2, hash1, rejected)}, waiting, "is not here yet"},
		"wanted":                  {hash2, []*v1alpha1.Rollout{status(progressing, hash2, hash1)}, waiting, "Progressing"},
		"wanted, begun by prefix": {"2222222", []*v1alpha1.Rollout{status(healthy, hash2, hash2)}, ExitDone, "is stable"},
		"committed, not all over": {hash2, []*v1alpha1.Rollout{status(progressing, hash2, hash2)}, waiting, "Progressing"},
		"stable, next on its way": {hash1, []*v1alpha1.Rollout{status(progressing, hash2, hash1)}, ExitDone, "revision 1111111111 is stable; revision 2222222222 is wanted since"},
		"rejected":                {hash2, []*v1alpha1.Rollout{status(degraded, hash2, hash1, rejected)}, ExitFailed, "was rejected: AnalysisFailed: bad"},
		"rejected and retried":    {hash2, []*v1alpha1.Rollout{status(progressing, hash2, hash1, retried)}, waiting, "Progressing"},
		"degraded, not rejected":  {hash2, []*v1alpha1.Rollout{status(degraded, hash2, hash1)}, ExitFailed, "Degraded"},
		"superseded":              {hash2, []*v1alpha1.Rollout{status(progressing, hash2, hash1), status(progressing, hash3, hash1)}, ExitFailed, "superseded by 3333333333"},
		"commit":                  {commit2[:7], []*v1alpha1.Rollout{status(healthy, hash2, hash2, commit)}, ExitDone, "revision 2222222222 is stable"},
		"commit in capitals":      {strings.ToUpper(commit2[:9]), []*v1alpha1.Rollout{status(progressing, hash2, hash1, commit)}, waiting, "Progressing"},
		"commit gone by":          {commit2, []*v1alpha1.Rollout{status(healthy, hash1, hash1, ended(v1alpha1.OutcomeSuperseded))}, ExitFailed, "revision 2222222222 did not become stable (Superseded, so): Healthy"},
		"commit promoted before":  {commit2[:7], []*v1alpha1.Rollout{status(progressing, hash1, hash3, ended(v1alpha1.OutcomePromoted))}, ExitDone, "revision 2222222222 was promoted; revision 1111111111 is wanted since"},
		"hash gone by":            {hash2, []*v1alpha1.Rollout{status(healthy, hash1, hash1, ended(v1alpha1.OutcomePromoted))}, waiting, "is not here yet"},
		"commit rejected":         {commit2, []*v1alpha1.Rollout{status(healthy, hash1, hash1, rejected)}, ExitFailed, "was rejected"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			q := &question{revision: c.revision}
			var got verdict
			for _, ro := range c.seen {
				got = q.answer(ro)
			}
			if got.final != (c.code != waiting) || (got.final && got.code != c.code) || !strings.Contains(got.text, c.text) {
				t.Errorf("got %+v, want code %d and %q", got, c.code, c.text)
			}
		})
	}
}
