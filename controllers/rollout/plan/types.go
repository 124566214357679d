package plan

import "time"

// Spec is what is wanted, with every default filled in.
type Spec struct {
	// Revision is the hash of the wanted pod template.
	Revision string
	// Replicas is the number of pods at full size.
	Replicas int32
	// Mover is what moves the traffic.
	Mover Mover
	// BlueGreen says that the steps are those of a blue-green release, so that nobody can jump between them.
	BlueGreen bool
	// Steps of the release. Those of a blue-green release are the preview's size, its analysis, the pause, the switch
	// (a weight of 100) and the analysis after it.
	Steps []Step
	// Background is the analysis that runs beside the steps; Key is empty where there is none.
	Background Background
	// Surge is how many pods may be there on top of Replicas; Unbounded with a router that is given no bound.
	Surge int32
	// Unavailable is how many of the Replicas may be missing.
	Unavailable int32
	// DynamicStable says that the stable revision's size follows its share of the traffic.
	DynamicStable bool
	// MinPods is the least size of a revision that has any pods; 0 means none.
	MinPods int32
	// Threshold says how many of the pods that are needed are enough.
	Threshold Threshold
	// Settle is how long after the acknowledgement of a weight requests may still follow the old one.
	Settle time.Duration
	// ScaleDownDelay is how long the old revision's pods are kept after a promotion.
	ScaleDownDelay time.Duration
	// ScaleDownLimit is how many old revisions are kept for that; Unbounded means all.
	ScaleDownLimit int32
	// AbortScaleDownDelay is how long an aborted revision's pods are kept.
	AbortScaleDownDelay time.Duration
	// ProgressDeadline is how long a step may wait for a further pod to become available.
	ProgressDeadline time.Duration
	// ProgressDeadlineAbort says whether a stuck release is aborted.
	ProgressDeadlineAbort bool
	// RollbackWindow is how many revisions back a release skips its steps; 0 means none.
	RollbackWindow int64
	// HistoryLimit is how many old ReplicaSets without pods are kept.
	HistoryLimit int
	// Paused holds releases: none begins or moves forward.
	Paused bool
	// RestartAt asks for pods that were made before it to be replaced; zero means never.
	RestartAt time.Time
	// Workload says when a referenced workload's own pods go.
	Workload WorkloadPolicy
	// Withdraw says that the strategy has changed since what a release drives was recorded: it has to come to rest as it
	// was begun before the new strategy counts.
	Withdraw bool
	// Problem says why the spec, or something that it names, cannot be used: no release starts or moves forward while
	// it is set. An abort is never blocked by it.
	Problem *Problem
}

// Unbounded is the value of a bound that is not set.
const Unbounded int32 = -1

// Mover is what moves the traffic from one revision to another.
type Mover int

// The movers.
const (
	// ByRoutes moves the weights of routes between two Services.
	ByRoutes Mover = iota
	// ByReplicas lets the numbers of pods carry the weight, behind whatever selects them all.
	ByReplicas
	// BySelector switches the selector of the stable (active) Service, all at once.
	BySelector
)

// Background is an analysis beside the steps.
type Background struct {
	// Key is a canonical text of the analysis; empty means that there is none.
	Key string
	// Start is the index of the step at which it begins.
	Start int32
}

// Threshold is how many of the pods that are needed are enough: the zero value means all.
type Threshold struct {
	// Percent of what is needed, rounded up; 0 means all, unless Pods is set.
	Percent int32
	// Pods at most; 0 means all, unless Percent is set.
	Pods int32
}

// WorkloadPolicy says when a referenced workload's own pods go.
type WorkloadPolicy int

// The policies.
const (
	// WorkloadStays leaves them, or there is no workload.
	WorkloadStays WorkloadPolicy = iota
	// WorkloadGoesOnSuccess takes them away when a release has succeeded.
	WorkloadGoesOnSuccess
	// WorkloadGoesProgressively takes away as many as pods of the Rollout become available.
	WorkloadGoesProgressively
)

// Problem is why something cannot be used.
type Problem struct {
	// Reason in one CamelCase word.
	Reason string
	// Message says what, where, and what to do.
	Message string
}

// StepKind tells the steps apart.
type StepKind int

// The kinds of steps.
const (
	// StepSetWeight gives the canary a share of the traffic.
	StepSetWeight StepKind = iota
	// StepPause waits.
	StepPause
	// StepAnalysis waits for the verdict of an analysis.
	StepAnalysis
	// StepScale sets the canary's size apart from its share.
	StepScale
)

// Step is one step of a canary.
type Step struct {
	Kind StepKind
	// Weight in percent: the share of a StepSetWeight; of a StepScale the size in percent of the full one.
	Weight int32
	// Pods is the size that a StepScale sets; Unbounded where it sets Weight.
	Pods int32
	// Match of a StepScale lets the size follow the share again.
	Match bool
	// Duration of a StepPause that is not Indefinite.
	Duration time.Duration
	// Indefinite says that a StepPause lasts until somebody promotes.
	Indefinite bool
	// Key is a canonical text of the step: two steps with the same Key are the same.
	Key string
}

