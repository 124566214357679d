package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
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
// +kubebuilder:printcolumn:name="Weight",type=integer,JSONPath=`.status.canary.weights.asked`
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
// +kubebuilder:validation:XValidation:rule="!has(self.progressDeadlineSeconds) || !has(self.minReadySeconds) || self.progressDeadlineSeconds > self.minReadySeconds",message="progressDeadlineSeconds must be greater than minReadySeconds"
// +kubebuilder:validation:XValidation:rule="(has(self.selector.matchLabels) && size(self.selector.matchLabels) > 0) || (has(self.selector.matchExpressions) && size(self.selector.matchExpressions) > 0)",message="selector must select something: set matchLabels or matchExpressions"
// +kubebuilder:validation:XValidation:rule="!has(self.selector.matchLabels) || (has(self.template.metadata) && has(self.template.metadata.labels) && self.selector.matchLabels.all(k, k in self.template.metadata.labels))",message="selector.matchLabels must be among template.metadata.labels, with the same values"
type RolloutSpec struct {
	// replicas is the number of pods at full size; absent means 1. An autoscaler sets it through the scale
	// subresource. While a canary runs, its pods come on top.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100000
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`

	// selector selects the pods, as in a Deployment. It cannot be changed.
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="selector cannot be changed; delete the Rollout with --cascade=orphan and create it anew"
	// +required
	Selector metav1.LabelSelector `json:"selector,omitzero"`

	// template is the pod template. Any change of it is a new revision.
	// +required
	Template PodTemplate `json:"template,omitzero"`

	// minReadySeconds is how long a pod must be ready, without a container crashing, to count as available.
	// Absent means 0.
	// +kubebuilder:validation:Minimum=0
	// +optional
	MinReadySeconds *int32 `json:"minReadySeconds,omitempty"`

	// revisionHistoryLimit is how many old ReplicaSets without pods are kept; absent means 10.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	// +optional
	RevisionHistoryLimit *int32 `json:"revisionHistoryLimit,omitempty"`

	// progressDeadlineSeconds is how long a release may go without a further pod becoming available before it counts
	// as stuck; absent means 600. Pauses and analysis do not count.
	// +kubebuilder:validation:Minimum=1
	// +optional
	ProgressDeadlineSeconds *int32 `json:"progressDeadlineSeconds,omitempty"`

	// progressDeadlineAbort says whether a stuck release is aborted; absent means false: it is only reported.
	// +optional
	ProgressDeadlineAbort *bool `json:"progressDeadlineAbort,omitempty"`

	// strategy says how traffic moves to a new revision.
	// +required
	Strategy RolloutStrategy `json:"strategy,omitzero"`

	// analysis bounds how many finished AnalysisRuns are kept.
	// +optional
	Analysis *AnalysisHistory `json:"analysis,omitempty"`
}

// AnalysisHistory bounds how many finished AnalysisRuns of a Rollout are kept.
type AnalysisHistory struct {
	// successfulRunHistoryLimit is how many successful runs are kept; absent means 5.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +optional
	SuccessfulRunHistoryLimit *int32 `json:"successfulRunHistoryLimit,omitempty"`
	// unsuccessfulRunHistoryLimit is how many runs with another outcome are kept; absent means 5.
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

// RolloutStrategy says how traffic moves to a new revision.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:MaxProperties=1
type RolloutStrategy struct {
	// canary moves traffic in steps.
	// +optional
	Canary *CanaryStrategy `json:"canary,omitempty"`
}

// CanaryStrategy moves traffic to a new revision in steps.
//
// +kubebuilder:validation:XValidation:rule="self.canaryService != self.stableService",message="canaryService and stableService must be two Services"
type CanaryStrategy struct {
	// stableService is the Service that the route sends traffic to at rest. While a release runs its selector is
	// pinned to the stable revision.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	StableService string `json:"stableService,omitempty"`

	// canaryService is the Service that the route sends the canary's share to. While a release runs its selector is
	// pinned to the new revision.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	CanaryService string `json:"canaryService,omitempty"`

	// steps are taken one after the other; none means that the traffic moves over as soon as the new pods are
	// available. After the last one the new revision gets all traffic and becomes the stable one.
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	// +optional
	Steps []CanaryStep `json:"steps,omitempty"`

	// trafficRouting names the routes whose weights are moved.
	// +required
	TrafficRouting TrafficRouting `json:"trafficRouting,omitzero"`

	// scaleDownDelaySeconds is how long the old pods are kept after the last request could have reached them, for an
	// instant way back; absent means 30, 0 means that they go at once.
	// +kubebuilder:validation:Minimum=0
	// +optional
	ScaleDownDelaySeconds *int32 `json:"scaleDownDelaySeconds,omitempty"`

	// abortScaleDownDelaySeconds is how long an aborted revision's pods are kept, for a look at them, after the last
	// request could have reached them; absent means 30, 0 means that they go at once.
	// +kubebuilder:validation:Minimum=0
	// +optional
	AbortScaleDownDelaySeconds *int32 `json:"abortScaleDownDelaySeconds,omitempty"`
}

// CanaryStep is one step: exactly one of its fields is set.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:MaxProperties=1
type CanaryStep struct {
	// setWeight is the canary's share of the traffic in percent, 0 to 100. The step is done when as many canary pods
	// are available and every gateway has acknowledged the weight.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +optional
	SetWeight *int32 `json:"setWeight,omitempty"`
	// pause waits for a time, or, without one, until somebody promotes.
	// +optional
	Pause *RolloutPause `json:"pause,omitempty"`
	// analysis runs an AnalysisRun and waits for it: Successful goes on, Failed or Error aborts the release,
	// Inconclusive waits for somebody to promote or abort.
	// +optional
	Analysis *RolloutAnalysis `json:"analysis,omitempty"`
}

// RolloutPause is a wait.
type RolloutPause struct {
	// duration is seconds as a number or a time such as "10m"; absent means until somebody promotes.
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 0 && self <= 99999999 : (self.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') || self.matches('^[0-9]{1,8}$'))",message="duration must be seconds or a time such as 30s, 10m or 1h30m"
	// +kubebuilder:validation:MaxLength=24
	// +optional
	Duration *intstr.IntOrString `json:"duration,omitempty"`
}

// RolloutAnalysis says which templates an AnalysisRun is made of.
type RolloutAnalysis struct {
	// templates are merged into one AnalysisRun; metric names must be unique over all of them.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=20
	// +listType=atomic
	// +required
	Templates []AnalysisTemplateRef `json:"templates,omitempty"`
	// args give values to the arguments that the templates declare.
	// +kubebuilder:validation:MaxItems=100
	// +listType=map
	// +listMapKey=name
	// +optional
	Args []RolloutAnalysisArg `json:"args,omitempty"`
}

// AnalysisTemplateRef names a template.
type AnalysisTemplateRef struct {
	// templateName is the name of an AnalysisTemplate in the same namespace, or of a ClusterAnalysisTemplate.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	TemplateName string `json:"templateName,omitempty"`
	// clusterScope says that templateName is a ClusterAnalysisTemplate.
	// +optional
	ClusterScope bool `json:"clusterScope,omitempty"`
}

// RolloutAnalysisArg gives a value to an argument of a template.
//
// +kubebuilder:validation:XValidation:rule="has(self.value) != has(self.valueFrom)",message="exactly one of value and valueFrom must be set"
type RolloutAnalysisArg struct {
	// name of the argument.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name,omitempty"`
	// value of the argument.
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Value *string `json:"value,omitempty"`
	// valueFrom takes the value from the release.
	// +optional
	ValueFrom *RolloutArgSource `json:"valueFrom,omitempty"`
}

