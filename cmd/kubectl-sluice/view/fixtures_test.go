package view

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

const (
	v1Hash   = "1111111111"
	v2Hash   = "2222222222"
	v1Commit = "1f0c9a7d5e3b1f0c9a7d5e3b1f0c9a7d5e3b1f0c"
	v2Commit = "2e8d4b6f0a2c2e8d4b6f0a2c2e8d4b6f0a2c2e8d"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func before(d time.Duration) metav1.Time           { return metav1.NewTime(now.Add(-d)) }
func microBefore(d time.Duration) metav1.MicroTime { return metav1.NewMicroTime(now.Add(-d)) }

func controlledBy(kind, name, uid string) []metav1.OwnerReference {
	return []metav1.OwnerReference{{Kind: kind, Name: name, UID: types.UID(uid), Controller: new(true)}}
}

// rollout is demo/web with three pods and five steps, at rest at v1.
func rollout() *v1alpha1.Rollout {
	return &v1alpha1.Rollout{
		ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: "web", UID: "rollout", Generation: 3, CreationTimestamp: before(26 * time.Hour)},
		Spec: v1alpha1.RolloutSpec{
			Replicas: new(int32(3)),
			Strategy: v1alpha1.RolloutStrategy{Canary: &v1alpha1.CanaryStrategy{
				StableService: "web", CanaryService: "web-canary",
				TrafficRouting: &v1alpha1.TrafficRouting{GatewayAPI: &v1alpha1.GatewayAPIRouting{HTTPRoutes: []v1alpha1.RouteRef{{Name: "web"}}}},
				Steps: []v1alpha1.CanaryStep{
					{SetWeight: new(int32(20))},
					{Pause: &v1alpha1.RolloutPause{Duration: new(intstr.FromString("30s"))}},
					{Analysis: templates("success-rate", "latency")},
					{SetWeight: new(int32(50))},
					{Pause: &v1alpha1.RolloutPause{}},
				},
			}},
		},
		Status: v1alpha1.RolloutStatus{
			ObservedGeneration: 3,
			Phase:              v1alpha1.RolloutHealthy,
			Message:            "revision 1111111111 is stable and available",
			Commit:             v1Commit,
			CurrentRevision:    v1Hash, StableRevision: v1Hash,
			Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 3,
		},
	}
}

func templates(names ...string) *v1alpha1.RolloutAnalysis {
	a := &v1alpha1.RolloutAnalysis{}
	for _, name := range names {
		a.Templates = append(a.Templates, v1alpha1.AnalysisTemplateRef{TemplateName: name})
	}
	return a
}

// unrouted takes the router away: the numbers of pods carry the weight.
func unrouted(ro *v1alpha1.Rollout) *v1alpha1.Rollout {
	c := ro.Spec.Strategy.Canary
	c.StableService, c.CanaryService, c.TrafficRouting = "", "", nil
	return ro
}

// blueGreen makes the Rollout one that switches the selector of its active Service, after an analysis and a person.
func blueGreen(ro *v1alpha1.Rollout) *v1alpha1.Rollout {
	ro.Spec.Strategy = v1alpha1.RolloutStrategy{BlueGreen: &v1alpha1.BlueGreenStrategy{
		ActiveService: "web", PreviewService: "web-preview", AutoPromotionEnabled: new(false),
		PrePromotionAnalysis: templates("smoke"), PostPromotionAnalysis: templates("success-rate"),
	}}
	if ro.Status.Release != nil {
		ro.Status.Release.Weights = &v1alpha1.ReleaseWeights{}
	}
	return ro
}

// past is a release of v1 that was promoted, and one of v2 before it that was not.
func past() []v1alpha1.ReleaseRecord {
	return []v1alpha1.ReleaseRecord{
		{
			Revision: v1Hash, Number: 3, Commit: v1Commit, Outcome: v1alpha1.OutcomePromoted, PausedSeconds: 90,
			StartedAt: microBefore(26*time.Hour + 5*time.Minute), FinishedAt: microBefore(26 * time.Hour),
			Verdicts: []v1alpha1.ReleaseVerdict{
				{AnalysisRun: "web-1111111111-2-abc", Phase: v1alpha1.AnalysisSuccessful},
				{AnalysisRun: "web-1111111111-bg-abc", Phase: v1alpha1.AnalysisSuccessful},
			},
		},
		{
			Revision: "0123456789", Number: 2, Outcome: v1alpha1.OutcomeAborted, Reason: v1alpha1.AbortAnalysisFailed,
			Message: "metric success-rate: 3 of 3 measurements failed", StartedAt: microBefore(50 * time.Hour), FinishedAt: microBefore(49 * time.Hour),
			Verdicts: []v1alpha1.ReleaseVerdict{{AnalysisRun: "web-0123456789-2-xyz", Phase: v1alpha1.AnalysisFailed}},
		},
		{Revision: "abcdefabcd", Number: 1, Outcome: v1alpha1.OutcomePromoted, Reason: "FirstRevision", FinishedAt: microBefore(60 * time.Hour)},
	}
}

