package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RolloutPhase is the state of a Rollout in one word, for people. Tools use the conditions.
type RolloutPhase string

// The phases of a Rollout.
const (
	// RolloutProgressing means that a release is on its way.
	RolloutProgressing RolloutPhase = "Progressing"
	// RolloutPaused means that a release waits for a time to pass or for a person.
	RolloutPaused RolloutPhase = "Paused"
	// RolloutHealthy means that the wanted revision is stable, has all the traffic and is available.
	RolloutHealthy RolloutPhase = "Healthy"
	// RolloutDegraded means that the release was aborted, is stuck, or that the spec cannot be carried out.
	RolloutDegraded RolloutPhase = "Degraded"
)

// RolloutStatus is what is observed of a Rollout. What the engine must remember is written here before it acts on it.
type RolloutStatus struct {
	// conditions are Ready, Reconciling and Stalled as kstatus defines them, and the Rollout's own.
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// observedGeneration is the generation of the spec that this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// phase is the state in one word: Progressing, Paused, Healthy or Degraded.
	// +optional
	Phase RolloutPhase `json:"phase,omitempty"`
	// message says why the Rollout is in its phase and what it waits for.
	// +optional
	Message string `json:"message,omitempty"`
	// commit is the Git commit at which the content that is now wanted first appeared, where a GitSync applied it.
	// +optional
	Commit string `json:"commit,omitempty"`
	// step is the position for people, such as "2/5". Empty at rest.
	// +optional
	Step string `json:"step,omitempty"`

	// replicas is the number of pods that are not terminating.
	// +optional
	Replicas int32 `json:"replicas,omitempty"`
	// updatedReplicas is the number of those with the wanted template.
	// +optional
	UpdatedReplicas int32 `json:"updatedReplicas,omitempty"`
	// readyReplicas is the number of those that are ready.
	// +optional
	ReadyReplicas int32 `json:"readyReplicas,omitempty"`
	// availableReplicas is the number of those that have been ready for minReadySeconds.
	// +optional
	AvailableReplicas int32 `json:"availableReplicas,omitempty"`
	// selector selects the pods, in the form that the scale subresource wants.
	// +optional
	Selector string `json:"selector,omitempty"`

	// currentRevision is the hash of the wanted template.
	// +optional
	CurrentRevision string `json:"currentRevision,omitempty"`
	// stableRevision is the hash of the revision that is committed as stable. Empty until the first one is available.
	// +optional
	StableRevision string `json:"stableRevision,omitempty"`

	// release is the position of the release and of its traffic.
	// +optional
	Release *ReleaseStatus `json:"release,omitempty"`

	// abort says that the release of a revision was aborted, and why.
	// +optional
	Abort *AbortStatus `json:"abort,omitempty"`
	// rejected are the revisions that were aborted. None of them is released again until a person's retry or until
	// the template changes.
	// +kubebuilder:validation:MaxItems=20
	// +listType=map
	// +listMapKey=revision
	// +optional
	Rejected []RejectedRevision `json:"rejected,omitempty"`

	// restartedAt is the spec.restartAt that has been carried out last.
	// +optional
	RestartedAt *metav1.Time `json:"restartedAt,omitempty"`
	// workloadScaledFor is the hash of the revision for which the workload of spec.workloadRef was scaled down last.
	// +optional
	WorkloadScaledFor string `json:"workloadScaledFor,omitempty"`

	// history is what became of the last releases, the newest first, at most 20.
	// +kubebuilder:validation:MaxItems=20
	// +listType=atomic
	// +optional
	History []ReleaseRecord `json:"history,omitempty"`

	// request is what a person asks for: the only field that others than the controller write.
	// +optional
	Request *RolloutRequest `json:"request,omitempty"`
	// lastRequest is the last request that was looked at, and what became of it.
	// +optional
	LastRequest *RolloutRequestOutcome `json:"lastRequest,omitempty"`
}

// ReleaseOutcome is how a release ended.
type ReleaseOutcome string

