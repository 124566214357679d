package rollout

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// readState is what the engine wrote last, taken from the status.
func readState(rollout string, status v1alpha1.RolloutStatus) plan.State {
	s := plan.State{Stable: status.StableRevision, WorkloadScaledFor: status.WorkloadScaledFor}
	if status.RestartedAt != nil {
		s.RestartedAt = status.RestartedAt.UTC()
	}
	if c := status.Release; c != nil {
		readRelease(&s, *c)
	}
	for _, rejected := range status.Rejected {
		s.Rejected = append(s.Rejected, rejected.Revision)
	}
	if a := status.Abort; a != nil {
		s.Abort = plan.Abort{
			Revision: a.Revision, Reason: a.Reason, Message: a.Message, At: a.At.UTC(),
			Run: runKey(rollout, rejection(status, a.Revision).AnalysisRun),
		}
	}
	if last := status.LastRequest; last != nil {
		s.Answered = last.ID
		s.Answer = plan.Answer{
			Verb: plan.Verb(last.Verb), By: last.By, Accepted: last.Accepted, Message: last.Message, At: last.At.UTC(),
		}
	}
	return s
}

func readRelease(s *plan.State, c v1alpha1.ReleaseStatus) {
	s.Candidate, s.Step, s.PassedSteps, s.MostAvailable = c.Revision, c.StepIndex, c.PassedSteps, c.MostAvailable
	s.ReleaseStarted, s.Mode, s.Switched = readTime(c.StartedAt), plan.Mode(c.Mode), c.SwitchedTo
	s.Paused, s.PausedSince, s.PausedFor = c.Paused, readTime(c.PausedAt), time.Duration(c.PausedSeconds)*time.Second
	s.BackgroundWaived = c.BackgroundWaived
	s.StepStarted, s.ProgressedAt = readTime(c.StepStartedAt), readTime(c.ProgressedAt)
	if w := c.Weights; w != nil {
		s.Traffic = plan.Traffic{Asked: w.Asked, Low: w.Low, High: w.High, AckedAt: readTime(w.AcknowledgedAt)}
	}
	s.SwitchingFrom = c.SwitchingFrom
	s.StableServedAt, s.CanaryServedAt = readTime(c.StableServedAt), readTime(c.CanaryServedAt)
	s.StableClearAt = readTime(c.StableClearAt)
	for _, retiring := range sortedBy(c.Retiring, func(a, b v1alpha1.RetiringRevision) int {
		return cmp.Compare(a.Revision, b.Revision)
	}) {
		s.Retiring = append(s.Retiring, plan.Retiring{Revision: retiring.Revision, At: retiring.At.UTC()})
	}
	for _, route := range sortedBy(c.Routes, func(a, b v1alpha1.RouteOriginal) int { return cmp.Compare(a.Name, b.Name) }) {
		s.Originals = append(s.Originals, plan.Original{Name: route.Name, Rules: route.Rules})
	}
}

// writeState puts the engine's state into the status, with what people want to know of it.
func writeState(status *v1alpha1.RolloutStatus, s plan.State, o *observation, now time.Time) {
	status.Release = writeRelease(s, o)
	status.WorkloadScaledFor = s.WorkloadScaledFor
	if !s.RestartedAt.IsZero() {
		status.RestartedAt = new(metav1.NewTime(s.RestartedAt))
	}
	status.Rejected = writeRejected(s, o, now)
	if s.Abort != (plan.Abort{}) {
		status.Abort = &v1alpha1.AbortStatus{
			Revision: s.Abort.Revision, Reason: s.Abort.Reason, Message: shorten(s.Abort.Message, maxMessage),
			At: metav1.NewMicroTime(s.Abort.At),
		}
	}
	if s.Answered != "" {
		status.LastRequest = &v1alpha1.RolloutRequestOutcome{
			ID: s.Answered, Verb: v1alpha1.RolloutVerb(s.Answer.Verb), By: s.Answer.By, Accepted: s.Answer.Accepted,
			Message: shorten(s.Answer.Message, maxMessage), At: metav1.NewMicroTime(s.Answer.At),
		}
	}
}

