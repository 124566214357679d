package plan

import "fmt"

// summary says in which phase the Rollout is and what it waits for.
func (e *engine) summary() Summary {
	switch {
	case e.spec.Problem != nil:
		return Summary{Degraded, e.spec.Problem.Reason, e.spec.Problem.Message}
	case e.plan.Summary.Reason == stuckReason:
		return Summary{Degraded, stuckReason, e.waits[0]}
	case e.s.Stable == "":
		return Summary{Progressing, "Progressing", e.waiting("the first revision is on its way")}
	case e.s.Abort.Revision != "" && e.s.Abort.Revision == e.spec.Revision:
		return Summary{Degraded, "RolloutAborted", e.abortText()}
	case e.s.Candidate != "":
		return e.releaseSummary()
	case e.switching(), e.engaged() && (e.s.Traffic.Asked != 0 || !e.s.Traffic.Gone()):
		return Summary{Progressing, "Progressing", e.waiting("traffic goes to the stable revision " + e.s.Stable)}
	case e.spec.Revision != e.s.Stable && e.spec.Paused:
		return Summary{Paused, "RolloutPaused", "spec.paused holds the release of revision " + e.spec.Revision + " back"}
	case e.spec.Revision != e.s.Stable:
		return Summary{Progressing, "Progressing", e.waiting("the release of revision " + e.spec.Revision + " begins")}
	}
	return e.restSummary()
}

// restSummary is the state with nothing to release.
func (e *engine) restSummary() Summary {
	stable, _ := e.replicaSet(e.s.Stable)
	if !stable.Settled || stable.Available < e.spec.Replicas {
		return Summary{Progressing, "ReplicasUnavailable", fmt.Sprintf("%d of %d pods of revision %s are available",
			stable.Available, e.spec.Replicas, e.s.Stable)}
	}
	if text := e.leftover(); text != "" {
		return Summary{Progressing, "Progressing", e.waiting(text)}
	}
	return Summary{Healthy, "Healthy", fmt.Sprintf("revision %s serves with %d of %d pods available",
		e.s.Stable, stable.Available, e.spec.Replicas)}
}

func (e *engine) waiting(otherwise string) string {
	if len(e.waits) == 0 {
		return otherwise
	}
	return e.waits[0]
}

func (e *engine) abortText() string {
	text := fmt.Sprintf("the release of revision %s was aborted: %s", e.s.Abort.Revision, e.s.Abort.Message)
	if t := e.s.Traffic; t.Asked != 0 || !t.Gone() {
		return text + "; " + e.waiting("traffic goes back to revision "+e.s.Stable)
	}
	if e.spec.Mover == ByReplicas && e.othersHavePods() {
		return text + "; its pods give way to those of revision " + e.s.Stable
	}
	return text + "; revision " + e.s.Stable + " serves"
}

// leftover says what has to happen yet for the pods to be those that are wanted, where their number carries the traffic
// or they are being replaced. What is kept for a delay is not in the way of anything.
func (e *engine) leftover() string {
	if e.restarting() {
		return "pods are being replaced"
	}
	if rs, _ := e.replicaSet(e.s.Stable); max(rs.Desired, rs.Pods) > e.spec.Replicas {
		return fmt.Sprintf("pods of revision %s are going: %d of %d are left", e.s.Stable, rs.Pods, e.spec.Replicas)
	}
	if e.workloadGoes() {
		return "the pods of the referenced workload are going"
	}
	if e.spec.Mover == ByReplicas && e.othersHavePods() {
		return "pods of other revisions than " + e.s.Stable + " are going"
	}
	return ""
}

func (e *engine) releaseSummary() Summary {
	otherwise := "revision " + e.s.Candidate + " is being released"
	if e.missing != "" {
		otherwise = e.missing
	}
	s := Summary{Progressing, "Progressing", e.waiting(otherwise)}
	step, ok := e.step()
	run, _ := e.run()
	switch {
	case e.spec.Paused, e.s.Paused:
		s.Phase, s.Reason = Paused, "RolloutPaused"
	case e.doubt != "":
		s.Phase, s.Reason = Paused, "InconclusiveAnalysisRun"
	case ok && step.Kind == StepPause && e.spec.BlueGreen:
		s.Phase, s.Reason = Paused, "BlueGreenPause"
	case ok && step.Kind == StepPause:
		s.Phase, s.Reason = Paused, "CanaryPauseStep"
	case ok && step.Kind == StepAnalysis && run.Phase == RunInconclusive:
		s.Phase, s.Reason = Paused, "InconclusiveAnalysisRun"
	}
	return s
}