// The outcomes of a release.
const (
	// OutcomePromoted: it took all its steps and became the stable revision. The first revision of a Rollout, too.
	OutcomePromoted ReleaseOutcome = "Promoted"
	// OutcomeFastPromoted: it became the stable revision by promote --full.
	OutcomeFastPromoted ReleaseOutcome = "FastPromoted"
	// OutcomeAborted: it was aborted; the stable revision stayed.
	OutcomeAborted ReleaseOutcome = "Aborted"
	// OutcomeSuperseded: another revision was wanted before it was done.
	OutcomeSuperseded ReleaseOutcome = "Superseded"
	// OutcomeRolledBack: the spec went back, to the stable revision before it was done, or by it to an older revision
	// inside of the rollback window.
	OutcomeRolledBack ReleaseOutcome = "RolledBack"
)

// ReleaseRecord is what became of a release.
type ReleaseRecord struct {
	// revision is the hash of the revision that was released.
	// +optional
	Revision string `json:"revision,omitempty"`
	// number of the revision, rising with each release; as kubectl sluice undo takes it.
	// +optional
	Number int64 `json:"number,omitempty"`
	// commit at which this content first appeared, where a GitSync applied it.
	// +optional
	Commit string `json:"commit,omitempty"`
	// startedAt is when it began.
	// +optional
	StartedAt metav1.MicroTime `json:"startedAt,omitzero"`
	// finishedAt is when its outcome was decided.
	// +optional
	FinishedAt metav1.MicroTime `json:"finishedAt,omitzero"`
	// pausedSeconds is how long of that it was paused.
	// +optional
	PausedSeconds int64 `json:"pausedSeconds,omitempty"`
	// outcome is Promoted, FastPromoted, Aborted, Superseded or RolledBack.
	// +optional
	Outcome ReleaseOutcome `json:"outcome,omitempty"`
	// reason of the outcome in one word, as in status.abort.
	// +optional
	Reason string `json:"reason,omitempty"`
	// message says what happened.
	// +optional
	Message string `json:"message,omitempty"`
	// verdicts are the AnalysisRuns of the release, the last ten, the oldest first.
	// +kubebuilder:validation:MaxItems=10
	// +listType=atomic
	// +optional
	Verdicts []ReleaseVerdict `json:"verdicts,omitempty"`
}

// ReleaseVerdict is how an AnalysisRun of a release ended.
type ReleaseVerdict struct {
	// analysisRun is its name.
	// +optional
	AnalysisRun string `json:"analysisRun,omitempty"`
	// phase in which it was when the release ended.
	// +optional
	Phase AnalysisPhase `json:"phase,omitempty"`
}

