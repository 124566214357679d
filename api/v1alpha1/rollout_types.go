package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Rollout replaces a Deployment: it runs a pod template, and moves traffic to a changed template in steps that
// metrics and people may stop.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.replicas,statuspath=.status.replicas,selectorpath=.status.selector
// +kubebuilder:resource:shortName=ro,categories=sluice
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Step",type=string,JSONPath=`.status.step`
// +kubebuilder:printcolumn:name="Weight",type=integer,JSONPath=`.status.release.weights.asked`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.message`
// +kubebuilder:printcolumn:name="Commit",type=string,JSONPath=`.status.commit`,priority=10
// +kubebuilder:printcolumn:name="Stable",type=string,JSONPath=`.status.stableRevision`,priority=10
// +kubebuilder:printcolumn:name="Desired",type=integer,JSONPath=`.spec.replicas`,priority=10
// +kubebuilder:printcolumn:name="Available",type=integer,JSONPath=`.status.availableReplicas`,priority=10
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 52",message="metadata.name must be at most 52 characters: ReplicaSets and AnalysisRuns add a suffix to it"
type Rollout struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is wanted.
	// +required
	Spec RolloutSpec `json:"spec,omitzero"`
	// status is what is observed, and the requests of people (status.request).
	// +optional
	Status RolloutStatus `json:"status,omitzero"`
}

// RolloutList is a list of Rollouts.
//
// +kubebuilder:object:root=true
type RolloutList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Rollout `json:"items"`
}

// RolloutSpec is what a user wants of a Rollout. That the values of selector.matchLabels are those of the template is
// checked with the template, by a dry run: label values have no bound in the schema, so comparing them is too dear here.
//
// +kubebuilder:validation:XValidation:rule="!has(self.minReadySeconds) || self.minReadySeconds < (has(self.progressDeadlineSeconds) ? self.progressDeadlineSeconds : 600)",message="progressDeadlineSeconds, 600 where it is absent, must be greater than minReadySeconds"
// +kubebuilder:validation:XValidation:rule="!has(self.rollbackWindow) || self.rollbackWindow.revisions <= (has(self.revisionHistoryLimit) ? self.revisionHistoryLimit : 10)",message="rollbackWindow.revisions must be at most revisionHistoryLimit, 10 where it is absent: older ReplicaSets are not kept"
// +kubebuilder:validation:XValidation:rule="has(self.workloadRef) != has(self.template)",message="exactly one of template and workloadRef must be set"
// +kubebuilder:validation:XValidation:rule="has(self.workloadRef) || has(self.selector)",message="selector must be set, unless workloadRef is"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.selector) || has(self.selector)",message="selector cannot be removed once it is set; delete the Rollout with --cascade=orphan and create it anew"
// +kubebuilder:validation:XValidation:rule="!has(self.workloadRef) || !has(self.adopt)",message="adopt takes a Deployment's pods over and workloadRef leaves the Deployment in place: remove one of them"
// +kubebuilder:validation:XValidation:rule="!has(self.selector) || (has(self.selector.matchLabels) && size(self.selector.matchLabels) > 0) || (has(self.selector.matchExpressions) && size(self.selector.matchExpressions) > 0)",message="selector must select something: set matchLabels or matchExpressions"
// +kubebuilder:validation:XValidation:rule="!has(self.template) || !has(self.selector) || !has(self.selector.matchLabels) || (has(self.template.metadata) && has(self.template.metadata.labels) && self.selector.matchLabels.all(k, k in self.template.metadata.labels))",message="selector.matchLabels must be among template.metadata.labels, with the same values"
type RolloutSpec struct {
	// replicas is the number of pods at full size. Absent means 1, or with adopt and workloadRef as many as the Deployment
	// has; taken out later, as many as there are. The controller writes that number here once, so that an autoscaler finds
	// it, which sets it through the scale subresource. How many pods may come on top during a release is the strategy's
	// maxSurge.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100000
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`

	// selector selects the pods, as in a Deployment. It cannot be changed. With workloadRef it may be absent: it is the
	// workload's then.
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="selector cannot be changed; delete the Rollout with --cascade=orphan and create it anew"
	// +optional
	Selector metav1.LabelSelector `json:"selector,omitzero"`

	// template is the pod template. Any change of it is a new revision. Exactly one of template and workloadRef is set.
	// +optional
	Template PodTemplate `json:"template,omitzero"`

	// workloadRef takes the pod template, and where selector is absent the selector, from a Deployment, which stays in
	// place. A change of the Deployment's template is a new revision of the Rollout.
	// +optional
	WorkloadRef *WorkloadRef `json:"workloadRef,omitempty"`

	// adopt takes a running Deployment over without touching its pods: the Deployment is deleted without them, and
	// its ReplicaSet becomes the stable revision. It does nothing once the Deployment is gone.
	// +optional
	Adopt *AdoptRef `json:"adopt,omitempty"`

	// minReadySeconds is how long a pod must be ready, without a container crashing, to count as available.
	// Absent means 0: as soon as it is ready.
	// +kubebuilder:validation:Minimum=0
	// +optional
	MinReadySeconds *int32 `json:"minReadySeconds,omitempty"`

	// revisionHistoryLimit is how many old ReplicaSets without pods are kept, for kubectl sluice undo and the rollback
	// window; absent means 10, 0 means none.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	// +optional
	RevisionHistoryLimit *int32 `json:"revisionHistoryLimit,omitempty"`

	// paused holds releases: none begins, and one that is under way does not move forward. An abort, a failing analysis
	// and a change of replicas work on. Absent means false.
	// +optional
	Paused bool `json:"paused,omitempty"`

	// progressDeadlineSeconds is how long a step may go without a further pod becoming available before the release
	// counts as stuck; absent means 600. Pauses and analysis do not count.
	// +kubebuilder:validation:Minimum=1
	// +optional
	ProgressDeadlineSeconds *int32 `json:"progressDeadlineSeconds,omitempty"`

	// progressDeadlineAbort says whether a stuck release is aborted and its revision rejected; absent means false: it is
	// only reported.
	// +optional
	ProgressDeadlineAbort *bool `json:"progressDeadlineAbort,omitempty"`

	// restartAt asks for every pod that was made before this time to be replaced, a few at a time as the strategy's
	// maxUnavailable allows, honouring PodDisruptionBudgets; where it allows none, a pod more is made first. A time to
	// come is waited for. Absent means never. It makes no new revision.
	// +optional
	RestartAt *metav1.Time `json:"restartAt,omitempty"`

	// rollbackWindow lets a release of a recent revision skip its steps; absent means that every release takes them.
	// +optional
	RollbackWindow *RollbackWindow `json:"rollbackWindow,omitempty"`

	// strategy says how traffic moves to a new revision.
	// +required
	Strategy RolloutStrategy `json:"strategy,omitzero"`

	// analysis bounds how many finished AnalysisRuns are kept. What they found out stays in status.history.
	// +optional
	Analysis *AnalysisHistory `json:"analysis,omitempty"`
}

// WorkloadRef names the workload whose pod template a Rollout runs.
type WorkloadRef struct {
	// apiVersion of the workload: apps/v1, which is also what absent means.
	// +kubebuilder:validation:Enum=apps/v1
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`
	// kind of the workload: Deployment, which is also what absent means.
	// +kubebuilder:validation:Enum=Deployment
	// +optional
	Kind string `json:"kind,omitempty"`
	// name of the workload, in the Rollout's namespace.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name,omitempty"`
	// scaleDown says when the workload's own pods go: never (the default), onsuccess: once a release has succeeded and
	// its pods have the traffic, or progressively: as many as pods of the Rollout become available. It is decided at
	// every release. Deleting the Rollout gives the workload its pods back.
	// +kubebuilder:validation:Enum=never;onsuccess;progressively
	// +optional
	ScaleDown WorkloadScaleDown `json:"scaleDown,omitempty"`
}

