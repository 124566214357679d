package plan

// scaleWorkload decides how large a referenced workload is to be: once for each stable revision, so that whoever makes it
// larger again is not fought before the next release.
func (e *engine) scaleWorkload() {
	w := e.seen.Workload
	e.workloadSize = w.Desired
	if e.spec.Workload == WorkloadStays {
		return
	}
	if w.Desired == 0 && w.Pods == 0 {
		e.s.WorkloadScaledFor = e.s.Stable
	}
	switch {
	case e.s.Stable != "" && e.s.WorkloadScaledFor == e.s.Stable:
	case e.spec.Workload == WorkloadGoesProgressively && e.s.Stable == "":
		e.workloadSize = max(0, min(w.Desired, e.spec.Replicas-e.available()))
	case e.workloadMayGo():
		e.workloadSize = 0
	}
}

// workloadGoes says that the workload has pods that are to go: until then it counts as a revision.
func (e *engine) workloadGoes() bool {
	w := e.seen.Workload
	return e.spec.Workload != WorkloadStays && e.s.WorkloadScaledFor != e.s.Stable && (w.Pods > 0 || w.Desired > 0)
}

// workloadMayGo says that the stable revision has all its pods and that no request reaches the workload's, as far as the
// Services that are named tell.
func (e *engine) workloadMayGo() bool {
	rs, _ := e.replicaSet(e.s.Stable)
	if e.s.Candidate != "" || e.switching() || !e.full(rs) {
		return false
	}
	if !e.seen.Stable.Named || e.spec.Replicas == 0 {
		return true
	}
	if e.seen.Stable.Pinned != e.s.Stable || !e.passed(e.s.StableServedAt, e.spec.Settle) {
		e.wait("the workload's own %d pods go when no request reaches them", e.seen.Workload.Pods)
		return false
	}
	return true
}

func (e *engine) actWorkload() {
	if w := e.seen.Workload; e.workloadSize < w.Desired {
		e.do(ScaleWorkload{From: w.Desired, To: e.workloadSize})
	}
}
