package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

var zeroTime time.Time

// unhealthyGrace is how long a trouble that may pass by itself, such as a registry that does not answer, is borne.
const unhealthyGrace = 30 * time.Second

// BackgroundKey names the AnalysisRun in the background of the release that a state is in.
func BackgroundKey(s State) string {
	return s.Candidate + "-bg-" + strconv.FormatInt(s.ReleaseStarted.UnixMicro(), 36)
}

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
	rs, _ := e.replicaSet(e.s.Candidate)
	e.s.MostAvailable, e.s.ProgressedAt, e.progressed = rs.Available, zeroTime, 0
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
	if e.s.Candidate == "" {
		return
	}
	e.reposition()
	rs, _ := e.replicaSet(e.s.Candidate)
	if run, ok := e.run(); ok && run.Phase == RunFailed {
		e.abort("AnalysisFailed", run.Key, "analysis of "+e.stepText()+" failed: "+run.Message)
		return
	}
	if run, ok := e.background(); ok && run.Phase == RunFailed {
		e.abort("AnalysisFailed", run.Key, "analysis in the background failed: "+run.Message)
		return
	}
	if why, bad := e.podsUnhealthy(rs); bad {
		e.abort("PodsUnhealthy", "", why)
		return
	}
	e.doubtBackground()
	e.watchProgress(rs, e.needed(), e.s.StepStarted)
}

// background is the AnalysisRun in the background of the release.
func (e *engine) background() (Run, bool) {
	if !e.backgroundWanted() {
		return Run{}, false
	}
	return e.findRun(BackgroundKey(e.s))
}

// backgroundWanted says that the release is judged in the background: from the step at which that begins, and then to the
// end, also where somebody has jumped back.
func (e *engine) backgroundWanted() bool {
	if e.spec.Background.Key == "" || e.s.Candidate == "" || e.s.Mode == ModeFullSkipAnalysis || e.s.Mode == ModeRollbackWindow {
		return false
	}
	_, begun := e.findRun(BackgroundKey(e.s))
	return begun || e.s.Step >= e.spec.Background.Start
}

// doubtBackground holds the release where the analysis in the background came to no verdict.
func (e *engine) doubtBackground() {
	run, ok := e.background()
	if !ok || run.Phase != RunInconclusive || e.s.BackgroundWaived {
		return
	}
	e.doubt = "analysis in the background is inconclusive: " + run.Message + "; promote or abort"
}

// stepText is the position for people; steps count from 1.
func (e *engine) stepText() string {
	if int(e.s.Step) >= len(e.spec.Steps) {
		return "the end"
	}
	return "step " + strconv.Itoa(int(e.s.Step)+1) + "/" + strconv.Itoa(len(e.spec.Steps))
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
	if !ok || step.Kind != StepAnalysis || e.s.Mode == ModeFullSkipAnalysis {
		return Run{}, false
	}
	return e.findRun(RunKey(e.s))
}

func (e *engine) findRun(key string) (Run, bool) {
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
