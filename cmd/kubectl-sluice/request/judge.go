package request

import (
	"cmp"
	"fmt"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/steps"
)

// Wish is what a person wants of a release.
type Wish struct {
	// Verb is what is asked for.
	Verb v1alpha1.RolloutVerb
	// Full asks a promote to pass every pause up to the end.
	Full bool
	// SkipAnalysis asks a full promote to pass analysis too.
	SkipAnalysis bool
	// To is the index of the step, from 0, that a jump goes to; nil means the end of the steps.
	To *int32
}

// String is the wish as the command line has it.
func (w Wish) String() string {
	switch {
	case w.SkipAnalysis:
		return string(w.Verb) + " --full --skip-analysis"
	case w.Full:
		return string(w.Verb) + " --full"
	}
	return string(w.Verb)
}

// Target is what a request is made for.
type Target struct {
	// Revision is the hash of the revision.
	Revision string
	// StepIndex is the index of the step, from 0; nil for what is not about a step.
	StepIndex *int32
	// ToStep is the index of the step that a jump goes to; nil for the other verbs.
	ToStep *int32
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

// Judge returns what the wish would be made for on the Rollout as it is. It fails with a RefusedError where there is
// plainly nothing to ask for; all else is for the controller to decide.
func Judge(wish Wish, ro *v1alpha1.Rollout) (Target, error) {
	verb, name := wish.Verb, ro.Namespace+"/"+ro.Name
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
		return judgePromote(wish, name, ro)
	case v1alpha1.VerbAbort:
		return judgeAbort(name, ro)
	case v1alpha1.VerbRetry:
		return judgeRetry(name, ro)
	case v1alpha1.VerbPause:
		return judgePause(name, ro)
	case v1alpha1.VerbResume:
		return judgeResume(name, ro)
	case v1alpha1.VerbJump:
		return judgeJump(wish, name, ro)
	}
	return Target{}, fmt.Errorf("verb %q: want promote, abort, retry, pause, resume or jump", verb)
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
	if s.Release != nil && s.Release.Revision != "" {
		return s.Release.Revision
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
	if s.StableRevision == "" {
		return refuse("nothing to %s: the first revision of Rollout %s takes no steps, it is stable as soon as it is available%s",
			verb, name, because(s.Message))
	}
	return refuse("nothing to %s: no release of Rollout %s is under way, it is %s at revision %s%s",
		verb, name, s.Phase, s.StableRevision, because(s.Message))
}

// inRelease fails where no release is under way that could still be steered.
func inRelease(verb v1alpha1.RolloutVerb, name string, ro *v1alpha1.Rollout) error {
	s := &ro.Status
	if switching(s) {
		return refuse("nothing to %s: revision %s of Rollout %s is promoted already and takes over%s",
			verb, s.StableRevision, name, because(s.Message))
	}
	if s.Release == nil || s.Release.Revision == "" || aborting(ro) {
		return nothingUnderWay(verb, name, ro)
	}
	return nil
}

// heldBySpec refuses what spec.paused makes useless.
func heldBySpec(verb v1alpha1.RolloutVerb, name string, ro *v1alpha1.Rollout) error {
	if !ro.Spec.Paused {
		return nil
	}
	return refuse("nothing to %s: spec.paused holds Rollout %s; change it where its spec is kept, or: "+
		"kubectl patch rollouts.sluice.dev %s -n %s --type=merge -p '{\"spec\":{\"paused\":null}}'",
		verb, name, ro.Name, ro.Namespace)
}

func judgePromote(wish Wish, name string, ro *v1alpha1.Rollout) (Target, error) {
	if err := cmp.Or(inRelease(wish.Verb, name, ro), heldBySpec(wish.Verb, name, ro)); err != nil {
		return Target{}, err
	}
	r := ro.Status.Release
	if wish.Full {
		return Target{Revision: r.Revision}, nil
	}
	target := Target{Revision: r.Revision, StepIndex: new(r.StepIndex)}
	if r.Paused || doubted(r) {
		return target, nil
	}
	index, all := int(r.StepIndex), steps.Of(ro)
	if index >= len(all) {
		return Target{}, refuse("nothing to promote: all %d steps of Rollout %s are done, the promotion is under way%s",
			len(all), name, because(ro.Status.Message))
	}
	step, at := all[index], fmt.Sprintf("step %d of %d", index+1, len(all))
	switch step.Kind {
	case steps.Weight, steps.Scale:
		return Target{}, refuse("nothing to promote: Rollout %s is at %s (%s), which goes on by itself%s",
			name, at, step.Text, because(ro.Status.Message))
	case steps.Analysis:
		if !inconclusive(ro) {
			return Target{}, refuse("nothing to promote: Rollout %s is at %s, an analysis, which goes on by itself when it is Successful%s",
				name, at, because(ro.Status.Message))
		}
	case steps.Pause, steps.Unknown:
	}
	return target, nil
}

func judgeAbort(name string, ro *v1alpha1.Rollout) (Target, error) {
	s := &ro.Status
	revision := released(ro)
	switch {
	case switching(s):
		return Target{}, refuse("cannot abort: the promotion of revision %s of Rollout %s is committed; "+
			"to go back, release the former version: revert the commit, or: kubectl sluice undo %s -n %s",
			s.StableRevision, name, ro.Name, ro.Namespace)
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

func judgePause(name string, ro *v1alpha1.Rollout) (Target, error) {
	if err := inRelease(v1alpha1.VerbPause, name, ro); err != nil {
		return Target{}, err
	}
	if ro.Status.Release.Paused {
		return Target{}, refuse("nothing to pause: the release of Rollout %s is paused already; it goes on with: "+
			"kubectl sluice resume %s -n %s", name, ro.Name, ro.Namespace)
	}
	return Target{Revision: ro.Status.Release.Revision}, nil
}

func judgeResume(name string, ro *v1alpha1.Rollout) (Target, error) {
	if err := inRelease(v1alpha1.VerbResume, name, ro); err != nil {
		return Target{}, err
	}
	r := ro.Status.Release
	if r.Paused {
		return Target{Revision: r.Revision}, nil
	}
	if err := heldBySpec(v1alpha1.VerbResume, name, ro); err != nil {
		return Target{}, err
	}
	if ro.Status.Phase == v1alpha1.RolloutPaused {
		return Target{}, refuse("nothing to resume: nobody has asked for this pause%s; it ends with: kubectl sluice promote %s -n %s",
			because(ro.Status.Message), ro.Name, ro.Namespace)
	}
	return Target{}, refuse("nothing to resume: the release of Rollout %s is not paused%s", name, because(ro.Status.Message))
}

func judgeJump(wish Wish, name string, ro *v1alpha1.Rollout) (Target, error) {
	if ro.Spec.Strategy.BlueGreen != nil {
		return Target{}, refuse("cannot jump: Rollout %s is blue-green, which has no steps to jump between; "+
			"promote --full goes to its end, abort back to its beginning", name)
	}
	if err := inRelease(v1alpha1.VerbJump, name, ro); err != nil {
		return Target{}, err
	}
	r, total := ro.Status.Release, len(steps.Of(ro))
	to := int32(total)
	if wish.To != nil {
		to = *wish.To
	}
	switch {
	case r.Mode == steps.ModeRollbackWindow:
		return Target{}, refuse("cannot jump: the release of Rollout %s goes back to a recent revision and takes no steps", name)
	case int(to) > total:
		return Target{}, refuse("cannot jump: there is no step %d, Rollout %s has %d; end means behind the last of them", to+1, name, total)
	case to == r.StepIndex && int(to) == total:
		return Target{}, refuse("nothing to jump to: all %d steps of Rollout %s are done already%s", total, name, because(ro.Status.Message))
	case to == r.StepIndex:
		return Target{}, refuse("nothing to jump to: Rollout %s is at step %d of %d already%s", name, to+1, total, because(ro.Status.Message))
	}
	return Target{Revision: r.Revision, StepIndex: new(r.StepIndex), ToStep: new(to)}, nil
}

// aborting says whether the wanted revision is the one whose release was aborted.
func aborting(ro *v1alpha1.Rollout) bool {
	s := &ro.Status
	return s.Abort != nil && (s.Release == nil || s.Release.Revision == "" || s.Release.Revision == s.Abort.Revision)
}

// switching says whether a promotion is committed and the stable Service is taking over.
func switching(s *v1alpha1.RolloutStatus) bool {
	return s.Release != nil && s.Release.SwitchingFrom != ""
}

// inconclusive says whether the analysis of the present step waits for a person.
func inconclusive(ro *v1alpha1.Rollout) bool {
	run := ro.Status.Release.AnalysisRun
	return ro.Status.Phase == v1alpha1.RolloutPaused || (run != nil && run.Phase == v1alpha1.AnalysisInconclusive)
}

// doubted says whether the analysis in the background is inconclusive and nobody has promoted past that.
func doubted(r *v1alpha1.ReleaseStatus) bool {
	return !r.BackgroundWaived && r.BackgroundAnalysisRun != nil && r.BackgroundAnalysisRun.Phase == v1alpha1.AnalysisInconclusive
}

func because(message string) string {
	if message == "" {
		return ""
	}
	return ": " + message
}
