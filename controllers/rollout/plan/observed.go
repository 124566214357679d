package plan

import "time"

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
