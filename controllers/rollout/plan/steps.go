package plan

import "fmt"

// advance passes at most one step, and those that a full promotion skips, or commits the promotion when all are done.
func (e *engine) advance() {
	if e.s.Candidate == "" {
		return
	}
	if e.held() {
		e.waitHeld()
		return
	}
	step, ok := e.step()
	for ok && e.skips(step) {
		e.passStep()
		step, ok = e.step()
	}
	switch {
	case !ok:
		e.commit()
	case e.stepDone(step):
		e.passStep()
	}
}

// waitHeld says why the release does not move forward.
func (e *engine) waitHeld() {
	switch {
	case e.spec.Problem != nil:
	case e.spec.Paused:
		e.wait("paused at %s by spec.paused", e.stepText())
	case e.s.Paused:
		e.wait("paused at %s by request until somebody resumes", e.stepText())
	default:
		e.wait("%s", e.doubt)
	}
}

func (e *engine) passStep() {
	e.note("StepCompleted", "%s of revision %s is done", e.stepText(), e.s.Candidate)
	e.enterStep(e.s.Step + 1)
	if next, ok := e.step(); ok && next.Kind == StepPause && !e.skips(next) && (next.Indefinite || next.Duration > 0) {
		e.pauseDone(next)
		return
	}
	// The next step is looked at by a plan of its own.
	e.plan.WakeAt = e.now
}

// stepDone says that a step is done. No step is passed while the share that it works at is not in place.
func (e *engine) stepDone(step Step) bool {
	if e.missing = e.shareMissing(e.stepShare()); e.missing != "" {
		return false
	}
	switch step.Kind {
	case StepSetWeight:
		return true
	case StepScale:
		return e.scaleDone()
	case StepPause:
		return e.pauseDone(step)
	case StepAnalysis:
		return e.analysisDone()
	}
	return false
}

// skips says that a full promotion passes a step: every pause, the analysis where that was asked for, and a weight or
// a size that no analysis looks at.
func (e *engine) skips(step Step) bool {
	if e.s.Mode != ModeFull && e.s.Mode != ModeFullSkipAnalysis {
		return false
	}
	switch step.Kind {
	case StepPause:
		return true
	case StepAnalysis:
		return e.s.Mode == ModeFullSkipAnalysis
	case StepSetWeight, StepScale:
	}
	for _, s := range e.spec.Steps[e.s.Step+1:] {
		if s.Kind == StepAnalysis && e.s.Mode == ModeFull {
			return false
		}
		if s.Kind == StepSetWeight {
			return true
		}
	}
	return step.Kind == StepScale || step.Weight == 100 || !e.spec.BlueGreen
}

func (e *engine) scaleDone() bool {
	rs, _ := e.replicaSet(e.s.Candidate)
	if need := e.needed(); !rs.Settled || rs.Available < need {
		e.missing = fmt.Sprintf("waiting for the pods of revision %s: %d of %d available", e.s.Candidate, rs.Available, need)
		return false
	}
	return true
}

func (e *engine) pauseDone(step Step) bool {
	if step.Indefinite {
		e.wait("paused at %s until somebody promotes", e.stepText())
		return false
	}
	if e.passed(e.s.StepStarted, step.Duration) {
		return true
	}
	e.wait("paused at %s for %s", e.stepText(), step.Duration)
	return false
}

func (e *engine) analysisDone() bool {
	run, ok := e.run()
	switch {
	case ok && run.Phase == RunSuccessful:
		return true
	case ok && run.Phase == RunInconclusive:
		e.wait("analysis of %s is inconclusive: %s; promote or abort", e.stepText(), run.Message)
	default:
		e.wait("analysis of %s is running", e.stepText())
	}
	return false
}

// shareMissing says what is missing for a share to be in place: asked for, taken up, and carried by enough pods. Empty
// means nothing.
func (e *engine) shareMissing(share int32) string {
	rs, _ := e.replicaSet(e.s.Candidate)
	t := e.s.Traffic
	if e.spec.Replicas == 0 {
		return ""
	}
	if e.spec.Mover == ByReplicas {
		return e.podsMissing(rs)
	}
	if need := min(e.enough(e.podsFor(share)), e.needed()); rs.Available < need {
		return fmt.Sprintf("waiting for the pods of revision %s: %d of %d available", e.s.Candidate, rs.Available, need)
	}
	if e.spec.Mover == BySelector && t.Asked == share && t.AckedAt.IsZero() {
		return "waiting for the endpoints of the stable Service to be those of revision " + e.target() + " alone"
	}
	if t.Asked != share || t.AckedAt.IsZero() {
		return fmt.Sprintf("weight %d for revision %s is on its way", share, e.s.Candidate)
	}
	return ""
}

// podsMissing says which revision does not have the pods that carry the share yet.
func (e *engine) podsMissing(rs ReplicaSet) string {
	canary, stable := split(e.stepShare(), e.spec.Replicas, e.spec.Surge)
	if e.s.Traffic.Asked != e.stepShare() || rs.Desired != canary || rs.Available < e.enough(canary) {
		return fmt.Sprintf("waiting for the pods of revision %s: %d of %d available", e.s.Candidate, rs.Available, canary)
	}
	for _, other := range e.seen.ReplicaSets {
		keep := int32(0)
		if other.Revision == e.s.Stable {
			keep = stable
		}
		if other.Revision != e.s.Candidate && max(other.Desired, other.Pods) > keep {
			return fmt.Sprintf("waiting for pods of revision %s to go: %d of %d are left", other.Revision, other.Pods, keep)
		}
	}
	return ""
}