// releasing is the Rollout with v2 on its way, in the step with that index.
func releasing(step int32) *v1alpha1.Rollout {
	ro := rollout()
	s := &ro.Status
	s.Phase, s.Message = v1alpha1.RolloutProgressing, "canary 1 of 2 available, waiting"
	s.Commit, s.CurrentRevision = v2Commit, v2Hash
	s.Replicas, s.UpdatedReplicas, s.ReadyReplicas, s.AvailableReplicas = 5, 2, 4, 4
	s.Release = &v1alpha1.ReleaseStatus{
		Revision: v2Hash, StepIndex: step, StepStartedAt: new(microBefore(12 * time.Second)),
		Weights: &v1alpha1.ReleaseWeights{Asked: 20, Low: 0, High: 20},
	}
	return ro
}

func replicas(hash, number, commit string, desired, available int32, age time.Duration) *appsv1.ReplicaSet {
	return &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "demo", Name: "web-" + hash, UID: types.UID("rs-" + hash), CreationTimestamp: before(age),
			Labels:          map[string]string{v1alpha1.LabelPodTemplateHash: hash},
			Annotations:     map[string]string{v1alpha1.AnnotationRevision: number, v1alpha1.AnnotationCommit: commit},
			OwnerReferences: controlledBy("Rollout", "web", "rollout"),
		},
		Spec:   appsv1.ReplicaSetSpec{Replicas: new(desired)},
		Status: appsv1.ReplicaSetStatus{Replicas: desired, ReadyReplicas: available, AvailableReplicas: available},
	}
}

// podsOf returns running pods of a ReplicaSet; each change makes one of them something else.
func podsOf(hash string, n int, age time.Duration, changes ...func(*corev1.Pod)) []*corev1.Pod {
	var out []*corev1.Pod
	for i := range n {
		p := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "demo", Name: fmt.Sprintf("web-%s-%c%c", hash, 'a'+i, 'a'+i), CreationTimestamp: before(age),
				OwnerReferences: controlledBy("ReplicaSet", "web-"+hash, "rs-"+hash),
			},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web"}}},
			Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{
				{Name: "web", Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}},
			}},
		}
		if i < len(changes) {
			changes[i](p)
		}
		out = append(out, p)
	}
	return out
}

func crashing(p *corev1.Pod) {
	c := &p.Status.ContainerStatuses[0]
	c.Ready, c.RestartCount = false, 4
	c.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
	c.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{FinishedAt: before(20 * time.Second)}
}

func starting(p *corev1.Pod) {
	p.Status.Phase = corev1.PodPending
	p.Status.ContainerStatuses[0].Ready = false
	p.Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}
}

func terminating(p *corev1.Pod) { p.DeletionTimestamp = new(before(time.Second)) }

func analysisRun(phase v1alpha1.AnalysisPhase, message string, results ...v1alpha1.MetricResult) *v1alpha1.AnalysisRun {
	return &v1alpha1.AnalysisRun{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "demo", Name: "web-2222222222-2", CreationTimestamp: before(12 * time.Second),
			Labels: map[string]string{
				v1alpha1.LabelRollout: "web", v1alpha1.LabelStepIndex: "2", v1alpha1.LabelPodTemplateHash: v2Hash,
			},
			OwnerReferences: controlledBy("Rollout", "web", "rollout"),
		},
		Spec:   v1alpha1.AnalysisRunSpec{Metrics: []v1alpha1.Metric{{Name: "success-rate"}, {Name: "latency"}}},
		Status: v1alpha1.AnalysisRunStatus{Phase: phase, Message: message, MetricResults: results},
	}
}