// WorkloadScaleDown says when a referenced workload's own pods go.
type WorkloadScaleDown string

// When a referenced workload's own pods go.
const (
	// ScaleDownNever leaves them.
	ScaleDownNever WorkloadScaleDown = "never"
	// ScaleDownOnSuccess takes them away once a release has succeeded.
	ScaleDownOnSuccess WorkloadScaleDown = "onsuccess"
	// ScaleDownProgressively takes as many away as pods of the Rollout become available.
	ScaleDownProgressively WorkloadScaleDown = "progressively"
)

// AdoptRef names the Deployment that a Rollout takes over.
type AdoptRef struct {
	// name of the Deployment, in the Rollout's namespace. Its selector must be the Rollout's.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name,omitempty"`
}

// RollbackWindow bounds how far back a release may go without its steps.
type RollbackWindow struct {
	// revisions is how many revisions back, by revision number, a release may go without its steps, pauses and
	// analysis. A revision that was aborted is never in the window. At most revisionHistoryLimit, since it needs the
	// ReplicaSet.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +required
	Revisions int32 `json:"revisions,omitempty"`
}

// AnalysisHistory bounds how many finished AnalysisRuns of a Rollout are kept.
type AnalysisHistory struct {
	// successfulRunHistoryLimit is how many successful runs are kept; absent means 5, 0 means none.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +optional
	SuccessfulRunHistoryLimit *int32 `json:"successfulRunHistoryLimit,omitempty"`
	// unsuccessfulRunHistoryLimit is how many runs with another outcome are kept; absent means 5, 0 means none.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +optional
	UnsuccessfulRunHistoryLimit *int32 `json:"unsuccessfulRunHistoryLimit,omitempty"`
}

// PodTemplate is a pod template whose spec the schema passes through untouched, so that newer pod fields work and no
// upgrade starts a release. The API server's own validation of pods is applied by a dry run before anything moves.
type PodTemplate struct {
	// metadata holds the labels and annotations of the pods. Nothing else in it counts, such as the creationTimestamp
	// that generators write.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +optional
	Metadata TemplateMetadata `json:"metadata,omitzero"`
	// spec is the pod's spec, as in a Deployment.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Type=object
	// +required
	Spec runtime.RawExtension `json:"spec,omitzero"`
}

// TemplateMetadata is the part of an object's metadata that a template may set.
type TemplateMetadata struct {
	// labels of the objects made from the template.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// annotations of the objects made from the template.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}
