package v1alpha1

import (
	"k8s.io/apimachinery/pkg/util/intstr"
)

// RolloutStrategy says how traffic moves to a new revision: exactly one of its fields is set. A change of the strategy
// during a release takes effect when what the release moved has been brought to rest.
//
// +kubebuilder:validation:ExactlyOneOf=canary;blueGreen
type RolloutStrategy struct {
	// canary moves traffic in steps.
	// +optional
	Canary *CanaryStrategy `json:"canary,omitempty"`
	// blueGreen brings the new revision up beside the old one, and switches all traffic at once.
	// +optional
	BlueGreen *BlueGreenStrategy `json:"blueGreen,omitempty"`
}

// CanaryStrategy moves traffic to a new revision in steps: by the weights of routes with trafficRouting, and by the
// number of pods of each revision without it.
//
// +kubebuilder:validation:XValidation:rule="!has(self.canaryService) || !has(self.stableService) || self.canaryService != self.stableService",message="canaryService and stableService must be two Services: give the canary one of its own"
// +kubebuilder:validation:XValidation:rule="!has(self.trafficRouting) || (has(self.trafficRouting.gatewayAPI) && has(self.stableService))",message="trafficRouting needs gatewayAPI and stableService: set both, or leave trafficRouting out to let the numbers of pods carry the weight"
// +kubebuilder:validation:XValidation:rule="has(self.trafficRouting) || !has(self.dynamicStableScale) || !self.dynamicStableScale",message="dynamicStableScale needs trafficRouting: without it the stable revision shrinks as the canary grows in any case; remove it or set trafficRouting"
// +kubebuilder:validation:XValidation:rule="has(self.trafficRouting) || !has(self.minPodsPerReplicaSet)",message="minPodsPerReplicaSet needs trafficRouting: without it the number of pods is the weight; remove it or set trafficRouting"
// +kubebuilder:validation:XValidation:rule="has(self.trafficRouting) || !has(self.steps) || self.steps.all(s, !has(s.setCanaryScale))",message="setCanaryScale needs trafficRouting: without it the number of pods is the weight; remove the step or set trafficRouting"
// +kubebuilder:validation:XValidation:rule="has(self.trafficRouting) || (!has(self.scaleDownDelaySeconds) && !has(self.abortScaleDownDelaySeconds) && !has(self.scaleDownDelayRevisionLimit))",message="scaleDownDelaySeconds, scaleDownDelayRevisionLimit and abortScaleDownDelaySeconds need trafficRouting: without it pods that stay keep their traffic; remove them or set trafficRouting"
// +kubebuilder:validation:XValidation:rule="!has(self.dynamicStableScale) || !self.dynamicStableScale || !has(self.scaleDownDelaySeconds)",message="scaleDownDelaySeconds has no use with dynamicStableScale: the old pods are gone when the release ends; remove one of them"
// +kubebuilder:validation:XValidation:rule="!has(self.analysis) || !has(self.analysis.startingStep) || self.analysis.startingStep == 0 || (has(self.steps) && self.analysis.startingStep < size(self.steps))",message="analysis.startingStep is past the last step, so that the analysis would never run: it counts from 0 and must be less than the number of steps"
type CanaryStrategy struct {
	// stableService is the Service that the route sends traffic to at rest. While a release runs its selector is
	// pinned to the stable revision; at rest it is as its owner wrote it. Needed with trafficRouting; without it, it has
	// the stable revision's pods for whoever wants to look at them alone.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +optional
	StableService string `json:"stableService,omitempty"`

	// canaryService is the Service that the route sends the canary's share to. While a release runs its selector is
	// pinned to the new revision; at rest it is as its owner wrote it. Absent with trafficRouting means that the Rollout
	// makes one for each release, a copy of the stableService named after it with -canary at its end, and removes it
	// afterwards. Without trafficRouting it has the canary's pods for whoever wants to look at them alone.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +optional
	CanaryService string `json:"canaryService,omitempty"`

	// steps are taken one after the other; none means that the traffic moves over as soon as the new pods are
	// available. After the last one the new revision gets all traffic and becomes the stable one.
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	// +optional
	Steps []CanaryStep `json:"steps,omitempty"`

	// trafficRouting names the routes whose weights are moved. Without it the numbers of pods of both revisions carry
	// the weight, as far as whole pods can.
	// +optional
	TrafficRouting *TrafficRouting `json:"trafficRouting,omitempty"`

	// maxSurge is how many pods may be there on top of replicas during a release, as a number or a percentage of
	// replicas, rounded up. Absent means 25% without trafficRouting, and with it no bound: the canary's pods come on top.
	// 0 means none: maxUnavailable makes the room. With trafficRouting a bound is held by weights between those of the
	// steps, never above the step's.
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 0 && self <= 100000 : self.matches('^[0-9]{1,5}%$')",message="maxSurge must be a number of pods such as 1, from 0 to 100000 and without quotes, or a percentage such as 25%"
	// +kubebuilder:validation:MaxLength=6
	// +optional
	MaxSurge *intstr.IntOrString `json:"maxSurge,omitempty"`

	// maxUnavailable is how many of the replicas may be missing during a release or a restart, as a number or a
	// percentage of replicas, rounded down; absent means 25%. 0 means none: pods are made before others go. When this and
	// maxSurge both come to 0, it is 1, since nothing could move.
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 0 && self <= 100000 : self.matches('^([0-9]{1,2}|100)%$')",message="maxUnavailable must be a number of pods such as 1, from 0 to 100000 and without quotes, or a percentage from 0% to 100%"
	// +kubebuilder:validation:MaxLength=6
	// +optional
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`

	// analysis runs in the background of a release, from a step on until its end. Failed or Error aborts the release at
	// whatever step it is; Inconclusive holds it until somebody promotes or aborts.
	// +optional
	Analysis *BackgroundAnalysis `json:"analysis,omitempty"`

	// canaryMetadata is put on the pods of the new revision while it is a canary, and taken off when it is promoted. A
	// change of it replaces no pod.
	// +optional
	CanaryMetadata *EphemeralMetadata `json:"canaryMetadata,omitempty"`

	// stableMetadata is put on the pods of the stable revision. A change of it replaces no pod.
	// +optional
	StableMetadata *EphemeralMetadata `json:"stableMetadata,omitempty"`

	// scaleDownDelaySeconds is how long the old pods are kept after the last request could have reached them, for an
	// instant way back; absent means 30, 0 means that they go at once.
	// +kubebuilder:validation:Minimum=0
	// +optional
	ScaleDownDelaySeconds *int32 `json:"scaleDownDelaySeconds,omitempty"`

	// scaleDownDelayRevisionLimit is how many old revisions are kept for their delay; the oldest above it go as soon as
	// no request can reach them any more. Absent means all, 0 means none.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=50
	// +optional
	ScaleDownDelayRevisionLimit *int32 `json:"scaleDownDelayRevisionLimit,omitempty"`

	// abortScaleDownDelaySeconds is how long an aborted revision's pods are kept, for a look at them, after the last
	// request could have reached them; absent means 30, 0 means that they go at once.
	// +kubebuilder:validation:Minimum=0
	// +optional
	AbortScaleDownDelaySeconds *int32 `json:"abortScaleDownDelaySeconds,omitempty"`

	// dynamicStableScale makes the stable revision smaller as its share of the traffic is gone, and larger before it
	// gets it back, so that an abort takes as long as its pods need to start. Absent means false: it stays at full size.
	// +optional
	DynamicStableScale bool `json:"dynamicStableScale,omitempty"`

	// minPodsPerReplicaSet is the least number of pods of a revision that has any, but no more than replicas; absent
	// means 1.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	// +optional
	MinPodsPerReplicaSet *int32 `json:"minPodsPerReplicaSet,omitempty"`

	// replicaProgressThreshold says how many of the pods that a step needs are enough to go on; absent means all.
	// +optional
	ReplicaProgressThreshold *ReplicaProgressThreshold `json:"replicaProgressThreshold,omitempty"`

	// antiAffinity keeps the pods of a new revision away from the nodes of the old one's.
	// +optional
	AntiAffinity *AntiAffinity `json:"antiAffinity,omitempty"`
}

// BlueGreenStrategy brings the new revision up beside the old one, looks at it, and switches all traffic at once: by
// the selector of the active Service, or by the weights of routes with trafficRouting.gatewayAPI.
//
// +kubebuilder:validation:XValidation:rule="!has(self.previewService) || self.previewService != self.activeService",message="previewService and activeService must be two Services: give the preview one of its own, or leave previewService out"
// +kubebuilder:validation:XValidation:rule="!has(self.autoPromotionSeconds) || !has(self.autoPromotionEnabled) || self.autoPromotionEnabled",message="autoPromotionSeconds has no use with autoPromotionEnabled: false, where somebody promotes: remove one of them"
type BlueGreenStrategy struct {
	// activeService is the Service that has the traffic. While a release runs its selector is pinned to one revision; at
	// rest it is as its owner wrote it.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	ActiveService string `json:"activeService,omitempty"`

	// previewService has the new revision's pods during a release, from when they are available. Absent with
	// trafficRouting.gatewayAPI means that the Rollout makes one for each release, a copy of the activeService named after
	// it with -canary at its end, and removes it afterwards.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +optional
	PreviewService string `json:"previewService,omitempty"`

	// previewReplicaCount is how many pods the new revision has before it is to be switched to; absent means replicas.
	// It is brought to replicas before the switch.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	// +optional
	PreviewReplicaCount *int32 `json:"previewReplicaCount,omitempty"`

	// autoPromotionEnabled says whether the switch comes by itself; absent means true. With false somebody promotes.
	// +optional
	AutoPromotionEnabled *bool `json:"autoPromotionEnabled,omitempty"`

	// autoPromotionSeconds is how long to wait before the switch comes by itself, from when the new pods are available
	// and prePromotionAnalysis has succeeded; absent means 0: at once.
	// +kubebuilder:validation:Minimum=0
	// +optional
	AutoPromotionSeconds *int32 `json:"autoPromotionSeconds,omitempty"`

	// prePromotionAnalysis runs when the new pods are available, before the switch. When it fails there is no switch, and
	// the release is aborted.
	// +optional
	PrePromotionAnalysis *RolloutAnalysis `json:"prePromotionAnalysis,omitempty"`

	// postPromotionAnalysis runs after the switch. When it fails the traffic goes back to the old pods, which are kept
	// until it has succeeded, whatever scaleDownDelaySeconds says.
	// +optional
	PostPromotionAnalysis *RolloutAnalysis `json:"postPromotionAnalysis,omitempty"`

	// trafficRouting names routes whose weights make the switch; without it, or without its gatewayAPI, the selector of
	// the active Service makes it, and settleSeconds is how long its endpoints take to be known everywhere.
	// +optional
	TrafficRouting *TrafficRouting `json:"trafficRouting,omitempty"`

	// maxUnavailable is how many of the replicas may be missing during a restart, as a number or a percentage of
	// replicas, rounded down; absent means 0: a pod more is made first. A release never misses any.
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 0 && self <= 100000 : self.matches('^([0-9]{1,2}|100)%$')",message="maxUnavailable must be a number of pods such as 1, from 0 to 100000 and without quotes, or a percentage from 0% to 100%"
	// +kubebuilder:validation:MaxLength=6
	// +optional
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`

	// scaleDownDelaySeconds is how long the old pods are kept after the last request could have reached them, for an
	// instant way back; absent means 30, 0 means that they go at once.
	// +kubebuilder:validation:Minimum=0
	// +optional
	ScaleDownDelaySeconds *int32 `json:"scaleDownDelaySeconds,omitempty"`

	// scaleDownDelayRevisionLimit is how many old revisions are kept for their delay; the oldest above it go as soon as
	// no request can reach them any more. Absent means all, 0 means none.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=50
	// +optional
	ScaleDownDelayRevisionLimit *int32 `json:"scaleDownDelayRevisionLimit,omitempty"`

	// abortScaleDownDelaySeconds is how long an aborted revision's pods are kept, for a look at them, after the last
	// request could have reached them; absent means 30, 0 means that they go at once.
	// +kubebuilder:validation:Minimum=0
	// +optional
	AbortScaleDownDelaySeconds *int32 `json:"abortScaleDownDelaySeconds,omitempty"`

	// previewMetadata is put on the pods of the new revision until it is promoted.
	// +optional
	PreviewMetadata *EphemeralMetadata `json:"previewMetadata,omitempty"`

	// activeMetadata is put on the pods of the stable revision.
	// +optional
	ActiveMetadata *EphemeralMetadata `json:"activeMetadata,omitempty"`

	// replicaProgressThreshold says how many of the replicas are enough to go on; absent means all.
	// +optional
	ReplicaProgressThreshold *ReplicaProgressThreshold `json:"replicaProgressThreshold,omitempty"`

	// antiAffinity keeps the pods of a new revision away from the nodes of the old one's.
	// +optional
	AntiAffinity *AntiAffinity `json:"antiAffinity,omitempty"`
}