// RolloutArgSource is where an argument's value comes from: exactly one of its fields is set.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:MaxProperties=1
type RolloutArgSource struct {
	// podTemplateHashValue is Stable or Latest: the hash of that revision, the value of the label
	// sluice.dev/pod-template-hash of its pods.
	// +kubebuilder:validation:Enum=Stable;Latest
	// +optional
	PodTemplateHashValue *string `json:"podTemplateHashValue,omitempty"`
	// fieldRef is a field of the Rollout's metadata.
	// +optional
	FieldRef *FieldRef `json:"fieldRef,omitempty"`
}

// FieldRef names a field of an object.
type FieldRef struct {
	// fieldPath is metadata.name, metadata.namespace, metadata.labels['x'] or metadata.annotations['x'].
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +required
	FieldPath string `json:"fieldPath,omitempty"`
}

// TrafficRouting names what moves the traffic.
type TrafficRouting struct {
	// gatewayAPI moves the weights of Gateway API routes.
	// +required
	GatewayAPI GatewayAPIRouting `json:"gatewayAPI,omitzero"`

	// settleSeconds is how long after a gateway's acknowledgement of a changed weight requests may still follow the
	// old one. It must exceed the gateway's own batching of changes; nothing that takes pods away happens before it
	// is over. Absent means 5.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=3600
	// +optional
	SettleSeconds *int32 `json:"settleSeconds,omitempty"`
}

// GatewayAPIRouting names Gateway API routes.
type GatewayAPIRouting struct {
	// httpRoutes are the HTTPRoutes, in the Rollout's namespace, that send traffic to the stableService. Rules that do
	// not are left alone.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +listType=map
	// +listMapKey=name
	// +required
	HTTPRoutes []RouteRef `json:"httpRoutes,omitempty"`
}

// RouteRef names a route.
type RouteRef struct {
	// name of the route.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name,omitempty"`
}