// ReleaseStatus is the position of a release and of its traffic.
type ReleaseStatus struct {
	// revision is the hash of the revision that is being released; empty at rest.
	// +optional
	Revision string `json:"revision,omitempty"`
	// startedAt is when the release began.
	// +optional
	StartedAt *metav1.MicroTime `json:"startedAt,omitempty"`
	// drives is what the release moves traffic by. A change of the strategy in mid-release takes effect when this has
	// been brought to rest.
	// +optional
	Drives *ReleaseDrives `json:"drives,omitempty"`
	// paused says that somebody asked for a pause.
	// +optional
	Paused bool `json:"paused,omitempty"`
	// pausedAt is since when the release has been paused, for whatever reason.
	// +optional
	PausedAt *metav1.MicroTime `json:"pausedAt,omitempty"`
	// pausedSeconds is how long it was paused before that.
	// +optional
	PausedSeconds int64 `json:"pausedSeconds,omitempty"`
	// mode is Full where somebody asked to promote it past its pauses, FullSkipAnalysis where past its analysis too, and
	// RollbackWindow where it skips its steps since it goes back to a recent revision. Empty means all steps.
	// +kubebuilder:validation:Enum=Full;FullSkipAnalysis;RollbackWindow
	// +optional
	Mode string `json:"mode,omitempty"`
	// switchedTo is the hash of the revision that the active Service of a blue-green release is switched to before it is
	// promoted.
	// +optional
	SwitchedTo string `json:"switchedTo,omitempty"`
	// backgroundAnalysisRun is the AnalysisRun in the background of the release.
	// +optional
	BackgroundAnalysisRun *StepAnalysisStatus `json:"backgroundAnalysisRun,omitempty"`
	// backgroundWaived says that somebody promoted past an inconclusive background analysis.
	// +optional
	BackgroundWaived bool `json:"backgroundWaived,omitempty"`
	// stepIndex is the index of the step that is being worked on, from 0; the number of steps when all are done. The steps
	// of a blue-green release are preview, prePromotionAnalysis, pause, switch and postPromotionAnalysis, those of them
	// that there are.
	// +optional
	StepIndex int32 `json:"stepIndex,omitempty"`
	// stepStartedAt is when that step was entered.
	// +optional
	StepStartedAt *metav1.MicroTime `json:"stepStartedAt,omitempty"`
	// passedSteps is the digest of the steps before stepIndex: a change of spec.strategy.canary.steps that leaves them
	// alone does not move the position.
	// +optional
	PassedSteps string `json:"passedSteps,omitempty"`
	// progressedAt is when more pods than ever before in this step became available.
	// +optional
	ProgressedAt *metav1.MicroTime `json:"progressedAt,omitempty"`
	// mostAvailable is the highest number of available pods of the revision in this step.
	// +optional
	MostAvailable int32 `json:"mostAvailable,omitempty"`
	// stableServedAt is since when the stable Service has had ready endpoints of the stable revision, and no others.
	// +optional
	StableServedAt *metav1.MicroTime `json:"stableServedAt,omitempty"`
	// stableClearAt is since when the stable Service has had no ready endpoints of other revisions.
	// +optional
	StableClearAt *metav1.MicroTime `json:"stableClearAt,omitempty"`
	// canaryServedAt is since when the canary Service has had ready endpoints of the revision that is being released,
	// and no others.
	// +optional
	CanaryServedAt *metav1.MicroTime `json:"canaryServedAt,omitempty"`
	// weights is the canary Service's share of the traffic.
	// +optional
	Weights *ReleaseWeights `json:"weights,omitempty"`
	// switchingFrom is the hash of the revision that was stable before, from the commit of a promotion until all
	// traffic has gone over to the stable Service.
	// +optional
	SwitchingFrom string `json:"switchingFrom,omitempty"`
	// retiring are the revisions whose pods are kept for a while after the last request could have reached them.
	// +kubebuilder:validation:MaxItems=50
	// +listType=map
	// +listMapKey=revision
	// +optional
	Retiring []RetiringRevision `json:"retiring,omitempty"`
	// analysisRun is the AnalysisRun of the current step.
	// +optional
	AnalysisRun *StepAnalysisStatus `json:"analysisRun,omitempty"`
	// routes are the routes as they were before the release, written before the first change.
	// +kubebuilder:validation:MaxItems=64
	// +listType=map
	// +listMapKey=name
	// +optional
	Routes []RouteOriginal `json:"routes,omitempty"`
}

// ReleaseDrives is what a release moves traffic by.
type ReleaseDrives struct {
	// by is Routes (their weights), Replicas (the numbers of pods) or Selector (of the active Service).
	// +kubebuilder:validation:Enum=Routes;Replicas;Selector
	// +optional
	By string `json:"by,omitempty"`
	// stableService is the Service of the stable revision: the canary's stableService or the active Service.
	// +optional
	StableService string `json:"stableService,omitempty"`
	// canaryService is the Service of the new revision: the canaryService or the preview Service.
	// +optional
	CanaryService string `json:"canaryService,omitempty"`
	// ownCanaryService says that canaryService is one that the Rollout makes for each release, since none is named.
	// +optional
	OwnCanaryService bool `json:"ownCanaryService,omitempty"`
	// routes are the routes that are named: the name of an HTTPRoute of the Rollout's namespace, Kind/name for another kind
	// there, and Kind/namespace/name elsewhere.
	// +kubebuilder:validation:MaxItems=64
	// +listType=atomic
	// +optional
	Routes []string `json:"routes,omitempty"`
	// routeSelectors find further routes.
	// +kubebuilder:validation:MaxItems=4
	// +listType=atomic
	// +optional
	RouteSelectors []ReleaseRouteSelector `json:"routeSelectors,omitempty"`
}

