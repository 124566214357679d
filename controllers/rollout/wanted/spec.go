package wanted

import (
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// The defaults that the fields of the API document.
const (
	defaultReplicas         = 1
	defaultHistoryLimit     = 10
	defaultProgressSeconds  = 600
	defaultSettleSeconds    = 5
	defaultScaleDownSeconds = 30
	full                    = 100
)

// The defaults of the fields that bound the number of pods.
var (
	quarter = intstr.FromString("25%")
	none    = intstr.FromInt32(0)
)

// The values of ReleaseDrives.By.
const (
	ByRoutes   = "Routes"
	ByReplicas = "Replicas"
	BySelector = "Selector"
)

// Release is what the spec of a Rollout asks of its releases.
type Release struct {
	// Spec is what the engine reads.
	Spec plan.Spec
	// Drives is what the strategy moves traffic by; the routes are ordered by name.
	Drives v1alpha1.ReleaseDrives
	// Analyses are the analyses of the release by the index of their step; that of Background runs beside the steps.
	Analyses map[int32]Analysis
	// StepNames name the steps of a blue-green release for people; nil for a canary, whose steps have numbers alone.
	StepNames []string
}

// Background is the index under which Analyses has the analysis beside the steps.
const Background int32 = -1

// AnalysisType tells the analyses of a release apart; it is the value of the label sluice.dev/analysis-type.
type AnalysisType string

// The types of analyses.
const (
	AnalysisOfStep        AnalysisType = "Step"
	AnalysisInBackground  AnalysisType = "Background"
	AnalysisPrePromotion  AnalysisType = "PrePromotion"
	AnalysisPostPromotion AnalysisType = "PostPromotion"
)

// Analysis is an analysis of a release.
type Analysis struct {
	v1alpha1.RolloutAnalysis
	// Type says what it is for.
	Type AnalysisType
}

// Of reads a spec whose pod template is this revision. The error names the field that cannot be read.
func Of(spec v1alpha1.RolloutSpec, revision string) (Release, error) {
	r := Release{Spec: common(spec, revision), Analyses: map[int32]Analysis{}, Drives: Drives(spec.Strategy)}
	r.Spec.Mover = MoverOf(r.Drives)
	var err error
	switch strategy := spec.Strategy; {
	case strategy.Canary != nil && strategy.BlueGreen != nil:
		err = errors.New(": has two; keep one of canary and blueGreen")
	case strategy.Canary != nil:
		err = r.canary(*strategy.Canary)
	case strategy.BlueGreen != nil:
		err = r.blueGreen(*strategy.BlueGreen)
	default:
		err = errors.New(": is empty; set canary or blueGreen")
	}
	if err == nil {
		err = checkSelectors(spec.Strategy)
	}
	if err != nil {
		return Release{}, fmt.Errorf("spec.strategy%w", err)
	}
	return r, nil
}

// common is what does not depend on the strategy.
func common(spec v1alpha1.RolloutSpec, revision string) plan.Spec {
	s := plan.Spec{
		Revision:              revision,
		Replicas:              or(spec.Replicas, defaultReplicas),
		ProgressDeadline:      seconds(spec.ProgressDeadlineSeconds, defaultProgressSeconds),
		ProgressDeadlineAbort: or(spec.ProgressDeadlineAbort, false),
		HistoryLimit:          int(or(spec.RevisionHistoryLimit, defaultHistoryLimit)),
		Paused:                spec.Paused,
		ScaleDownLimit:        plan.Unbounded,
	}
	if spec.RollbackWindow != nil {
		s.RollbackWindow = int64(spec.RollbackWindow.Revisions)
	}
	if spec.RestartAt != nil {
		s.RestartAt = spec.RestartAt.UTC()
	}
	if spec.WorkloadRef != nil {
		s.Workload = workloadPolicy(spec.WorkloadRef.ScaleDown)
	}
	return s
}

func workloadPolicy(when v1alpha1.WorkloadScaleDown) plan.WorkloadPolicy {
	switch when {
	case v1alpha1.ScaleDownOnSuccess:
		return plan.WorkloadGoesOnSuccess
	case v1alpha1.ScaleDownProgressively:
		return plan.WorkloadGoesProgressively
	case v1alpha1.ScaleDownNever:
	}
	return plan.WorkloadStays
}

// Drives is what a strategy moves traffic by; the routes are ordered by name.
func Drives(strategy v1alpha1.RolloutStrategy) v1alpha1.ReleaseDrives {
	d := v1alpha1.ReleaseDrives{
		StableService: strategy.StableService(), CanaryService: strategy.CanaryService(),
		OwnCanaryService: strategy.OwnsCanaryService(), Routes: routes(strategy), RouteSelectors: selectors(strategy),
	}
	switch {
	case strategy.MovesRoutes():
		d.By = ByRoutes
	case strategy.BlueGreen != nil:
		d.By = BySelector
	default:
		d.By = ByReplicas
	}
	return d
}

// MoverOf is the mover that a record of what a release drives names.
func MoverOf(d v1alpha1.ReleaseDrives) plan.Mover {
	switch d.By {
	case ByReplicas:
		return plan.ByReplicas
	case BySelector:
		return plan.BySelector
	}
	return plan.ByRoutes
}

// Settle is how long after a gateway's acknowledgement requests may still follow what was there before.
func Settle(strategy v1alpha1.RolloutStrategy) time.Duration { return settle(strategy.Routing()) }

func settle(routing *v1alpha1.TrafficRouting) time.Duration {
	if routing == nil {
		return defaultSettleSeconds * time.Second
	}
	return seconds(routing.SettleSeconds, defaultSettleSeconds)
}

func threshold(t *v1alpha1.ReplicaProgressThreshold) plan.Threshold {
	switch {
	case t == nil:
		return plan.Threshold{}
	case t.Type == v1alpha1.ThresholdPods:
		return plan.Threshold{Pods: t.Value}
	}
	return plan.Threshold{Percent: t.Value}
}

// pods resolves a number of pods or a percentage of the replicas. The error begins with the name of the field.
func pods(field string, value, otherwise *intstr.IntOrString, replicas int32, roundUp bool) (int32, error) {
	if value == nil {
		value = otherwise
	}
	n, err := intstr.GetScaledValueFromIntOrPercent(value, int(replicas), roundUp)
	if err != nil || n < 0 {
		return 0, fmt.Errorf(".%s: %q is neither a number of pods nor a percentage such as 25%%", field, value.String())
	}
	return int32(min(n, maxPods)), nil
}

// maxPods bounds what a field may come to; it is the highest number of replicas.
const maxPods = 100000

func seconds(value *int32, otherwise int32) time.Duration {
	return time.Duration(or(value, otherwise)) * time.Second
}

func or[T any](value *T, otherwise T) T {
	if value == nil {
		return otherwise
	}
	return *value
}
