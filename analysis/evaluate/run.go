package evaluate

import (
	"fmt"
	"slices"
	"time"
)

// Start gives a run that nobody has looked at its start. A started run stays as it is.
func (r Run) Start(now time.Time) Run {
	if !r.Started.IsZero() {
		return r
	}
	r.Started, r.Phase = now, Running
	r.Results = make([]Result, len(r.Metrics))
	for i := range r.Results {
		r.Results[i].Phase = Pending
	}
	return r
}

// Due gives the indices of the metrics that are to be measured now.
func (r Run) Due(now time.Time) []int {
	if r.Started.IsZero() || r.Phase.Completed() || r.Terminate {
		return nil
	}
	var due []int
	for i, m := range r.Metrics {
		if at, ok := Due(m, r.Started, r.Results[i]); ok && !now.Before(at) {
			due = append(due, i)
		}
	}
	return due
}

// Record adds a measurement to a metric. The run that it is called on is not changed.
func (r Run) Record(index int, s Measurement) Run {
	if r.Phase.Completed() {
		return r
	}
	r.Results = slices.Clone(r.Results)
	r.Results[index] = Next(r.Metrics[index], r.Results[index], s)
	return r
}

// Conclude comes to the verdict where there is one, and says otherwise when to look again. A completed run stays as it
// is, and its time is zero. The run that it is called on is not changed.
func (r Run) Conclude(now time.Time) (Run, time.Time) {
	if r.Phase.Completed() || r.Started.IsZero() {
		return r, time.Time{}
	}
	r = r.stop()
	if slices.ContainsFunc(r.Results, func(result Result) bool { return !result.Phase.Completed() }) {
		r.Phase, r.Message = Running, r.waiting()
		return r, r.wake()
	}
	r.Completed = now
	r.Phase, r.Message = r.worst()
	return r, time.Time{}
}

// stop ends the metrics that have nothing more to say: all when the run is terminated or one of them failed, and those
// without an end when they are all that is left and the verdict is no longer open.
func (r Run) stop() Run {
	why, endlessOnly := "terminated", false
	if !r.Terminate {
		bad, phase := r.decided()
		if bad == "" {
			return r
		}
		why, endlessOnly = fmt.Sprintf("stopped because metric %q is %s", bad, phase), phase == Inconclusive
	}
	open := func(i int) bool { return !r.Results[i].Phase.Completed() }
	if endlessOnly {
		for i, m := range r.Metrics {
			if open(i) && m.Count != Endless {
				return r
			}
		}
	}
	results := slices.Clone(r.Results)
	for i := range results {
		results[i] = End(results[i], why)
	}
	r.Results = results
	return r
}

// decided names the worst metric that is not Successful, or nothing.
func (r Run) decided() (string, Phase) {
	worst := Successful
	name := ""
	for i, result := range r.Results {
		if result.Phase.severity() > worst.severity() {
			name, worst = r.Metrics[i].Name, result.Phase
		}
	}
	return name, worst
}

// worst is the verdict of a run whose metrics are all completed.
func (r Run) worst() (Phase, string) {
	name, phase := r.decided()
	if name == "" {
		measured := int32(0)
		for _, result := range r.Results {
			measured += result.Count
		}
		return Successful, fmt.Sprintf("all metrics are good (measurements: %d)", measured)
	}
	for i, m := range r.Metrics {
		if m.Name == name {
			return phase, fmt.Sprintf("metric %q %s: %s", name, phase, r.Results[i].Message)
		}
	}
	return phase, ""
}

// waiting is the message of a run that goes on: a gap in the data, if there is one.
func (r Run) waiting() string {
	for i, result := range r.Results {
		if !result.Phase.Completed() && !result.NoDataSince.IsZero() {
			return fmt.Sprintf("metric %q: %s", r.Metrics[i].Name, result.Message)
		}
	}
	return ""
}

// wake is when the next metric is due.
func (r Run) wake() time.Time {
	var wake time.Time
	for i, m := range r.Metrics {
		at, ok := Due(m, r.Started, r.Results[i])
		if ok && (wake.IsZero() || at.Before(wake)) {
			wake = at
		}
	}
	return wake
}
