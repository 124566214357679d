package plan

import "time"

// State is what the engine remembers from one plan to the next. It is kept in the Rollout's status.
type State struct {
	// Stable is the revision that is committed as stable; empty until the first one is available.
	Stable string
	// Candidate is the revision that is being released; empty at rest.
	Candidate string
	// ReleaseStarted is when the release began.
	ReleaseStarted time.Time
	// Mode says what the release skips.
	Mode Mode
	// Paused says that a person asked for a pause.
	Paused bool
	// PausedSince is since when the release has been paused, for whatever reason; PausedFor how long it was before.
	PausedSince time.Time
	PausedFor   time.Duration
	// BackgroundWaived says that a person promoted past an inconclusive background analysis.
	BackgroundWaived bool
	// Switched is the revision that the stable Service is switched to before it is promoted, with BySelector.
	Switched string
	// RestartedAt is the Spec.RestartAt that has been carried out last.
	RestartedAt time.Time
	// WorkloadScaledFor is the stable revision for which the workload has been scaled down.
	WorkloadScaledFor string
	// Step is the index of the step that is being worked on; len(Spec.Steps) when all are done.
	Step int32
	// StepStarted is when it was entered.
	StepStarted time.Time
	// PassedSteps is the digest of the steps before Step.
	PassedSteps string
	// MostAvailable and ProgressedAt are the high-water mark of available pods in this step, and when it was reached.
	MostAvailable int32
	ProgressedAt  time.Time
	// StableServedAt is since when the stable Service has had ready endpoints of the stable revision, and no others;
	// CanaryServedAt the same of the canary Service and the candidate. A gateway knows of it after Spec.Settle.
	StableServedAt, CanaryServedAt time.Time
	// StableClearAt is since when the stable Service has had no ready endpoints of other revisions.
	StableClearAt time.Time
	// Traffic is the canary Service's share.
	Traffic Traffic
	// SwitchingFrom is the revision that was stable before, from the commit of a promotion until all traffic has gone
	// over to the stable Service.
	SwitchingFrom string
	// Retiring are the revisions whose pods go at a time, ordered by revision.
	Retiring []Retiring
	// Originals are the routes as they were before the release, ordered by name.
	Originals []Original
	// Abort says why the last release was aborted; Revision is empty where it was not.
	Abort Abort
	// Rejected are the aborted revisions, the oldest first.
	Rejected []string
	// Answered is the id of the last request that was looked at; Answer what became of it.
	Answered string
	Answer   Answer
}

// Mode says what a release skips.
type Mode string

// The modes.
const (
	// ModeSteps takes every step.
	ModeSteps Mode = ""
	// ModeFull passes every pause, and the weights between that no analysis looks at.
	ModeFull Mode = "Full"
	// ModeFullSkipAnalysis passes every analysis too.
	ModeFullSkipAnalysis Mode = "FullSkipAnalysis"
	// ModeRollbackWindow passes every step: the release goes back to a recent revision.
	ModeRollbackWindow Mode = "RollbackWindow"
)

// Traffic is the new revision's share of the traffic, in percent. With ByRoutes it is the canary Service's share, with
// BySelector 100 once the stable Service is switched, and with ByReplicas the share that the numbers of pods aim at.
type Traffic struct {
	// Asked is the share that is wanted of routes, selector or pods.
	Asked int32
	// Low and High bound what a gateway may still be serving. They equal Asked once it has been acknowledged for
	// Spec.Settle: what was asked before is gone.
	Low, High int32
	// AckedAt is since when every gateway has acknowledged Asked; zero while one has not.
	AckedAt time.Time
}

// Gone says that no gateway serves anything but what is asked.
func (t Traffic) Gone() bool { return t.Low == t.Asked && t.High == t.Asked }

// Retiring is a revision whose pods go at a time.
type Retiring struct {
	Revision string
	At       time.Time
}

// Original is a route as it was before the release.
type Original struct {
	Name, Rules string
}

// Abort says why a release was aborted.
type Abort struct {
	Revision, Reason, Message string
	// Run is the key of the AnalysisRun that failed, where one did.
	Run string
	At  time.Time
}

// Answer is what became of a request.
type Answer struct {
	Verb     Verb
	By       string
	Accepted bool
	Message  string
	At       time.Time
}

// Phase is the state of a Rollout in one word.
type Phase string

// The phases.
const (
	Progressing Phase = "Progressing"
	Paused      Phase = "Paused"
	Healthy     Phase = "Healthy"
	Degraded    Phase = "Degraded"
)

// Summary is the state for people.
type Summary struct {
	Phase   Phase
	Reason  string
	Message string
}

// Note is the reason for a move. A note is given once, by the plan that makes the move.
type Note struct {
	// Reason in one CamelCase word.
	Reason  string
	Message string
	// Warning says that somebody should look.
	Warning bool
}

// Outcome is how a release ended.
type Outcome string

// The outcomes.
const (
	Promoted     Outcome = "Promoted"
	FastPromoted Outcome = "FastPromoted"
	Aborted      Outcome = "Aborted"
	Superseded   Outcome = "Superseded"
	RolledBack   Outcome = "RolledBack"
)

// Release is a release that has ended.
type Release struct {
	Revision          string
	Started, Finished time.Time
	Paused            time.Duration
	Outcome           Outcome
	Reason, Message   string
}

// Plan is what Next decides.
type Plan struct {
	// Status is written before the first action.
	Status State
	// Actions are carried out in this order; the first that fails drops the rest.
	Actions []Action
	// WakeAt is when time alone changes the plan; zero means never.
	WakeAt time.Time
	// Summary is the state for people.
	Summary Summary
	// Notes are the reasons for the moves of this plan.
	Notes []Note
	// Ended are the releases that this plan ends, for the history.
	Ended []Release
	// Engaged says that the routes and Services are driven by a release and not at rest.
	Engaged bool

	commits bool
}

// NeedsLive says that the plan takes something away or gives traffic to something, so that it must be made again from
// live reads before it is carried out.
func (p Plan) NeedsLive() bool {
	if p.commits {
		return true
	}
	for _, a := range p.Actions {
		if a.needsLive() {
			return true
		}
	}
	return false
}
