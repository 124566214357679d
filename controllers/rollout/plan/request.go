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
	}
	return fmt.Sprintf("the verb %q is not known", r.Verb), false
}

func (e *engine) answerPromote(r Request) (string, bool) {
	if e.s.Candidate == "" || r.Revision != e.s.Candidate {
		return fmt.Sprintf("it was made for revision %s, which is not being released", r.Revision), false
	}
	e.reposition()
	if r.Step != e.s.Step {
		return fmt.Sprintf("it was made for step %d, and the release is at step %s", r.Step+1, e.stepText()), false
	}
	step, ok := e.step()
	if !ok {
		return "all steps are done", false
	}
	if e.spec.Problem != nil {
		return "nothing moves forward before this is mended: " + e.spec.Problem.Message, false
	}
	run, _ := e.run()
	switch {
	case step.Kind == StepPause, step.Kind == StepAnalysis && run.Phase == RunInconclusive:
		message := fmt.Sprintf("step %s of revision %s is passed", e.stepText(), e.s.Candidate)
		e.passStep()
		return message, true
	case step.Kind == StepAnalysis:
		return fmt.Sprintf("the analysis of step %s has not ended; it decides", e.stepText()), false
	}
	return fmt.Sprintf("step %s does not wait for anybody: its weight is on its way", e.stepText()), false
}

func (e *engine) answerAbort(r Request) (string, bool) {
	if e.s.Stable != "" && r.Revision == e.s.Stable {
		return fmt.Sprintf("revision %s is promoted already; put the former pod template back to undo it", r.Revision), false
	}
	if r.Revision == e.spec.Revision && e.s.Stable != "" && !e.rejected(r.Revision) {
		// It may come before the release has begun.
		e.s.Candidate = r.Revision
	}
	if e.s.Candidate == "" || r.Revision != e.s.Candidate {
		return fmt.Sprintf("it was made for revision %s, which is not being released", r.Revision), false
	}
	by := "somebody"
	if r.By != "" {
		by = r.By
	}
	e.abort("Requested", "", by+" asked for it")
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