// ReleaseRouteSelector finds routes by their labels.
type ReleaseRouteSelector struct {
	// kind of the routes.
	// +kubebuilder:validation:Enum=HTTPRoute;GRPCRoute;TCPRoute;TLSRoute
	// +optional
	Kind string `json:"kind,omitempty"`
	// namespace of the routes; absent means the Rollout's.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// selector is the selector as text, such as app=web,tier in (front).
	// +optional
	Selector string `json:"selector,omitempty"`
}

// ReleaseWeights is the canary Service's share of the traffic in percent.
type ReleaseWeights struct {
	// asked is the share that is written, or about to be written, to the routes.
	// +optional
	Asked int32 `json:"asked"`
	// low is the lowest share that a gateway may still be serving.
	// +optional
	Low int32 `json:"low"`
	// high is the highest share that a gateway may still be serving. Low and high equal asked once it has been
	// acknowledged for settleSeconds: what was asked before is gone.
	// +optional
	High int32 `json:"high"`
	// acknowledgedAt is since when every gateway has acknowledged the asked share.
	// +optional
	AcknowledgedAt *metav1.MicroTime `json:"acknowledgedAt,omitempty"`
}

// RetiringRevision is a revision whose pods go at a time.
type RetiringRevision struct {
	// revision is the hash.
	// +kubebuilder:validation:MinLength=1
	// +required
	Revision string `json:"revision,omitempty"`
	// at is when its pods may go.
	// +required
	At metav1.MicroTime `json:"at,omitzero"`
}

// StepAnalysisStatus is the AnalysisRun of a step.
type StepAnalysisStatus struct {
	// name of the AnalysisRun.
	// +optional
	Name string `json:"name,omitempty"`
	// phase of the AnalysisRun.
	// +optional
	Phase AnalysisPhase `json:"phase,omitempty"`
	// message of the AnalysisRun.
	// +optional
	Message string `json:"message,omitempty"`
}

// RouteOriginal is a route as it was before the release.
type RouteOriginal struct {
	// name of an HTTPRoute of the Rollout's namespace, Kind/name for another kind there, Kind/namespace/name elsewhere.
	// +kubebuilder:validation:MinLength=1
	// +required
	Name string `json:"name,omitempty"`
	// rules is the JSON of what the router needs to restore the rules that it changes.
	// +kubebuilder:validation:MaxLength=65536
	// +optional
	Rules string `json:"rules,omitempty"`
}

// AbortStatus says that the release of a revision was aborted.
type AbortStatus struct {
	// revision is the hash of the aborted revision.
	// +optional
	Revision string `json:"revision,omitempty"`
	// reason in one word: AnalysisFailed, PodsUnhealthy, ProgressDeadlineExceeded or Requested.
	// +optional
	Reason string `json:"reason,omitempty"`
	// message says what happened.
	// +optional
	Message string `json:"message,omitempty"`
	// at is when it was decided.
	// +optional
	At metav1.MicroTime `json:"at,omitzero"`
}

// RejectedRevision is a revision that was aborted.
type RejectedRevision struct {
	// revision is the hash.
	// +kubebuilder:validation:MinLength=1
	// +required
	Revision string `json:"revision,omitempty"`
	// digest is the release digest: the sha256 of the canonical JSON of the pod template.
	// +optional
	Digest string `json:"digest,omitempty"`
	// commit at which this content first appeared, where a GitSync applied it.
	// +optional
	Commit string `json:"commit,omitempty"`
	// reason in one word, as in status.abort.
	// +optional
	Reason string `json:"reason,omitempty"`
	// message says what happened.
	// +optional
	Message string `json:"message,omitempty"`
	// analysisRun is the run that failed, where one did.
	// +optional
	AnalysisRun string `json:"analysisRun,omitempty"`
	// at is when it was decided.
	// +required
	At metav1.MicroTime `json:"at,omitzero"`
}

