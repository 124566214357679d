package view

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

func TestPod(t *testing.T) {
	container := func(state corev1.ContainerState) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Status.ContainerStatuses[0].State = state
			p.Status.ContainerStatuses[0].Ready = false
		}
	}
	type result struct {
		Status       string
		Mood         Mood
		Ready, Total int
	}
	cases := map[string]struct {
		change func(*corev1.Pod)
		want   result
	}{
		"running":     {func(*corev1.Pod) {}, result{"Running", Good, 1, 1}},
		"not ready":   {func(p *corev1.Pod) { p.Status.ContainerStatuses[0].Ready = false }, result{"Running", Busy, 0, 1}},
		"terminating": {terminating, result{"Terminating", Idle, 1, 1}},
		"crashing":    {crashing, result{"CrashLoopBackOff", Bad, 0, 1}},
		"starting":    {starting, result{"ContainerCreating", Busy, 0, 1}},
		"image": {
			container(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"}}),
			result{"ImagePullBackOff", Bad, 0, 1},
		},
		"killed": {
			container(corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"}}),
			result{"OOMKilled", Bad, 0, 1},
		},
		"exit code": {
			container(corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3}}),
			result{"ExitCode:3", Bad, 0, 1},
		},
		"evicted": {func(p *corev1.Pod) { p.Status.Phase, p.Status.Reason = corev1.PodFailed, "Evicted" }, result{"Evicted", Bad, 1, 1}},
		"unschedulable": {func(p *corev1.Pod) {
			p.Status = corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{
				{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable"},
			}}
		}, result{"Unschedulable", Bad, 0, 1}},
		"done": {func(p *corev1.Pod) { p.Status = corev1.PodStatus{Phase: corev1.PodSucceeded} }, result{"Completed", Idle, 0, 1}},
		"init": {func(p *corev1.Pod) {
			p.Spec.InitContainers = []corev1.Container{{Name: "a"}, {Name: "b"}}
			p.Status.Phase = corev1.PodPending
			p.Status.InitContainerStatuses = []corev1.ContainerStatus{
				{Name: "a", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}},
				{Name: "b", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}},
			}
		}, result{"Init:1/2", Busy, 1, 1}},
		"init crash": {func(p *corev1.Pod) {
			p.Spec.InitContainers = []corev1.Container{{Name: "a"}}
			p.Status.InitContainerStatuses = []corev1.ContainerStatus{
				{Name: "a", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}},
			}
		}, result{"Init:CrashLoopBackOff", Bad, 1, 1}},
		"sidecar": {func(p *corev1.Pod) {
			p.Spec.InitContainers = []corev1.Container{{Name: "a", RestartPolicy: new(corev1.ContainerRestartPolicyAlways)}}
			p.Status.InitContainerStatuses = []corev1.ContainerStatus{
				{Name: "a", Started: new(true), Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}},
			}
		}, result{"Running", Good, 2, 2}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := pod(podsOf(v1Hash, 1, 0, c.change)[0])
			if diff := cmp.Diff(c.want, result{got.Status, got.Mood, got.Ready, got.Total}); diff != "" {
				t.Error(diff)
			}
		})
	}
}
