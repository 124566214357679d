package model

import (
	"time"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// Strategy is one of the strategies that the spec may have: what the shell makes of it for the engine.
type Strategy struct {
	Name          string
	Mover         plan.Mover
	BlueGreen     bool
	Steps         []plan.Step
	Background    plan.Background
	Surge         int32
	Unavailable   int32
	DynamicStable bool
	MinPods       int32
	Threshold     plan.Threshold
	// Nameless says that neither Service is named (ByReplicas only); NoPreview that the canary's is not.
	Nameless, NoPreview bool
}

// named says which of the two Services there are.
func (s *Strategy) named() [2]bool { return [2]bool{!s.Nameless, !s.Nameless && !s.NoPreview} }

// sameDrives says whether two strategies drive the same Services and routes by the same means.
func (s *Strategy) sameDrives(other *Strategy) bool {
	return s.Mover == other.Mover && s.named() == other.named()
}

// Kinds is a set of things that the adversary may do.
type Kinds uint32

// What the adversary may do.
const (
	ChangeTemplate Kinds = 1 << iota
	ChangeStrategy
	ChangeReplicas
	ChangePaused
	// BreakSpec makes something that the spec names unusable, until it is mended.
	BreakSpec
	AskRestart
	AskVerb
	// FailPods makes a pod unready, CrashPods all of a revision crash.
	FailPods
	CrashPods
	// RewriteRoute sets another weight, as something else that owns the route would.
	RewriteRoute
	// RefuseRoute makes the gateway refuse the route as it is, until somebody mends it.
	RefuseRoute
	DeleteRollout
	// FailWrite fails the next action and so drops the rest of the plan.
	FailWrite
	CrashController
	LoseStatus
	MoveClock
	// EveryKind is all of them.
	EveryKind Kinds = 1<<iota - 1
)

// Has says whether all of some kinds are in the set.
func (k Kinds) Has(other Kinds) bool { return k&other == other }

// Scope is what a run of the explorer varies.
type Scope struct {
	Name string
	// Replicas at the start, and those that the spec may be changed to.
	Replicas int32
	Sizes    []int32
	// Strategies that the spec may have: the first one at the start.
	Strategies []Strategy
	// Revisions that the template may be changed to.
	Revisions []string
	// Wanted is the revision that the spec wants at the start, over a stable A.
	Wanted string
	// Created says that the Rollout has just been created, instead.
	Created bool
	// Moves is how many things the adversary may do, in all; Kinds which.
	Moves int8
	Kinds Kinds
	// LagCaches says whether informers lag.
	LagCaches bool
	// Times in ticks. Lag is by how much the data plane may be behind: Settle, which is 2, where it is 0.
	Settle, Lag, ScaleDownDelay, AbortDelay, Deadline int
	// NoSettle tells the engine that nothing needs to settle.
	NoSettle       bool
	DeadlineAbort  bool
	RollbackWindow int64
	HistoryLimit   int
	Workload       plan.WorkloadPolicy
	// MaxStates bounds the exploration: the states beyond are followed by fair transitions only. 0 means no bound.
	MaxStates int
	// Next is the engine; plan.Next where it is nil.
	Next func(plan.Spec, plan.Observed, time.Time) plan.Plan

	longest time.Duration
}

// A tick is a second.
const tick = time.Second

// clockJump is by how much the clock is set back.
const clockJump = 2 * tick

const defaultSettle = 2

func ticks(n int) time.Duration { return time.Duration(n) * tick }

// prepare fills in what is left out.
func (s *Scope) prepare() {
	if s.Settle == 0 {
		s.Settle = defaultSettle
	}
	if s.Lag == 0 {
		s.Lag = s.Settle
	}
	if s.HistoryLimit == 0 {
		s.HistoryLimit = 10
	}
	if s.Wanted == "" {
		s.Wanted = "A"
	}
	if s.Next == nil {
		s.Next = plan.Next
	}
	// Ages beyond the longest that anything waits for are alike.
	s.longest = ticks(max(s.Settle, s.Lag, s.ScaleDownDelay, s.AbortDelay, s.Deadline))
	for _, strategy := range s.Strategies {
		for _, step := range strategy.Steps {
			s.longest = max(s.longest, step.Duration)
		}
	}
	if s.Kinds.Has(MoveClock) {
		s.longest += time.Duration(s.Moves) * clockJump
	}
}