// RolloutVerb is something that a person asks of a Rollout.
//
// +kubebuilder:validation:Enum=promote;abort;retry;pause;resume;jump
type RolloutVerb string

// The verbs.
const (
	// VerbPromote ends the pause that the release waits in.
	VerbPromote RolloutVerb = "promote"
	// VerbAbort takes all traffic back to the stable revision and rejects the new one.
	VerbAbort RolloutVerb = "abort"
	// VerbRetry releases a rejected revision again, from the first step.
	VerbRetry RolloutVerb = "retry"
	// VerbPause holds the release where it is; traffic, pods and analysis stay as they are.
	VerbPause RolloutVerb = "pause"
	// VerbResume ends what VerbPause began.
	VerbResume RolloutVerb = "resume"
	// VerbJump goes to another step, forward or back.
	VerbJump RolloutVerb = "jump"
)

// RolloutRequest is what a person asks for. It is made for one revision and one step, and is refused when it no longer
// fits. It is never cleared: it is pending while its id is not status.lastRequest.id.
//
// +kubebuilder:validation:XValidation:rule="!has(self.full) || !self.full || self.verb == 'promote'",message="full is for promote alone: remove it, or ask to promote"
// +kubebuilder:validation:XValidation:rule="!has(self.skipAnalysis) || !self.skipAnalysis || (has(self.full) && self.full)",message="skipAnalysis is for a full promote alone: set full too, or remove it"
// +kubebuilder:validation:XValidation:rule="has(self.toStep) == (self.verb == 'jump')",message="toStep must be set for jump, and for no other verb"
// +kubebuilder:validation:XValidation:rule="has(self.stepIndex) || (self.verb != 'jump' && (self.verb != 'promote' || (has(self.full) && self.full)))",message="stepIndex must be set for jump, and for promote unless it is full: the step that the release is at"
type RolloutRequest struct {
	// id tells this request from every other; a random UUID.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +required
	ID string `json:"id,omitempty"`
	// verb is what is asked for.
	// +required
	Verb RolloutVerb `json:"verb,omitempty"`
	// revision is the hash of the revision that it is made for.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +required
	Revision string `json:"revision,omitempty"`
	// stepIndex is the step that it is made for; promote (unless full) and jump need it.
	// +kubebuilder:validation:Minimum=0
	// +optional
	StepIndex *int32 `json:"stepIndex,omitempty"`
	// full asks a promote to pass every pause up to the end. Analysis still decides.
	// +optional
	Full bool `json:"full,omitempty"`
	// skipAnalysis asks a full promote to pass analysis too, also one that would fail. It needs a right of its own.
	// +optional
	SkipAnalysis bool `json:"skipAnalysis,omitempty"`
	// toStep is the index of the step that a jump goes to, from 0; the number of steps means their end.
	// +kubebuilder:validation:Minimum=0
	// +optional
	ToStep *int32 `json:"toStep,omitempty"`
	// by is the user who asks, as the API server knows them; the admission policy holds it to that.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	By string `json:"by,omitempty"`
	// reason says why, for the record.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Reason string `json:"reason,omitempty"`
}

// RolloutRequestOutcome is what became of a request.
type RolloutRequestOutcome struct {
	// id of the request.
	// +optional
	ID string `json:"id,omitempty"`
	// verb of the request.
	// +optional
	Verb RolloutVerb `json:"verb,omitempty"`
	// by is who asked.
	// +optional
	By string `json:"by,omitempty"`
	// accepted says whether it was carried out.
	// +optional
	Accepted bool `json:"accepted"`
	// message says why it was refused, or what it did.
	// +optional
	Message string `json:"message,omitempty"`
	// at is when it was looked at.
	// +optional
	At metav1.MicroTime `json:"at,omitzero"`
}
