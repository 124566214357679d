package v1alpha1

// Condition types. Ready, Reconciling and Stalled follow kstatus; each condition carries observedGeneration.
const (
	// ConditionReady is True when what is wanted is what is running: for a Rollout, Healthy; for a GitSync, applied and
	// healthy; for an analysis, never used.
	ConditionReady = "Ready"
	// ConditionReconciling is True while work is under way.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is True when nothing will move before something is changed.
	ConditionStalled = "Stalled"

	// ConditionAvailable of a Rollout is True while the stable revision has all its pods available.
	ConditionAvailable = "Available"
	// ConditionInvalid of a Rollout is True while the spec, or something that it names, cannot be used. Nothing moves
	// forward meanwhile.
	ConditionInvalid = "Invalid"
	// ConditionPaused of a Rollout is True while a release waits for a time to pass or for a person.
	ConditionPaused = "Paused"

	// ConditionApplied of a GitSync is True when the last commit that was looked at is applied.
	ConditionApplied = "Applied"
	// ConditionHealthy of a GitSync is True when all that it applied is healthy.
	ConditionHealthy = "Healthy"
)

// Reasons of a Rollout's conditions.
const (
	// ReasonHealthy: the wanted revision is stable and available.
	ReasonHealthy = "Healthy"
	// ReasonProgressing: a release is on its way.
	ReasonProgressing = "Progressing"
	// ReasonPaused: a release waits in a pause step.
	ReasonPaused = "CanaryPauseStep"
	// ReasonInconclusive: a release waits for a person since its analysis was inconclusive.
	ReasonInconclusive = "InconclusiveAnalysisRun"
	// ReasonAborted: the release was aborted; the stable revision serves.
	ReasonAborted = "RolloutAborted"
	// ReasonProgressDeadlineExceeded: no further pod became available for progressDeadlineSeconds.
	ReasonProgressDeadlineExceeded = "ProgressDeadlineExceeded"
	// ReasonUnavailable: fewer pods than wanted are available.
	ReasonUnavailable = "ReplicasUnavailable"
	// ReasonInvalidTemplate: the API server refuses the pod template.
	ReasonInvalidTemplate = "InvalidPodTemplate"
	// ReasonServiceInvalid: a Service is missing or does not select the Rollout's pods.
	ReasonServiceInvalid = "InvalidService"
	// ReasonRouteInvalid: a route is missing, does not send traffic to the stableService, or is not accepted.
	ReasonRouteInvalid = "InvalidRoute"
	// ReasonFeaturesUnknown, of Invalid while it is False: a gateway does not say whether it has what a release needs.
	ReasonFeaturesUnknown = "GatewayFeaturesUnknown"
	// ReasonAnalysisInvalid: an analysis template is missing or its arguments do not fit.
	ReasonAnalysisInvalid = "InvalidAnalysis"
	// ReasonSelectorOverlap: the selector catches another controller's pods.
	ReasonSelectorOverlap = "SelectorOverlap"
)

// Reasons for which a release is aborted, in status.abort and status.rejected.
const (
	// AbortAnalysisFailed: an AnalysisRun ended as Failed or Error.
	AbortAnalysisFailed = "AnalysisFailed"
	// AbortPodsUnhealthy: the new revision's pods crash or cannot start, and the stable's do not.
	AbortPodsUnhealthy = "PodsUnhealthy"
	// AbortProgressDeadlineExceeded: the release was stuck and progressDeadlineAbort is set.
	AbortProgressDeadlineExceeded = "ProgressDeadlineExceeded"
	// AbortRequested: a person asked for it.
	AbortRequested = "Requested"
)

// Reasons of a GitSync's conditions.
const (
	// ReasonSucceeded: the commit is applied.
	ReasonSucceeded = "Succeeded"
	// ReasonDegraded: something that was applied has failed and will not get better by itself.
	ReasonDegraded = "Degraded"
	// ReasonSuspended: spec.suspend is set.
	ReasonSuspended = "Suspended"
	// ReasonFetchFailed: the repository could not be read.
	ReasonFetchFailed = "FetchFailed"
	// ReasonPathNotFound: the path does not exist at the commit.
	ReasonPathNotFound = "PathNotFound"
	// ReasonRenderFailed: the manifests could not be built.
	ReasonRenderFailed = "RenderFailed"
	// ReasonApplyFailed: at least one object could not be applied.
	ReasonApplyFailed = "ApplyFailed"
	// ReasonPruneBlocked: a prune is held back because it would delete too much.
	ReasonPruneBlocked = "PruneBlocked"
	// ReasonOutOfSync: the cluster differs from Git and syncPolicy.automated is not set.
	ReasonOutOfSync = "OutOfSync"
	// ReasonAccountMissing: the service account is missing.
	ReasonAccountMissing = "ServiceAccountMissing"
)