// EphemeralMetadata is put on live pods without replacing them.
type EphemeralMetadata struct {
	// labels of the pods. They may not be among those that the Rollout or its Services select by, nor
	// pod-template-hash or sluice.dev/pod-template-hash.
	// +kubebuilder:validation:MaxProperties=32
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// annotations of the pods.
	// +kubebuilder:validation:MaxProperties=32
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}

// ReplicaProgressThreshold is how many pods are enough.
//
// +kubebuilder:validation:XValidation:rule="self.type == 'Pods' || self.value <= 100",message="value must be a percentage of at most 100, unless type is Pods"
type ReplicaProgressThreshold struct {
	// type is Percent: value is a percentage of the pods that a step needs, rounded up; or Pods: value is a number of
	// pods, and never more than the step needs.
	// +kubebuilder:validation:Enum=Percent;Pods
	// +required
	Type ThresholdType `json:"type,omitempty"`
	// value in that unit.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	// +required
	Value int32 `json:"value,omitempty"`
}

// ThresholdType is the unit of a threshold.
type ThresholdType string

// The units of a threshold.
const (
	// ThresholdPercent counts in percent of what a step needs.
	ThresholdPercent ThresholdType = "Percent"
	// ThresholdPods counts in pods.
	ThresholdPods ThresholdType = "Pods"
)

