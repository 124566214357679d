package plan

import (
	"fmt"
	"slices"
)

// answerRequest carries out what a person asks for, or refuses it where it does not fit what is going on.
func (e *engine) answerRequest() {
	r := e.seen.Request
	if r.ID == "" || r.ID == e.s.Answered {
		return
	}
	message, accepted := e.answer(r)
	e.s.Answered = r.ID
	e.s.Answer = Answer{Verb: r.Verb, By: r.By, Accepted: accepted, Message: message, At: e.now}
	if accepted {
		e.note("RequestAccepted", "%s: %s", r.Verb, message)
		return
	}
	e.warn("RequestRefused", "%s: %s", r.Verb, message)
}

func (e *engine) answer(r Request) (string, bool) {
	switch r.Verb {
	case VerbPromote:
		return e.answerPromote(r)
	case VerbAbort:
		return e.answerAbort(r)
	case VerbRetry:
		return e.answerRetry(r)
	case VerbPause, VerbResume, VerbJump:
		if e.s.Candidate == "" || r.Revision != e.s.Candidate {
			return notReleased(r), false
		}
		e.reposition()
		return e.answerInRelease(r)
	}
	return fmt.Sprintf("the verb %q is not known", r.Verb), false
}

func notReleased(r Request) string {
	return fmt.Sprintf("it was made for revision %s, which is not being released", r.Revision)
}

func (e *engine) answerInRelease(r Request) (string, bool) {
	switch {
	case r.Verb == VerbPause && e.s.Paused:
		return "the release is paused already", false
	case r.Verb == VerbPause:
		e.s.Paused = true
		return fmt.Sprintf("the release of revision %s is paused at %s", e.s.Candidate, e.stepText()), true
	case r.Verb == VerbJump:
		return e.answerJump(r)
	case e.s.Paused:
		e.s.Paused = false
		return fmt.Sprintf("the release of revision %s goes on", e.s.Candidate), true
	case e.spec.Paused:
		return "it is spec.paused that holds the release; change it there", false
	}
	return "nobody has asked for a pause; a pause step is passed by promote", false
}

func (e *engine) answerJump(r Request) (string, bool) {
	switch {
	case e.spec.BlueGreen:
		return "a blue-green release has no steps to jump between", false
	case e.s.Mode == ModeRollbackWindow:
		return "the release goes back to a recent revision and takes no steps", false
	case r.Step != e.s.Step:
		return fmt.Sprintf("it was made for step %d, and the release is at %s", r.Step+1, e.stepText()), false
	case r.To < 0 || int(r.To) > len(e.spec.Steps):
		return fmt.Sprintf("there is no step %d; the release has %d", r.To+1, len(e.spec.Steps)), false
	case r.To == e.s.Step:
		return fmt.Sprintf("the release is at %s already", e.stepText()), false
	case e.spec.Problem != nil && r.To > e.s.Step:
		return e.mendFirst(), false
	}
	from := e.stepText()
	e.s.Mode = ModeSteps
	e.enterStep(r.To)
	return fmt.Sprintf("the release of revision %s goes from %s to %s", e.s.Candidate, from, e.stepText()), true
}

func (e *engine) mendFirst() string {
	return "nothing moves forward before this is mended: " + e.spec.Problem.Message
}

func (e *engine) answerPromote(r Request) (string, bool) {
	if e.s.Candidate == "" || r.Revision != e.s.Candidate {
		return notReleased(r), false
	}
	e.reposition()
	switch {
	case e.spec.Problem != nil:
		return e.mendFirst(), false
	case e.spec.Paused:
		return "spec.paused holds the release; change it there", false
	case r.Full:
		return e.answerFull(r)
	case r.Step != e.s.Step:
		return fmt.Sprintf("it was made for step %d, and the release is at %s", r.Step+1, e.stepText()), false
	}
	return e.answerStep()
}

// answerFull lets the release pass all of its pauses. Analysis decides on, unless that is to be skipped too.
func (e *engine) answerFull(r Request) (string, bool) {
	mode, message := ModeFull, "revision %s is promoted without further pauses; analysis still decides"
	if r.SkipAnalysis {
		mode, message = ModeFullSkipAnalysis, "revision %s is promoted without further pauses and analysis"
	}
	if e.s.Mode == mode {
		return "somebody asked for it before", false
	}
	e.s.Mode, e.s.Paused = mode, false
	return fmt.Sprintf(message, e.s.Candidate), true
}

// answerStep passes what waits for a person at the step that the release is at.
func (e *engine) answerStep() (string, bool) {
	step, ok := e.step()
	run, _ := e.run()
	e.doubtBackground()
	resumed, doubted := e.s.Paused, e.doubt != ""
	if resumed || doubted {
		e.s.Paused, e.doubt = false, ""
		e.s.BackgroundWaived = e.s.BackgroundWaived || doubted
	}
	switch {
	case ok && step.Kind == StepPause, ok && step.Kind == StepAnalysis && run.Phase == RunInconclusive:
		message := fmt.Sprintf("%s of revision %s is passed", e.stepText(), e.s.Candidate)
		e.passStep()
		return message, true
	case resumed || doubted:
		return fmt.Sprintf("the release of revision %s goes on", e.s.Candidate), true
	case !ok:
		return "all steps are done", false
	case step.Kind == StepAnalysis:
		return fmt.Sprintf("the analysis of %s has not ended; it decides", e.stepText()), false
	}
	return e.stepText() + " does not wait for anybody: its pods and its weight are on their way", false
}

func (e *engine) answerAbort(r Request) (string, bool) {
	if e.s.Stable != "" && r.Revision == e.s.Stable {
		return fmt.Sprintf("revision %s is promoted already; put the former pod template back to undo it", r.Revision), false
	}
	if r.Revision == e.spec.Revision && e.s.Stable != "" && !e.rejected(r.Revision) {
		// It may come before the release has begun.
		if e.s.Candidate != r.Revision {
			e.withdraw(Superseded, "revision "+r.Revision+" is wanted")
			e.s.ReleaseStarted = e.now
		}
		e.s.Candidate = r.Revision
	}
	if e.s.Candidate == "" || r.Revision != e.s.Candidate {
		return notReleased(r), false
	}
	by := "somebody"
	if r.By != "" {
		by = r.By
	}
	why := by + " asked for it"
	if r.Reason != "" {
		why += ": " + r.Reason
	}
	e.abort("Requested", "", why)
	return fmt.Sprintf("the release of revision %s is aborted", r.Revision), true
}

func (e *engine) answerRetry(r Request) (string, bool) {
	if r.Revision != e.spec.Revision {
		return fmt.Sprintf("it was made for revision %s, and the spec wants %s", r.Revision, e.spec.Revision), false
	}
	if !e.rejected(r.Revision) {
		return fmt.Sprintf("revision %s is not rejected", r.Revision), false
	}
	// The state is a copy of what was seen (clone), so that it may be changed in place.
	e.s.Rejected = slices.DeleteFunc(e.s.Rejected, func(rejected string) bool { return rejected == r.Revision })
	e.s.Abort = Abort{}
	return fmt.Sprintf("revision %s is released again", r.Revision), true
}
