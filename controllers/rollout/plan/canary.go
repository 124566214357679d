package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

var zeroTime time.Time

// unhealthyGrace is how long a trouble that may pass by itself, such as a registry that does not answer, is borne.
const unhealthyGrace = 30 * time.Second

// RunKey names the AnalysisRun of the step that a state is in: a step that is entered again gets a run of its own.
func RunKey(s State) string {
	return s.Candidate + "-" + strconv.Itoa(int(s.Step)) + "-" + strconv.FormatInt(s.StepStarted.UnixMicro(), 36)
}

// stepsDigest tells whether the steps that were passed are still the same.
func stepsDigest(steps []Step) string {
	if len(steps) == 0 {
		return ""
	}
	keys := make([]string, len(steps))
	for i, s := range steps {
		keys[i] = s.Key
	}
	sum := sha256.Sum256([]byte(strings.Join(keys, "\n")))
	return hex.EncodeToString(sum[:8])
}

func (e *engine) enterStep(index int32) {
	e.s.Step, e.s.StepStarted = index, e.now
	e.s.PassedSteps = stepsDigest(e.spec.Steps[:index])
	e.s.MostAvailable, e.s.ProgressedAt = 0, zeroTime
}

// step is the step that is being worked on; none when all are done.
func (e *engine) step() (Step, bool) {
	if int(e.s.Step) >= len(e.spec.Steps) {
		return Step{}, false
	}
	return e.spec.Steps[e.s.Step], true
}

// stepShare is the share that the position asks for: the last weight that was set, and all of it after the last step.
func (e *engine) stepShare() int32 {
	if int(e.s.Step) >= len(e.spec.Steps) {
		return 100
	}
	var share int32
	for _, s := range e.spec.Steps[:e.s.Step+1] {
		if s.Kind == StepSetWeight {
			share = s.Weight
		}
	}
	return share
}

// judge aborts a release whose analysis failed, whose pods do not work, or that is stuck. After the commit of the
// promotion there is nothing to abort any more.
func (e *engine) judge() {
	if e.s.Candidate == "" || e.switching() {
		return
	}
	e.reposition()
	rs, _ := e.replicaSet(e.s.Candidate)
	if run, ok := e.run(); ok && run.Phase == RunFailed {
		e.abort("AnalysisFailed", run.Key, "analysis of step "+e.stepText()+" failed: "+run.Message)
		return
	}
	if why, bad := e.podsUnhealthy(rs); bad {
		e.abort("PodsUnhealthy", "", why)
		return
	}
	e.watchProgress(rs)
}

func (e *engine) stepText() string {
	return strconv.Itoa(int(e.s.Step)+1) + "/" + strconv.Itoa(len(e.spec.Steps))
}

// reposition goes back to the first step when the steps that were passed have changed. Nothing is rolled.
func (e *engine) reposition() {
	if int(e.s.Step) <= len(e.spec.Steps) && e.s.PassedSteps == stepsDigest(e.spec.Steps[:e.s.Step]) {
		return
	}
	e.note("StepsChanged", "the steps that were passed have changed: starting again at the first")
	e.enterStep(0)
}

// run is the AnalysisRun of the step that is being worked on.
func (e *engine) run() (Run, bool) {
	step, ok := e.step()
	if !ok || step.Kind != StepAnalysis {
		return Run{}, false
	}
	key := RunKey(e.s)
	for _, r := range e.seen.Runs {
		if r.Key == key {
			return r, true
		}
	}
	return Run{}, false
}

// podsUnhealthy says whether the candidate's pods do not work, in a way in which the stable revision's do.
func (e *engine) podsUnhealthy(rs ReplicaSet) (string, bool) {
	if rs.Unhealthy.Reason == "" {
		return "", false
	}
	if stable, _ := e.replicaSet(e.s.Stable); stable.Unhealthy.Reason == rs.Unhealthy.Reason {
		e.wait("%s, as in the stable revision: %s", rs.Unhealthy.Reason, rs.Unhealthy.Message)
		return "", false
	}
	if !rs.Unhealthy.Since.IsZero() && !e.passed(rs.Unhealthy.Since, unhealthyGrace) {
		e.wait("%s: %s", rs.Unhealthy.Reason, rs.Unhealthy.Message)
		return "", false
	}
	return rs.Unhealthy.Reason + ": " + rs.Unhealthy.Message, true
}