// AntiAffinity keeps the pods of two revisions on different nodes: exactly one of its fields is set. It is added to the
// pods that are made during a release, never to the template: no change of it is a new revision.
//
// +kubebuilder:validation:ExactlyOneOf=requiredDuringSchedulingIgnoredDuringExecution;preferredDuringSchedulingIgnoredDuringExecution
type AntiAffinity struct {
	// requiredDuringSchedulingIgnoredDuringExecution never puts a new pod beside an old one: a new pod that finds no
	// other node waits, and the progress deadline counts.
	// +optional
	Required *RequiredAntiAffinity `json:"requiredDuringSchedulingIgnoredDuringExecution,omitempty"`
	// preferredDuringSchedulingIgnoredDuringExecution avoids it where it can.
	// +optional
	Preferred *PreferredAntiAffinity `json:"preferredDuringSchedulingIgnoredDuringExecution,omitempty"`
}

// RequiredAntiAffinity has no settings.
type RequiredAntiAffinity struct{}

// PreferredAntiAffinity is how much it matters.
type PreferredAntiAffinity struct {
	// weight among the scheduler's other preferences, 1 to 100: the higher, the more it matters.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +required
	Weight int32 `json:"weight,omitempty"`
}

// CanaryStep is one step: exactly one of its fields is set.
//
// +kubebuilder:validation:ExactlyOneOf=setWeight;setCanaryScale;pause;analysis
type CanaryStep struct {
	// setWeight is the canary's share of the traffic in percent, 0 to 100. The step is done when as many canary pods
	// are available and every gateway has acknowledged the weight. Without trafficRouting it is the share of the pods, as
	// near as whole pods come to it.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +optional
	SetWeight *int32 `json:"setWeight,omitempty"`
	// setCanaryScale sets the number of canary pods apart from their share of the traffic, until matchTrafficWeight. They
	// are never fewer than their share needs, and no more than maxSurge leaves room for.
	// +optional
	SetCanaryScale *SetCanaryScale `json:"setCanaryScale,omitempty"`
	// pause waits for a time, or, without one, until somebody promotes.
	// +optional
	Pause *RolloutPause `json:"pause,omitempty"`
	// analysis runs an AnalysisRun and waits for it: Successful goes on, Failed or Error aborts the release,
	// Inconclusive waits for somebody to promote or abort.
	// +optional
	Analysis *RolloutAnalysis `json:"analysis,omitempty"`
}

