package model

import (
	"slices"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// moves lists all that may happen next: what happens by itself in the order in which a fair world lets it, and then what
// the adversary may do.
func (w *World) moves(out []move) []move {
	out = w.informerMoves(out)
	out = w.podMoves(out)
	out = w.trafficMoves(out)
	out = w.verdictMoves(out)
	out = w.controllerMoves(out)
	out = append(out, move{do: passTick, fair: true})
	if w.Left > 0 {
		out = w.adversaryMoves(out)
	}
	return out
}

// behind says which informers have not seen the latest.
func (w *World) behind() [4]bool {
	if w.Cache == nil {
		return [4]bool{}
	}
	return [4]bool{
		w.Live.Sets != w.Cache.Sets, w.Live.Services != w.Cache.Services,
		w.Live.Route != w.Cache.Route, w.Live.Runs != w.Cache.Runs,
	}
}

func (w *World) informerMoves(out []move) []move {
	for i, behind := range w.behind() {
		if behind {
			out = append(out, move{do: catchUp, n: int32(i), fair: true})
		}
	}
	return out
}

func (w *World) podMoves(out []move) []move {
	for _, rs := range w.Live.Sets.list() {
		if rs.Pods != rs.Desired || !rs.Settled {
			out = append(out, move{do: podsFollow, revision: rs.Revision, fair: true})
		}
		if rs.Avail < rs.Pods && !rs.Crashing {
			out = append(out, move{do: podReady, revision: rs.Revision, fair: true})
		}
		// A new version that crashes stays broken; one that has served before is mended.
		if rs.Crashing && rs.Revision == w.State.Stable {
			out = append(out, move{do: podsWork, revision: rs.Revision, fair: true})
		}
	}
	return out
}

func (w *World) trafficMoves(out []move) []move {
	if w.wantedReady() != w.Live.Services.Ready {
		out = append(out, move{do: endpointsFollow, fair: true})
	}
	if w.wantedEndpoints() != w.Gateway.Endpoints {
		out = append(out, move{do: dataEndpoints, fair: true})
	}
	if w.Live.Route.Refused {
		return append(out, move{do: gatewayMended, fair: true})
	}
	if !w.Live.Route.Acked {
		out = append(out, move{do: acknowledge, fair: true})
	}
	if w.Gateway.Weight != w.Live.Route.Weight {
		out = append(out, move{do: dataWeight, fair: true})
	}
	return out
}

var verdicts = [...]plan.RunPhase{plan.RunSuccessful, plan.RunFailed, plan.RunInconclusive}

func (w *World) verdictMoves(out []move) []move {
	for i, r := range w.Live.Runs {
		if r.Key == "" || r.Phase != plan.RunRunning {
			continue
		}
		for _, phase := range verdicts {
			// The one in the background runs for as long as it is let.
			fair := phase == plan.RunSuccessful && i == stepRun
			out = append(out, move{do: verdict, n: int32(i)<<8 | int32(phase), fair: fair})
		}
	}
	return out
}

func (w *World) adversaryMoves(out []move) []move {
	kinds := w.scope.Kinds
	add := func(kind Kinds, possible bool, m move) {
		if possible && kinds.Has(kind) {
			out = append(out, m)
		}
	}
	pending := w.Done < len(w.Pending)
	add(CrashController, pending, move{do: crash})
	add(FailWrite, pending, move{do: failWrite})
	r := w.Live.Route
	byRoutes := w.driven().Mover == plan.ByRoutes
	add(RefuseRoute, byRoutes && !r.Acked && !r.Refused, move{do: refuseRoute})
	if kinds.Has(RewriteRoute) && byRoutes && !r.Rest {
		for _, weight := range [...]int32{0, 50, 100} {
			add(RewriteRoute, weight != r.Weight, move{do: rewriteRoute, n: weight})
		}
	}
	if kinds&(FailPods|CrashPods) != 0 {
		for _, rs := range w.Live.Sets.list() {
			add(FailPods, rs.Avail > 0, move{do: podUnready, revision: rs.Revision})
			add(CrashPods, rs.Pods > 0 && !rs.Crashing, move{do: podsCrash, revision: rs.Revision})
		}
	}
	add(MoveClock, true, move{do: clockBack})
	add(MoveClock, true, move{do: hourPasses})
	if w.Gone || w.Deleting {
		return out
	}
	// What is lost while a plan is carried out shows in the next.
	add(LoseStatus, !pending && w.driven().sameDrives(w.strategy()), move{do: loseStatus})
	add(DeleteRollout, true, move{do: deleteRollout})
	return w.personMoves(out)
}

// personMoves are what people and machines ask for.
func (w *World) personMoves(out []move) []move {
	out = w.specMoves(out)
	if w.scope.Kinds.Has(ChangeReplicas) {
		for _, n := range w.scope.Sizes {
			if n != w.Replicas {
				out = append(out, move{do: changeReplicas, n: n})
			}
		}
	}
	if w.scope.Kinds.Has(AskVerb) && w.Request.ID == w.State.Answered {
		out = w.verbMoves(out)
	}
	return out
}

// specMoves are changes of the spec.
func (w *World) specMoves(out []move) []move {
	kinds := w.scope.Kinds
	if kinds.Has(ChangeTemplate) {
		for _, revision := range w.scope.Revisions {
			if revision != w.Wanted {
				out = append(out, move{do: changeTemplate, revision: revision})
			}
		}
	}
	if kinds.Has(ChangeStrategy) {
		for i := range w.scope.Strategies {
			if i != w.Strategy && !w.Forgotten {
				out = append(out, move{do: changeStrategy, n: int32(i)})
			}
		}
	}
	if kinds.Has(ChangePaused) {
		out = append(out, move{do: changePaused, n: other(w.Paused)})
	}
	if kinds.Has(BreakSpec) {
		out = append(out, move{do: breakSpec, n: other(w.Broken)})
	}
	if kinds.Has(AskRestart) && w.RestartAt.IsZero() {
		out = append(out, move{do: askRestart})
	}
	return out
}

// other is 1 for a switch that is off, and 0 for one that is on.
func other(on bool) int32 {
	if on {
		return 0
	}
	return 1
}

func (w *World) verbMoves(out []move) []move {
	s := w.State
	if c := s.Candidate; c != "" {
		for _, verb := range [...]plan.Verb{plan.VerbPromote, plan.VerbAbort, plan.VerbPause, plan.VerbResume} {
			out = append(out, move{do: ask, verb: verb, revision: c})
		}
		out = append(out,
			move{do: ask, verb: plan.VerbPromote, revision: c, full: true},
			move{do: ask, verb: plan.VerbPromote, revision: c, full: true, skip: true})
		for to := range w.strategy().Steps {
			out = append(out, move{do: ask, verb: plan.VerbJump, revision: c, n: int32(to)})
		}
	} else if w.Wanted != s.Stable && s.Stable != "" && !slices.Contains(s.Rejected, w.Wanted) {
		// Somebody may be faster than the controller.
		out = append(out, move{do: ask, verb: plan.VerbAbort, revision: w.Wanted})
	}
	if s.Abort.Revision != "" {
		out = append(out, move{do: ask, verb: plan.VerbRetry, revision: s.Abort.Revision})
		if s.Candidate == "" {
			out = append(out, move{do: ask, verb: plan.VerbPromote, revision: s.Abort.Revision, full: true})
		}
	}
	return out
}
