package forecast

import (
	"time"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// Scenario is what is played.
type Scenario struct {
	// Start is the time at which the spec changes; zero means a fixed time of the past.
	Start time.Time
	// Before is the spec with which the Rollout is at rest, its Revision being the stable one. Where its Revision is
	// empty the Rollout does not exist before, and is created at the start.
	Before plan.Spec
	// After is what the spec becomes at the start. Cause says why, where the difference does not say it.
	After plan.Spec
	Cause string
	// Resize is the spec with another number of replicas, and what follows from it; nil means that nothing else does.
	Resize func(spec plan.Spec, replicas int32) plan.Spec
	// StableService and CanaryService say whether the spec names these Services.
	StableService, CanaryService bool
	// Routes are the names of the routes whose weights are moved.
	Routes []string
	// MinReady is how long a pod must be ready to count as available.
	MinReady time.Duration
	// HasWorkload says that the pod template is that of a workload, which has WorkloadPods pods before the release.
	HasWorkload  bool
	WorkloadPods int32
	// Events are what happens besides, in the order in which they are carried out where they fall on one instant.
	Events []Event
	// Assume is what is taken for granted.
	Assume Assumptions
}

// Assumptions are what nobody can know before.
type Assumptions struct {
	// PodReady is the time from the making of a pod until it is ready.
	PodReady time.Duration
	// Analysis is how long an analysis takes until it succeeds, by the index of its step; NoEnd where it never does.
	Analysis map[int32]time.Duration
	// OtherAnalysis is how long one takes that is not in Analysis.
	OtherAnalysis time.Duration
	// Background is how long the analysis beside the steps takes until it succeeds; NoEnd means that it goes on until
	// the release ends it.
	Background time.Duration
	// Promotes says that somebody promotes where the release waits for somebody, after PromoteAfter.
	Promotes     bool
	PromoteAfter time.Duration
}

// NoEnd is the length of an analysis that does not end by itself.
const NoEnd time.Duration = -1

// Kind tells the entries of a forecast apart.
type Kind string

// The kinds of entries.
const (
	// Happens is something that does not come from the controller: a change of the spec, a request, a fault.
	Happens Kind = "Happens"
	// Decides is a decision of the controller that changes something.
	Decides Kind = "Decides"
	// Waits is a time in which the controller does nothing.
	Waits Kind = "Waits"
)

// Entry is one line of a forecast.
type Entry struct {
	Kind Kind
	// At is the time since the start. For is how long a wait lasts; 0 at the end, where it does not end.
	At, For time.Duration
	// What happens, or what is waited for.
	What string
	// Notes are the reasons of a decision, Actions what is done to the cluster.
	Notes   []plan.Note
	Actions []plan.Action
	// Step is the number of the step that the release is at, from 1; one more than there are when all are done, and 0
	// where nothing is released.
	Step int32
	// Phase of the Rollout after the entry.
	Phase plan.Phase
	// Revisions are the revisions that have pods or have had some, in the order of their first appearance.
	Revisions []Revision
}

// WorkloadName is the Name under which a Revision tells of the pods of the workload.
const WorkloadName = "workload"

// Revision is what a revision has after an entry.
type Revision struct {
	Name string
	// Share of the traffic in percent that is sent to it.
	Share int32
	// Pods that are not terminating, those of them that are available, and how many there are to be.
	Pods, Available, Desired int32
}

// Ending is how a forecast ends.
type Ending string

// The endings.
const (
	// AtRest: the release is over, and nothing is left to do.
	AtRest Ending = "AtRest"
	// WaitsForPerson: nothing happens before somebody promotes, resumes or aborts.
	WaitsForPerson Ending = "WaitsForPerson"
	// Stuck: nothing happens any more, and the Rollout is not healthy.
	Stuck Ending = "Stuck"
	// Endless: it does not come to rest.
	Endless Ending = "Endless"
)

// Forecast is what a scenario comes to.
type Forecast struct {
	Entries []Entry
	Ending  Ending
	// Revisions are what the revisions have at the end.
	Revisions []Revision
	// Summary is the state of the Rollout at the end, in the controller's words. For Endless Message says what goes on.
	Summary plan.Summary
	Message string
	Totals  Totals
	// Unused are the events whose time never came.
	Unused []Event
	// Violations are the invariants that the engine broke: mistakes in it, each once. There should never be any.
	Violations []string
}

// Totals add a forecast up.
type Totals struct {
	// Duration until the end. Served is when the wanted revision had all traffic for good; 0 where it never had.
	Duration, Served time.Duration
	// Pauses is the time in pauses that have a length, Analysis that in analyses, Persons that in which somebody was
	// waited for.
	Pauses, Analysis, Persons time.Duration
	// WaitsForPersons counts how often somebody was waited for.
	WaitsForPersons int
	// Replicas is the number of pods at rest; PeakPods the most that there were at a time, those of a workload included.
	Replicas, PeakPods int32
	// ExtraPodTime is what the pods above Replicas add up to: two pods for an hour are two hours.
	ExtraPodTime time.Duration
	// LeastAvailable is the least number of available pods of all revisions together.
	LeastAvailable int32
	// Decisions counts the calls of the engine, Writes the actions.
	Decisions, Writes int
}