// SetCanaryScale sets the number of canary pods: exactly one of its fields is set.
//
// +kubebuilder:validation:ExactlyOneOf=replicas;weight;matchTrafficWeight
type SetCanaryScale struct {
	// replicas is a number of pods; 0 means no more than the canary's share of the traffic needs.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100000
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
	// weight is a percentage of spec.replicas, rounded up; 0 means no more than the canary's share of the traffic needs.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +optional
	Weight *int32 `json:"weight,omitempty"`
	// matchTrafficWeight must be true where it is set, and lets the number follow the weight again.
	// +kubebuilder:validation:Enum=true
	// +optional
	MatchTrafficWeight *bool `json:"matchTrafficWeight,omitempty"`
}

// BackgroundAnalysis is an analysis that runs beside the steps.
type BackgroundAnalysis struct {
	RolloutAnalysis `json:",inline"`
	// startingStep is the index of the step, from 0, at which it begins; absent means 0: with the release.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +optional
	StartingStep int32 `json:"startingStep,omitempty"`
}

// RolloutPause is a wait.
type RolloutPause struct {
	// duration is seconds as a number or a time such as "10m"; absent means until somebody promotes, 0 means not at all.
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
	// clusterScope says that templateName is a ClusterAnalysisTemplate; absent means false: an AnalysisTemplate.
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
// +kubebuilder:validation:ExactlyOneOf=podTemplateHashValue;fieldRef
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