// Observed is what is seen of the cluster.
type Observed struct {
	// State is what the engine wrote last.
	State State
	// ReplicaSets of the Rollout, one for each revision, ordered by Number.
	ReplicaSets []ReplicaSet
	// Stable and Canary are the two Services: of the stable revision (the active one) and of the new one (the preview).
	Stable, Canary Service
	// Workload is the referenced workload.
	Workload Workload
	// Routes that are moved.
	Routes []Route
	// Runs are the AnalysisRuns of the Rollout that matter: the ones that have not completed, and the current step's.
	Runs []Run
	// Request is the last request that somebody made.
	Request Request
}

// ReplicaSet is the pods of one revision.
type ReplicaSet struct {
	Revision string
	// Number of the revision, rising with each release.
	Number int64
	// Desired is spec.replicas.
	Desired int32
	// Pods counts those that are not terminating.
	Pods int32
	// Available counts those that have been ready for minReadySeconds.
	Available int32
	// Settled says that the ReplicaSet's status is about its present spec.
	Settled bool
	// Role is the mark on the ReplicaSet that survives a loss of status.
	Role Role
	// Unhealthy says that its pods crash or cannot start.
	Unhealthy Unhealthy
	// Old counts the pods, of those that are not terminating, that were made before Spec.RestartAt; OldReady those of
	// them that are ready.
	Old, OldReady int32
}

// Workload is the workload of a workloadRef. The zero value means that there is none.
type Workload struct {
	// Desired is its spec.replicas, Pods those that there are.
	Desired, Pods int32
}

// Role is the mark on a ReplicaSet.
type Role string

// The roles.
const (
	RoleNone     Role = ""
	RoleStable   Role = "stable"
	RoleRejected Role = "rejected"
	// RoleFormer was stable before.
	RoleFormer Role = "former"
)

// Unhealthy says why pods do not work. The zero value means that nothing is known against them.
type Unhealthy struct {
	// Reason such as CrashLoopBackOff or ImagePullBackOff.
	Reason string
	// Message names the pod and the container.
	Message string
	// Since is since when, where the reason may pass by itself; the zero time means that it counts at once.
	Since time.Time
}

// Service is one of the two Services.
type Service struct {
	// Named says that the spec names one.
	Named bool
	// Pinned is the revision that the selector names; empty means that it selects every pod of the Rollout.
	Pinned string
	// Endpoints are the ready endpoints of each revision.
	Endpoints []Endpoints
}

// Endpoints counts the ready endpoints of a revision.
type Endpoints struct {
	Revision string
	Ready    int32
}

// Ready counts the ready endpoints of a revision.
func (s Service) Ready(revision string) int32 {
	for _, e := range s.Endpoints {
		if e.Revision == revision {
			return e.Ready
		}
	}
	return 0
}

// ReadyOthers counts the ready endpoints of all other revisions.
func (s Service) ReadyOthers(revision string) int32 {
	var n int32
	for _, e := range s.Endpoints {
		if e.Revision != revision {
			n += e.Ready
		}
	}
	return n
}

// Route is one route as it is now.
type Route struct {
	Name string
	// Low and High are the lowest and the highest share of the canary Service over the rules, in percent.
	Low, High int32
	// AtRest says that nothing of ours is in it.
	AtRest bool
	// Acknowledged says that every gateway that counts has accepted it as it is now.
	Acknowledged bool
	// Waiting says which gateway has not, and why.
	Waiting string
	// Original is what the router needs to restore it; recorded before the first change.
	Original string
}

// RunPhase is the state of an AnalysisRun.
type RunPhase int

// The phases of an AnalysisRun.
const (
	RunRunning RunPhase = iota
	RunSuccessful
	RunFailed
	RunInconclusive
)

// Run is an AnalysisRun.
type Run struct {
	// Key as RunKey gave it when the run was started.
	Key     string
	Phase   RunPhase
	Message string
}

// Verb is something that a person asks for.
type Verb string

// The verbs.
const (
	VerbPromote Verb = "promote"
	VerbAbort   Verb = "abort"
	VerbRetry   Verb = "retry"
	VerbPause   Verb = "pause"
	VerbResume  Verb = "resume"
	VerbJump    Verb = "jump"
)

// Request is something that a person asks for.
type Request struct {
	// ID tells it from every other; empty means that there is none.
	ID       string
	Verb     Verb
	Revision string
	// Step that a promote is made for; -1 where none is named.
	Step int32
	// Full asks a promote to pass every pause; SkipAnalysis every analysis too.
	Full, SkipAnalysis bool
	// To is the step that a jump goes to.
	To int32
	// By is who asks, Reason why; both may be empty.
	By, Reason string
}

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
