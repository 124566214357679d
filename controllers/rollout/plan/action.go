package plan

import "fmt"

// Action is something to be done to the cluster: one of the types in this file. Every action is idempotent.
//
//sumtype:decl
type Action interface {
	// String says what is done, for traces and logs.
	String() string

	needsLive() bool
}

// CreateReplicaSet makes the ReplicaSet of a revision. It is only planned while both Services are pinned to other
// revisions, or before there is a stable one, so that its pods get no traffic by being made.
type CreateReplicaSet struct {
	Revision string
	Replicas int32
}

// ScaleReplicaSet sets the size of a revision. Making it smaller needs the revision's traffic to be gone, except for an
// ordinary change of spec.replicas.
type ScaleReplicaSet struct {
	Revision string
	From, To int32
}

// DeleteReplicaSet removes a ReplicaSet without pods that is past the history limit.
type DeleteReplicaSet struct{ Revision string }

// MarkReplicaSet writes the role of a revision on its ReplicaSet.
type MarkReplicaSet struct {
	Revision string
	Role     Role
}

// ServiceRole is which of the two Services is meant.
type ServiceRole string

// The Services.
const (
	StableService ServiceRole = "stable"
	CanaryService ServiceRole = "canary"
)

// PinService points a Service at one revision. It needs the Service to have no traffic, or its ready endpoints to be
// that revision's already.
type PinService struct {
	Service  ServiceRole
	Revision string
}

// UnpinService lets a Service select every pod of the Rollout again, when only one revision has pods.
type UnpinService struct{ Service ServiceRole }

// SetWeight gives the canary Service a share of the traffic, in percent. It needs ready endpoints where traffic is
// added.
type SetWeight struct{ Percent int32 }

// RestoreRoutes brings the routes back to what the user wrote.
type RestoreRoutes struct{}

// StartRun starts an AnalysisRun: of a step, or the one in the background of a release.
type StartRun struct {
	Key string
	// Step is the index of the step; -1 for the one in the background.
	Step int32
}

// StopRun ends an AnalysisRun whose verdict is no longer asked for.
type StopRun struct{ Key string }

// EvictPods evicts pods of a revision that were made before Spec.RestartAt, those that are not ready first. A
// PodDisruptionBudget may refuse.
type EvictPods struct {
	Revision string
	Count    int32
}

// PreferOldPods lets a ReplicaSet that shrinks delete the pods first that were made before Spec.RestartAt.
type PreferOldPods struct{ Revision string }

// ScaleWorkload sets the size of the referenced workload.
type ScaleWorkload struct{ From, To int32 }

func (a CreateReplicaSet) String() string {
	return fmt.Sprintf("create ReplicaSet %s with %d", a.Revision, a.Replicas)
}

func (a ScaleReplicaSet) String() string {
	return fmt.Sprintf("scale ReplicaSet %s %d -> %d", a.Revision, a.From, a.To)
}
func (a DeleteReplicaSet) String() string { return "delete ReplicaSet " + a.Revision }
func (a MarkReplicaSet) String() string {
	return fmt.Sprintf("mark ReplicaSet %s %q", a.Revision, string(a.Role))
}

func (a PinService) String() string {
	return fmt.Sprintf("pin %s Service to %s", a.Service, a.Revision)
}
func (a UnpinService) String() string { return fmt.Sprintf("unpin %s Service", a.Service) }
func (a SetWeight) String() string    { return fmt.Sprintf("set weight %d", a.Percent) }
func (RestoreRoutes) String() string  { return "restore routes" }
func (a StartRun) String() string     { return "start run " + a.Key }
func (a StopRun) String() string      { return "stop run " + a.Key }
func (a EvictPods) String() string    { return fmt.Sprintf("evict %d pods of %s", a.Count, a.Revision) }

func (a PreferOldPods) String() string {
	return "prefer old pods of " + a.Revision + " for deletion"
}

func (a ScaleWorkload) String() string { return fmt.Sprintf("scale workload %d -> %d", a.From, a.To) }

func (CreateReplicaSet) needsLive() bool  { return false }
func (a ScaleReplicaSet) needsLive() bool { return a.To < a.From }
func (DeleteReplicaSet) needsLive() bool  { return true }
func (MarkReplicaSet) needsLive() bool    { return false }
func (PinService) needsLive() bool        { return true }
func (UnpinService) needsLive() bool      { return true }
func (SetWeight) needsLive() bool         { return true }
func (RestoreRoutes) needsLive() bool     { return true }
func (StartRun) needsLive() bool          { return false }
func (StopRun) needsLive() bool           { return false }
func (EvictPods) needsLive() bool         { return true }
func (PreferOldPods) needsLive() bool     { return false }
func (a ScaleWorkload) needsLive() bool   { return a.To < a.From }
