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
