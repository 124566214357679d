package model

import (
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// unsettled says what is wrong with a world in which nothing happens any more; empty when it is at rest as it should
// be, or waits for a person.
func (w *World) unsettled() string {
	if w.Gone {
		return w.leftBehind()
	}
	p := w.decision()
	if len(p.Actions) > 0 {
		return "it still plans " + p.Actions[0].String()
	}
	if rs := w.Live.Sets.find(w.State.Stable); rs != nil && rs.Crashing && rs.Desired > 0 {
		return ""
	}
	if w.State.Stable == "" {
		return w.unborn(&p)
	}
	if w.Broken {
		return w.misreported(&p)
	}
	switch p.Summary.Phase {
	case plan.Paused:
		return w.unjustlyPaused()
	case plan.Healthy:
		if w.State.Stable != w.Wanted {
			return "it is Healthy with " + w.State.Stable
		}
	case plan.Degraded:
		if !slices.Contains(w.State.Rejected, w.Wanted) {
			return "it is Degraded: " + p.Summary.Message
		}
	case plan.Progressing:
		return "it is stuck: " + p.Summary.Message
	}
	return w.notAtRest()
}

// misreported says that nobody is told that the spec cannot be used.
func (w *World) misreported(p *plan.Plan) string {
	if p.Summary.Phase != plan.Degraded || p.Summary.Reason != broken.Reason {
		return "it does not say what is missing, but " + p.Summary.Message
	}
	return ""
}

// unborn is a Rollout whose first revision does not work.
func (w *World) unborn(p *plan.Plan) string {
	if rs := w.Live.Sets.find(w.Wanted); w.Broken || rs != nil && rs.Crashing {
		return ""
	}
	return "there is no stable revision: " + p.Summary.Message
}

func (w *World) unjustlyPaused() string {
	if w.Paused || w.State.Paused {
		return ""
	}
	steps := w.strategy().Steps
	if at := int(w.State.Step); at < len(steps) && steps[at].Kind == plan.StepPause && steps[at].Indefinite {
		return ""
	}
	for _, r := range w.Live.Runs {
		if r.Phase == plan.RunInconclusive {
			return ""
		}
	}
	return "it is paused for no reason"
}

// leftBehind is what a Rollout that is gone must have given back.
func (w *World) leftBehind() string {
	if v := w.kept(); v != "" {
		return v
	}
	for _, rs := range w.Live.Sets.list() {
		if rs.Failed || rs.Crashing {
			return ""
		}
	}
	if w.serving(0) == 0 && w.Live.Sets.total() > 0 && !w.Zeroed && w.State.Stable != "" {
		return "nothing serves after the Rollout is gone"
	}
	return ""
}

// kept is what is not as the user wrote it.
func (w *World) kept() string {
	switch {
	case w.Live.Services.Pins != [2]string{}:
		return "a Service is pinned"
	case !w.Live.Route.Rest || w.Live.Route.Weight != 0:
		return "the route is not as the user wrote it"
	}
	return ""
}

func (w *World) notAtRest() string {
	if v := w.kept(); v != "" {
		return v
	}
	switch {
	case w.Drives >= 0:
		return "it is still engaged"
	case len(w.State.Originals) > 0:
		return "originals are kept"
	case !w.RestartAt.IsZero() && !w.State.RestartedAt.Equal(w.RestartAt):
		return "the restart is not carried out"
	}
	for _, r := range w.Live.Runs {
		if r.Key != "" && r.Phase == plan.RunRunning {
			return "an analysis still runs"
		}
	}
	return w.wrongPods()
}

// wrongPods says which pods there are that ought not to be, or the other way round.
func (w *World) wrongPods() string {
	for _, rs := range w.Live.Sets.list() {
		switch {
		case rs.Revision != w.State.Stable && rs.Desired > 0:
			return "revision " + rs.Revision + " keeps its pods"
		case rs.Revision == w.State.Stable && rs.Desired != w.Replicas:
			return fmt.Sprintf("the stable revision has %d of %d pods", rs.Desired, w.Replicas)
		case rs.Revision == w.State.Stable && rs.Old > 0 && !w.RestartAt.IsZero():
			return "pods from before the restart are left"
		}
	}
	return ""
}
