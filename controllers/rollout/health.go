package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// How often a container must have been restarted before its end counts against the revision: once may be bad luck.
const minRestarts = 2

const (
	reasonCrashLoop   = "CrashLoopBackOff"
	reasonOutOfMemory = "OOMKilled"
)

// cannotStart are the reasons why a container waits that may pass by themselves, for example when a registry is back.
var cannotStart = []string{
	"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "CreateContainerConfigError", "RunContainerError",
}

// unhealthy says what is wrong with the pods of one revision: the first thing that counts at once, else the one that
// has lasted longest. Only pods that are meant to run are looked at.
func unhealthy(pods []*corev1.Pod) plan.Unhealthy {
	found := make([]plan.Unhealthy, 0, len(pods))
	for _, pod := range pods {
		if !counts(pod) {
			continue
		}
		if u := unhealthyPod(pod); u.Reason != "" {
			found = append(found, u)
		}
	}
	if len(found) == 0 {
		return plan.Unhealthy{}
	}
	// The zero time sorts first. The message decides last, so that the order of the pods does not.
	return slices.MinFunc(found, func(a, b plan.Unhealthy) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Message, b.Message))
	})
}

// counts says whether a pod is meant to run.
func counts(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp == nil && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed
}

func unhealthyPod(pod *corev1.Pod) plan.Unhealthy {
	var worst plan.Unhealthy
	for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		u := unhealthyContainer(pod, status)
		if u.Reason != "" && u.Since.IsZero() {
			return u
		}
		if worst.Reason == "" {
			worst = u
		}
	}
	return worst
}

func unhealthyContainer(pod *corev1.Pod, status corev1.ContainerStatus) plan.Unhealthy {
	waiting := status.State.Waiting
	switch {
	case status.RestartCount >= minRestarts && outOfMemory(status):
		return plan.Unhealthy{
			Reason:  reasonOutOfMemory,
			Message: containerMessage(pod, status, "was killed for its use of memory; raise its limit"),
		}
	case waiting == nil:
		return plan.Unhealthy{}
	case waiting.Reason == reasonCrashLoop && status.RestartCount >= minRestarts:
		return plan.Unhealthy{
			Reason:  reasonCrashLoop,
			Message: containerMessage(pod, status, "crashes again and again"+lastExit(status)),
		}
	case slices.Contains(cannotStart, waiting.Reason):
		return plan.Unhealthy{
			Reason:  waiting.Reason,
			Message: containerMessage(pod, status, "cannot start: "+shorten(waiting.Message, maxDetail)),
			Since:   waitingSince(pod),
		}
	default:
		return plan.Unhealthy{}
	}
}

// outOfMemory looks at both places: while the container backs off its last state is the kill, and while it has been
// started again too.
func outOfMemory(status corev1.ContainerStatus) bool {
	for _, state := range []corev1.ContainerState{status.State, status.LastTerminationState} {
		if state.Terminated != nil && state.Terminated.Reason == reasonOutOfMemory {
			return true
		}
	}
	return false
}

func lastExit(status corev1.ContainerStatus) string {
	if t := status.LastTerminationState.Terminated; t != nil {
		return fmt.Sprintf(", last with exit code %d", t.ExitCode)
	}
	return ""
}

// waitingSince is the best known time for which a container has been waiting: no status says it, but it cannot have
// waited longer than its pod has been on a node.
func waitingSince(pod *corev1.Pod) time.Time {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionTrue &&
			!condition.LastTransitionTime.IsZero() {
			return condition.LastTransitionTime.UTC()
		}
	}
	return pod.CreationTimestamp.UTC()
}

func containerMessage(pod *corev1.Pod, status corev1.ContainerStatus, what string) string {
	return fmt.Sprintf("container %s of pod %s %s", status.Name, pod.Name, what)
}

// unschedulable names a pod that no node takes, and why; empty where there is none.
func unschedulable(pods []*corev1.Pod) string {
	var found []string
	for _, pod := range pods {
		for _, condition := range pod.Status.Conditions {
			if counts(pod) && condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse &&
				condition.Reason == corev1.PodReasonUnschedulable {
				found = append(found, fmt.Sprintf("pod %s is on no node: %s", pod.Name, shorten(condition.Message, maxDetail)))
			}
		}
	}
	if len(found) == 0 {
		return ""
	}
	return slices.Min(found)
}
