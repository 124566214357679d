package rollout

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var (
	created   = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	scheduled = created.Add(time.Minute)
)

func podWith(name string, statuses ...corev1.ContainerStatus) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(created)},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: statuses},
	}
}

func waits(reason string, restarts int32) corev1.ContainerStatus {
	return corev1.ContainerStatus{
		Name: "app", RestartCount: restarts,
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: "because"}},
	}
}

func killed(restarts int32) corev1.ContainerStatus {
	return corev1.ContainerStatus{
		Name: "app", RestartCount: restarts, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
		LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "OOMKilled", ExitCode: 137}},
	}
}

func TestUnhealthy(t *testing.T) {
	on := func(pod *corev1.Pod) *corev1.Pod {
		pod.Status.Conditions = []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(scheduled),
		}}
		return pod
	}
	leaving := podWith("a", waits("CrashLoopBackOff", 9))
	leaving.DeletionTimestamp = new(metav1.NewTime(created))
	failed := podWith("a", waits("CrashLoopBackOff", 9))
	failed.Status.Phase = corev1.PodFailed
	initial := podWith("a")
	initial.Status.InitContainerStatuses = []corev1.ContainerStatus{waits("CrashLoopBackOff", 2)}
	for name, c := range map[string]struct {
		pods   []*corev1.Pod
		reason string
		since  time.Time
	}{
		"none":                         {},
		"running":                      {pods: []*corev1.Pod{podWith("a", corev1.ContainerStatus{RestartCount: 9})}},
		"one crash":                    {pods: []*corev1.Pod{podWith("a", waits("CrashLoopBackOff", 1))}},
		"two crashes":                  {pods: []*corev1.Pod{podWith("a", waits("CrashLoopBackOff", 2))}, reason: "CrashLoopBackOff"},
		"in an init container":         {pods: []*corev1.Pod{initial}, reason: "CrashLoopBackOff"},
		"one kill":                     {pods: []*corev1.Pod{podWith("a", killed(1))}},
		"two kills":                    {pods: []*corev1.Pod{podWith("a", killed(2))}, reason: "OOMKilled"},
		"no image":                     {pods: []*corev1.Pod{podWith("a", waits("ImagePullBackOff", 0))}, reason: "ImagePullBackOff", since: created},
		"no image, on a node":          {pods: []*corev1.Pod{on(podWith("a", waits("ErrImagePull", 0)))}, reason: "ErrImagePull", since: scheduled},
		"no config":                    {pods: []*corev1.Pod{podWith("a", waits("CreateContainerConfigError", 0))}, reason: "CreateContainerConfigError", since: created},
		"starting":                     {pods: []*corev1.Pod{podWith("a", waits("ContainerCreating", 0))}},
		"leaving":                      {pods: []*corev1.Pod{leaving}},
		"failed":                       {pods: []*corev1.Pod{failed}},
		"what counts at once is first": {pods: []*corev1.Pod{podWith("a", waits("ImagePullBackOff", 0)), podWith("b", waits("CrashLoopBackOff", 3))}, reason: "CrashLoopBackOff"},
		"in one pod too":               {pods: []*corev1.Pod{podWith("a", waits("ImagePullBackOff", 0), waits("CrashLoopBackOff", 3))}, reason: "CrashLoopBackOff"},
		"the longest":                  {pods: []*corev1.Pod{on(podWith("a", waits("ErrImagePull", 0))), podWith("b", waits("ImagePullBackOff", 0))}, reason: "ImagePullBackOff", since: created},
	} {
		got := unhealthy(c.pods)
		if got.Reason != c.reason || !got.Since.Equal(c.since) {
			t.Errorf("%s: got %+v", name, got)
		}
		if c.reason != "" && !strings.Contains(got.Message, "container app of pod ") {
			t.Errorf("%s: message %q", name, got.Message)
		}
	}
}

func TestUnschedulable(t *testing.T) {
	pod := podWith("a")
	pod.Status.Conditions = []corev1.PodCondition{{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "0/1 nodes",
	}}
	if got := unschedulable([]*corev1.Pod{podWith("b"), pod}); got != "pod a is on no node: 0/1 nodes" {
		t.Errorf("got %q", got)
	}
	if unhealthy([]*corev1.Pod{pod}).Reason != "" {
		t.Error("a pod that waits for a node is not unhealthy")
	}
}