func writeRelease(s plan.State, o *observation) *v1alpha1.ReleaseStatus {
	c := v1alpha1.ReleaseStatus{
		Revision: s.Candidate, StepIndex: s.Step, StepStartedAt: writeTime(s.StepStarted), PassedSteps: s.PassedSteps,
		ProgressedAt: writeTime(s.ProgressedAt), MostAvailable: s.MostAvailable,
		StableClearAt:  writeTime(s.StableClearAt),
		StableServedAt: writeTime(s.StableServedAt), CanaryServedAt: writeTime(s.CanaryServedAt),
		SwitchingFrom: s.SwitchingFrom, SwitchedTo: s.Switched, StartedAt: writeTime(s.ReleaseStarted), Mode: string(s.Mode),
		Paused: s.Paused, PausedAt: writeTime(s.PausedSince), PausedSeconds: wholeSeconds(s.PausedFor),
		BackgroundWaived: s.BackgroundWaived,
	}
	if s.Traffic != (plan.Traffic{}) || s.Candidate != "" {
		c.Weights = &v1alpha1.ReleaseWeights{
			Asked: s.Traffic.Asked, Low: s.Traffic.Low, High: s.Traffic.High,
			AcknowledgedAt: writeTime(s.Traffic.AckedAt),
		}
	}
	for _, retiring := range s.Retiring {
		c.Retiring = append(c.Retiring, v1alpha1.RetiringRevision{
			Revision: retiring.Revision, At: metav1.NewMicroTime(retiring.At),
		})
	}
	for _, original := range s.Originals {
		c.Routes = append(c.Routes, v1alpha1.RouteOriginal{Name: original.Name, Rules: original.Rules})
	}
	if s.Candidate != "" {
		c.AnalysisRun = runStatus(o, plan.RunKey(s))
		c.BackgroundAnalysisRun = runStatus(o, plan.BackgroundKey(s))
	}
	if equality.Semantic.DeepEqual(c, v1alpha1.ReleaseStatus{}) {
		return nil
	}
	return &c
}

func runStatus(o *observation, key string) *v1alpha1.StepAnalysisStatus {
	for _, run := range o.runs {
		if run.Name == runName(o.rollout.Name, key) {
			return &v1alpha1.StepAnalysisStatus{
				Name: run.Name, Phase: run.Status.Phase, Message: shorten(run.Status.Message, maxDetail),
			}
		}
	}
	return nil
}

// writeRejected keeps what is known of each rejected revision, and adds what the plan knows of a new one.
func writeRejected(s plan.State, o *observation, now time.Time) []v1alpha1.RejectedRevision {
	var out []v1alpha1.RejectedRevision
	for _, name := range s.Rejected {
		known := rejection(o.rollout.Status, name)
		if known.Revision == "" {
			known = newRejection(name, s.Abort, o, now)
		}
		out = append(out, known)
	}
	return out
}

func newRejection(name string, abort plan.Abort, o *observation, now time.Time) v1alpha1.RejectedRevision {
	rejected := v1alpha1.RejectedRevision{Revision: name, At: metav1.NewMicroTime(now)}
	if set := o.sets[name]; set != nil {
		rejected.Digest = set.Annotations[v1alpha1.AnnotationTemplateDigest]
		rejected.Commit = set.Annotations[v1alpha1.AnnotationCommit]
	}
	if name == o.revision.Name {
		rejected.Digest = o.revision.Digest
		rejected.Commit = o.rollout.Annotations[v1alpha1.AnnotationCommit]
	}
	if abort.Revision == name {
		rejected.Reason, rejected.Message = abort.Reason, shorten(abort.Message, maxMessage)
		rejected.At = metav1.NewMicroTime(abort.At)
		if abort.Run != "" {
			rejected.AnalysisRun = runName(o.rollout.Name, abort.Run)
		}
	}
	return rejected
}

func rejection(status v1alpha1.RolloutStatus, name string) v1alpha1.RejectedRevision {
	for _, rejected := range status.Rejected {
		if rejected.Revision == name {
			return rejected
		}
	}
	return v1alpha1.RejectedRevision{}
}

// runName is the name of the AnalysisRun of a key.
func runName(rollout, key string) string { return rollout + "-" + strings.ToLower(key) }

// runKey is the key of an AnalysisRun by its name; empty where the name is not one of this Rollout's.
func runKey(rollout, name string) string {
	key, ours := strings.CutPrefix(name, rollout+"-")
	if !ours {
		return ""
	}
	return key
}

func readRequest(request *v1alpha1.RolloutRequest) plan.Request {
	if request == nil {
		return plan.Request{}
	}
	return plan.Request{
		ID: request.ID, Verb: plan.Verb(request.Verb), Revision: request.Revision, Step: or(request.StepIndex, -1),
		Full: request.Full, SkipAnalysis: request.SkipAnalysis, To: or(request.ToStep, -1),
		By: request.By, Reason: shorten(request.Reason, maxDetail),
	}
}

func wholeSeconds(d time.Duration) int64 { return int64(d.Round(time.Second) / time.Second) }

func readTime(t *metav1.MicroTime) time.Time {
	if t == nil || t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

func writeTime(t time.Time) *metav1.MicroTime {
	if t.IsZero() {
		return nil
	}
	return new(metav1.NewMicroTime(t))
}

func sortedBy[T any](in []T, compare func(a, b T) int) []T {
	out := slices.Clone(in)
	slices.SortStableFunc(out, compare)
	return out
}
