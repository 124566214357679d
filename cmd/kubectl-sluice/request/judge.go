package request

import (
	"fmt"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// Target is what a request is made for.
type Target struct {
	// Revision is the hash of the revision.
	Revision string
	// StepIndex is the index of the step, from 0; nil for verbs that are not about a step.
	StepIndex *int32
}

// RefusedError says that a request was not sent or not accepted, in a sentence for the person who made it.
type RefusedError struct {
	// Message says why, and what to do.
	Message string
}

func (e *RefusedError) Error() string { return e.Message }

func refuse(format string, args ...any) error {
	return &RefusedError{Message: fmt.Sprintf(format, args...)}
}

// Judge returns what the verb would be made for on the Rollout as it is. It fails with a RefusedError where there is
// plainly nothing to ask for; all else is for the controller to decide.
func Judge(verb v1alpha1.RolloutVerb, ro *v1alpha1.Rollout) (Target, error) {
	name := ro.Namespace + "/" + ro.Name
	if ro.DeletionTimestamp != nil {
		return Target{}, refuse("cannot %s: Rollout %s is being deleted", verb, name)
	}
	if ro.Status.Phase == "" {
		return Target{}, refuse("cannot %s: the controller has not looked at Rollout %s yet; is it running? "+
			"See: kubectl get pods -n sluice-system", verb, name)
	}
	if other := pending(ro); other != nil && other.Verb == v1alpha1.VerbAbort && verb != v1alpha1.VerbAbort {
		return Target{}, refuse("cannot %s: an abort of Rollout %s by %q is waiting for the controller; "+
			"a later request would put it aside", verb, name, other.By)
	}
	switch verb {
	case v1alpha1.VerbPromote:
		return judgePromote(name, ro)
	case v1alpha1.VerbAbort:
		return judgeAbort(name, ro)
	case v1alpha1.VerbRetry:
		return judgeRetry(name, ro)
	}
	return Target{}, fmt.Errorf("verb %q: want promote, abort or retry", verb)
}

func pending(ro *v1alpha1.Rollout) *v1alpha1.RolloutRequest {
	request, last := ro.Status.Request, ro.Status.LastRequest
	if request == nil || (last != nil && last.ID == request.ID) {
		return nil
	}
	return request
}

// released returns the revision that is on its way, and "" when none is.
func released(ro *v1alpha1.Rollout) string {
	s := &ro.Status
	if s.Canary != nil && s.Canary.Revision != "" {
		return s.Canary.Revision
	}
	if s.Abort == nil && s.CurrentRevision != s.StableRevision && s.Phase != v1alpha1.RolloutHealthy {
		return s.CurrentRevision // The controller is about to begin.
	}
	return ""
}

func nothingUnderWay(verb v1alpha1.RolloutVerb, name string, ro *v1alpha1.Rollout) error {
	s := &ro.Status
	if s.Abort != nil {
		return refuse("nothing to %s: the release of revision %s of Rollout %s was aborted (%s); "+
			"to release it again: kubectl sluice retry rollout %s -n %s",
			verb, s.Abort.Revision, name, s.Abort.Message, ro.Name, ro.Namespace)
	}
	return refuse("nothing to %s: no release of Rollout %s is under way, it is %s at revision %s%s",
		verb, name, s.Phase, s.StableRevision, because(s.Message))
}

func judgePromote(name string, ro *v1alpha1.Rollout) (Target, error) {
	s := &ro.Status
	if switching(s) {
		return Target{}, refuse("nothing to promote: revision %s of Rollout %s is promoted already and takes over%s",
			s.StableRevision, name, because(s.Message))
	}
	if s.Canary == nil || s.Canary.Revision == "" || aborting(ro) {
		return Target{}, nothingUnderWay(v1alpha1.VerbPromote, name, ro)
	}
	index := s.Canary.StepIndex
	target := Target{Revision: s.Canary.Revision, StepIndex: new(index)}
	steps := canarySteps(ro)
	if int(index) >= len(steps) {
		return Target{}, refuse("nothing to promote: all %d steps of Rollout %s are done, the promotion is under way%s",
			len(steps), name, because(s.Message))
	}
	step, at := steps[index], fmt.Sprintf("step %d of %d", index+1, len(steps))
	switch {
	case step.SetWeight != nil:
		return Target{}, refuse("nothing to promote: Rollout %s is at %s, which sets the weight to %d %% and goes on by itself%s",
			name, at, *step.SetWeight, because(s.Message))
	case step.Analysis != nil && !inconclusive(s):
		return Target{}, refuse("nothing to promote: Rollout %s is at %s, an analysis, which goes on by itself when it is Successful%s",
			name, at, because(s.Message))
	}
	return target, nil
}

func judgeAbort(name string, ro *v1alpha1.Rollout) (Target, error) {
	s := &ro.Status
	revision := released(ro)
	switch {
	case switching(s):
		return Target{}, refuse("cannot abort: the promotion of revision %s of Rollout %s is committed; "+
			"to go back, release the former version: revert the commit, or apply the former template", s.StableRevision, name)
	case aborting(ro) || revision == "":
		return Target{}, nothingUnderWay(v1alpha1.VerbAbort, name, ro)
	case s.StableRevision == "":
		return Target{}, refuse("cannot abort: revision %s is the first of Rollout %s, there is no stable one to go back to; "+
			"correct the template, or delete the Rollout", revision, name)
	}
	return Target{Revision: revision}, nil
}

func judgeRetry(name string, ro *v1alpha1.Rollout) (Target, error) {
	s := &ro.Status
	if s.Abort != nil && s.Abort.Revision != "" {
		return Target{Revision: s.Abort.Revision}, nil
	}
	for _, rejected := range s.Rejected {
		if rejected.Revision == s.CurrentRevision && s.CurrentRevision != s.StableRevision {
			return Target{Revision: rejected.Revision}, nil
		}
	}
	return Target{}, refuse("nothing to retry: no release of Rollout %s was aborted, it is %s%s", name, s.Phase, because(s.Message))
}

// aborting says whether the wanted revision is the one whose release was aborted.
func aborting(ro *v1alpha1.Rollout) bool {
	s := &ro.Status
	return s.Abort != nil && (s.Canary == nil || s.Canary.Revision == "" || s.Canary.Revision == s.Abort.Revision)
}

// switching says whether a promotion is committed and the stable Service is taking over.
func switching(s *v1alpha1.RolloutStatus) bool {
	return s.Canary != nil && s.Canary.SwitchingFrom != ""
}

func inconclusive(s *v1alpha1.RolloutStatus) bool {
	return s.Phase == v1alpha1.RolloutPaused ||
		(s.Canary.AnalysisRun != nil && s.Canary.AnalysisRun.Phase == v1alpha1.AnalysisInconclusive)
}

func canarySteps(ro *v1alpha1.Rollout) []v1alpha1.CanaryStep {
	if ro.Spec.Strategy.Canary == nil {
		return nil
	}
	return ro.Spec.Strategy.Canary.Steps
}

func because(message string) string {
	if message == "" {
		return ""
	}
	return ": " + message
}
