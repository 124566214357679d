package view

import (
	"time"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// Model is something that can be shown.
type Model interface {
	// lines lays the model out.
	lines() []line
	// At returns the model as of another time: ages and times left follow, nothing else does.
	At(now time.Time) Model
}

// Rollout is what is shown of a Rollout.
type Rollout struct {
	// Now is the time that ages and times left are counted from.
	Now             time.Time
	Namespace, Name string
	Phase           v1alpha1.RolloutPhase
	Message         string
	// Behind says that the controller has not looked at the newest spec yet.
	Behind   bool
	Deleting bool
	// Commit of the wanted content; empty where no GitSync applied it.
	Commit   string
	Position Position
	// Hold is a pause that somebody asked for, or that the spec asks for; nil where there is none.
	Hold *Hold
	// Weights of the new revision; nil at rest.
	Weights *Weights
	// Background is the analysis beside the steps; nil where there is none.
	Background *BackgroundRun
	// Restart is a restart that is not done; nil where there is none.
	Restart *Restart
	// Template is where the pod template comes from; empty where it is the spec's own.
	Template string
	// Past is the release that ended last; nil where none has.
	Past *v1alpha1.ReleaseRecord
	Pods PodCounts
	// Pending is a request that the controller has not looked at.
	Pending *v1alpha1.RolloutRequest
	// Last is the last request that it has looked at.
	Last *v1alpha1.RolloutRequestOutcome
	// Revisions that have pods or a role, the newest first.
	Revisions []Revision
	// Hidden counts the others.
	Hidden int
	// Runs are analysis runs that belong to no revision that is shown.
	Runs []Run
	// Notes say what could not be read.
	Notes []string
}

// Position is where a release is.
type Position struct {
	// Index of the step, from 0; Total when all are done.
	Index, Total int
	// Step describes the present step, Next the one after it; empty where there is none.
	Step, Next string
	// Ends is when a timed pause is over; zero otherwise.
	Ends time.Time
	// Since is when a pause without an end began; zero otherwise.
	Since time.Time
	// Active is false at rest.
	Active bool
	// Switching is true once the promotion is committed.
	Switching bool
	// Withdrawing says that the strategy has changed: what was begun comes to rest before the new one counts.
	Withdrawing bool
	// Mode is the word of status.release.mode; empty where every step is taken.
	Mode string
	// Last says what comes behind the last step.
	Last string
}

// Hold is a pause that is no step.
type Hold struct {
	// BySpec says that it is spec.paused.
	BySpec bool
	// By is who asked for it, where that is known; Reason is why.
	By, Reason string
	// Since is when; zero where that is not known.
	Since time.Time
}

// Weights is the new revision's share of the traffic in percent.
type Weights struct {
	// By is what moves it: Routes, Replicas or Selector.
	By               string
	Asked, Low, High int32
	// AcknowledgedAt is zero until every gateway has acknowledged the asked share.
	AcknowledgedAt time.Time
	// Serving counts the available pods of the new revision, Available those of all; both 0 where they are not known.
	// With Replicas they are what the share comes to.
	Serving, Available int32
}

// settled says that nothing but the asked share is served: what was asked before is gone.
func (w *Weights) settled() bool { return w.Low == w.Asked && w.High == w.Asked }

// BackgroundRun is the analysis beside the steps.
type BackgroundRun struct {
	Name, Message string
	Phase         v1alpha1.AnalysisPhase
	// Waived says that somebody promoted past its being inconclusive.
	Waived bool
}

// Restart is a restart that is not done.
type Restart struct {
	// At is the time before which pods were made that are to be replaced.
	At time.Time
	// Old counts those of them that are still there, Total all pods; -1 where pods cannot be read.
	Old, Total int
}

// PodCounts are the pods that are not terminating.
type PodCounts struct {
	Desired, Running, Updated, Ready, Available int32
}

// Role is what a revision is at present.
type Role string

// The roles of a revision; it may have several.
const (
	RoleStable   Role = "stable"
	RoleCanary   Role = "canary"
	RoleActive   Role = "active"
	RolePreview  Role = "preview"
	RoleRetiring Role = "retiring"
	RoleRejected Role = "rejected"
)

// Revision is one revision of a Rollout.
type Revision struct {
	Hash string
	// Number of the revision, from 1; empty where no ReplicaSet tells it.
	Number string
	Commit string
	Roles  []Role
	// Share of the traffic in percent that may be served to it, lowest and highest; nil for none.
	Share *Share
	// RetiresAt is when its pods may go; zero otherwise.
	RetiresAt time.Time
	// Rejection says why it was rejected; empty otherwise.
	Rejection   string
	ReplicaSets []ReplicaSet
	Runs        []Run
}

// Share is a range of the traffic in percent.
type Share struct{ Low, High int32 }

// ReplicaSet is what is shown of a ReplicaSet.
type ReplicaSet struct {
	Name                      string
	Desired, Ready, Available int32
	CreatedAt                 time.Time
	Pods                      []Pod
}

// Pod is what is shown of a pod.
type Pod struct {
	Name string
	// Status in the words of kubectl get pods.
	Status          string
	Mood            Mood
	Ready, Total    int
	Restarts        int32
	LastRestartedAt time.Time
	CreatedAt       time.Time
}

// Run is what is shown of an AnalysisRun.
type Run struct {
	Name    string
	Phase   v1alpha1.AnalysisPhase
	Message string
	// Step is the index of its step, Type what it is for; empty where that is not known.
	Step, Type string
	CreatedAt  time.Time
	Metrics    []Metric
}

// Metric is what is shown of a metric of a run.
type Metric struct {
	Name    string
	Phase   v1alpha1.AnalysisPhase
	Value   string
	Message string
	// Successful, Failed, Inconclusive, Errors and NoData count measurements.
	Successful, Failed, Inconclusive, Errors, NoData int32
}

// At returns the Rollout as of another time.
func (r Rollout) At(now time.Time) Model {
	r.Now = now
	return r
}
