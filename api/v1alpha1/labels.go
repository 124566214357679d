package v1alpha1

// Labels and annotations that Sluice writes.
const (
	// LabelPodTemplateHash is on every ReplicaSet and pod of a Rollout and names the revision: the first ten hex
	// digits of the sha256 of the canonical JSON of the pod template. Services are pinned to a revision by it.
	LabelPodTemplateHash = "sluice.dev/pod-template-hash"
	// LabelRollout is on every AnalysisRun of a Rollout, and on every ReplicaSet that it took over from a Deployment, and
	// names it.
	LabelRollout = "sluice.dev/rollout"
	// LabelAnalysisType is on every AnalysisRun of a Rollout: Step, Background, PrePromotion or PostPromotion.
	LabelAnalysisType = "sluice.dev/analysis-type"
	// LabelStepIndex is on every AnalysisRun of a step and gives the index of the step, from 0.
	LabelStepIndex = "sluice.dev/step-index"
	// LabelGitSync is on every object that a GitSync applied: "<namespace>.<name>" of the GitSync, shortened by a hash
	// where it would be longer than a label may be.
	LabelGitSync = "sluice.dev/gitsync"

	// AnnotationRevision is on every ReplicaSet: the number of the revision, from 1, rising with each release.
	AnnotationRevision = "sluice.dev/revision"
	// AnnotationTemplateDigest is on every ReplicaSet: the sha256 of the canonical JSON of the pod template.
	AnnotationTemplateDigest = "sluice.dev/template-digest"
	// AnnotationEffectiveDigest is on every ReplicaSet: the same of the template with all that the API server fills in. A
	// template that comes to the same is no new revision.
	AnnotationEffectiveDigest = "sluice.dev/effective-digest"
	// AnnotationRole is on the ReplicaSets that matter after a loss of status: stable or rejected.
	AnnotationRole = "sluice.dev/role"
	// AnnotationAdoptedFrom is on every ReplicaSet that a Rollout took over, or is about to, and names the Deployment that
	// made it.
	AnnotationAdoptedFrom = "sluice.dev/adopted-from"
	// AnnotationPodMetadata is on ReplicaSets whose template carries labels and annotations of the strategy's
	// canaryMetadata, stableMetadata, previewMetadata or activeMetadata: JSON of what is put on, and of what was there
	// before.
	AnnotationPodMetadata = "sluice.dev/pod-metadata"
	// AnnotationAntiAffinity is on ReplicaSets whose template keeps away from the pods of another revision by the
	// strategy's antiAffinity: the hash of that revision.
	AnnotationAntiAffinity = "sluice.dev/anti-affinity"
	// AnnotationWorkloadReplicas is on the Deployment of a workloadRef while the Rollout keeps it smaller: the number of
	// pods that its owner gave it.
	AnnotationWorkloadReplicas = "sluice.dev/workload-replicas"
	// AnnotationCommit is on Rollouts that a GitSync applied, and on the ReplicaSets made of them: the commit at which
	// this content first appeared.
	AnnotationCommit = "sluice.dev/commit"
	// AnnotationSyncRequestedAt on a GitSync asks for a sync at once; any new value does.
	AnnotationSyncRequestedAt = "sluice.dev/sync-requested-at"
	// AnnotationApprovePrune on a GitSync lets one prune through that a guard holds back: the one whose digest it gives.
	AnnotationApprovePrune = "sluice.dev/approve-prune"
	// AnnotationPrune set to "disabled" on an applied object keeps it when it leaves Git.
	AnnotationPrune = "sluice.dev/prune"
)

// Field managers under which Sluice writes.
const (
	// ManagerController writes status, ReplicaSets, Services, routes and AnalysisRuns.
	ManagerController = "sluice-controller"
	// ManagerGitSync applies what Git says.
	ManagerGitSync = "sluice-gitsync"
	// ManagerCLI writes requests. It does not begin with "kubectl", since Flux takes such managers' fields over.
	ManagerCLI = "sluice-cli"
)