// watchProgress keeps the high-water mark of available pods, so that a pod that comes and goes is no progress.
func (e *engine) watchProgress(rs ReplicaSet) {
	if rs.Available > e.s.MostAvailable {
		e.s.MostAvailable, e.s.ProgressedAt = rs.Available, e.now
	}
	need := e.podsFor(e.stepShare())
	silent := e.s.Traffic.AckedAt.IsZero() && e.s.Traffic.Asked == e.stepShare()
	if (e.s.MostAvailable >= need && !silent) || e.spec.ProgressDeadline == 0 {
		return
	}
	since := e.s.StepStarted
	if e.s.ProgressedAt.After(since) {
		since = e.s.ProgressedAt
	}
	if !e.passed(since, e.spec.ProgressDeadline) {
		return
	}
	message := fmt.Sprintf("no further pod became available for %s: %d of %d available", e.spec.ProgressDeadline, rs.Available, need)
	if e.s.MostAvailable >= need {
		message = fmt.Sprintf("weight %d has not been acknowledged for %s", e.s.Traffic.Asked, e.spec.ProgressDeadline)
	}
	if e.spec.ProgressDeadlineAbort {
		e.abort("ProgressDeadlineExceeded", "", message)
		return
	}
	e.plan.Summary.Reason = stuckReason
	e.waits = append([]string{message}, e.waits...)
}

const stuckReason = "ProgressDeadlineExceeded"

// advance passes at most one step, or commits the promotion when all are done.
func (e *engine) advance() {
	if e.s.Candidate == "" || e.switching() || e.spec.Problem != nil {
		return
	}
	step, ok := e.step()
	if !ok {
		e.commit()
		return
	}
	if e.stepDone(step) {
		e.passStep()
	}
}

func (e *engine) passStep() {
	e.note("StepCompleted", "step %s of revision %s is done", e.stepText(), e.s.Candidate)
	e.enterStep(e.s.Step + 1)
	// The next step is looked at by a plan of its own.
	e.plan.WakeAt = e.now
}

// stepDone says that a step is done. No step is passed while the share that it works at is not in place.
func (e *engine) stepDone(step Step) bool {
	if e.missing = e.weightMissing(e.stepShare()); e.missing != "" {
		return false
	}
	switch step.Kind {
	case StepSetWeight:
		return true
	case StepPause:
		return e.pauseDone(step)
	case StepAnalysis:
		return e.analysisDone()
	}
	return false
}

func (e *engine) pauseDone(step Step) bool {
	if step.Indefinite {
		e.wait("paused at step %s until somebody promotes", e.stepText())
		return false
	}
	if e.passed(e.s.StepStarted, step.Duration) {
		return true
	}
	e.wait("paused at step %s for %s", e.stepText(), step.Duration)
	return false
}

func (e *engine) analysisDone() bool {
	run, ok := e.run()
	switch {
	case ok && run.Phase == RunSuccessful:
		return true
	case ok && run.Phase == RunInconclusive:
		e.wait("analysis of step %s is inconclusive: %s; promote or abort", e.stepText(), run.Message)
	default:
		e.wait("analysis of step %s is running", e.stepText())
	}
	return false
}

// weightMissing says what is missing for a share to be in place: asked for, acknowledged, and carried by enough pods.
// Empty means nothing.
func (e *engine) weightMissing(share int32) string {
	rs, _ := e.replicaSet(e.s.Candidate)
	t := e.s.Traffic
	if e.spec.Replicas == 0 {
		return ""
	}
	if need := e.podsFor(share); rs.Available < need {
		return fmt.Sprintf("waiting for the pods of revision %s: %d of %d available", e.s.Candidate, rs.Available, need)
	}
	if t.Asked != share || t.AckedAt.IsZero() {
		return fmt.Sprintf("weight %d for revision %s is on its way", share, e.s.Candidate)
	}
	return ""
}
