package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

func replicaSet(rs *appsv1.ReplicaSet, pods []*corev1.Pod) ReplicaSet {
	out := ReplicaSet{
		Name:      rs.Name,
		Desired:   deref(rs.Spec.Replicas, 1),
		Ready:     rs.Status.ReadyReplicas,
		Available: rs.Status.AvailableReplicas,
		CreatedAt: rs.CreationTimestamp.Time,
	}
	for _, p := range pods {
		if ownedBy(p, rs) {
			out.Pods = append(out.Pods, pod(p))
		}
	}
	slices.SortFunc(out.Pods, func(a, b Pod) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.Name, b.Name))
	})
	return out
}

func pod(p *corev1.Pod) Pod {
	out := Pod{Name: p.Name, Total: len(p.Spec.Containers), CreatedAt: p.CreationTimestamp.Time}
	statuses := slices.Concat(p.Status.ContainerStatuses, restartable(p))
	out.Total += len(restartable(p))
	for _, c := range statuses {
		if c.Ready {
			out.Ready++
		}
		out.Restarts += c.RestartCount
		if t := c.LastTerminationState.Terminated; t != nil && t.FinishedAt.After(out.LastRestartedAt) {
			out.LastRestartedAt = t.FinishedAt.Time
		}
	}
	out.Status, out.Mood = podStatus(p)
	if out.Mood == Good && out.Ready < out.Total {
		out.Mood = Busy
	}
	return out
}

// restartable returns the states of the init containers that run beside the others.
func restartable(p *corev1.Pod) []corev1.ContainerStatus {
	var out []corev1.ContainerStatus
	for _, status := range p.Status.InitContainerStatuses {
		for i := range p.Spec.InitContainers {
			c := &p.Spec.InitContainers[i]
			if c.Name == status.Name && c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
				out = append(out, status)
			}
		}
	}
	return out
}

// podStatus says in the words of kubectl get pods what a pod does; the first thing that is wrong wins.
func podStatus(p *corev1.Pod) (string, Mood) {
	if p.DeletionTimestamp != nil {
		return "Terminating", Idle
	}
	if p.Status.Reason != "" { // Evicted, NodeLost and the like.
		return p.Status.Reason, Bad
	}
	if status, mood := initStatus(p); status != "" {
		return status, mood
	}
	for _, c := range p.Status.ContainerStatuses {
		if reason, mood := containerTrouble(c); reason != "" {
			return reason, mood
		}
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return cmp.Or(c.Reason, "Unschedulable"), Bad
		}
	}
	return phaseStatus(p.Status.Phase)
}

// initStatus says what the init containers of a pod do; "" when they are done.
func initStatus(p *corev1.Pod) (string, Mood) {
	for i, c := range p.Status.InitContainerStatuses {
		if reason, mood := containerTrouble(c); reason != "" {
			return "Init:" + reason, mood
		}
		beside := c.Started != nil && *c.Started
		if c.State.Running != nil && !beside {
			return fmt.Sprintf("Init:%d/%d", i, len(p.Spec.InitContainers)), Busy
		}
	}
	return "", Plain
}

func phaseStatus(phase corev1.PodPhase) (string, Mood) {
	switch phase {
	case corev1.PodRunning:
		return "Running", Good
	case corev1.PodSucceeded:
		return "Completed", Idle
	case corev1.PodFailed:
		return "Failed", Bad
	case corev1.PodPending, corev1.PodUnknown:
		return string(phase), Busy
	}
	return cmp.Or(string(phase), "Pending"), Busy
}

func containerTrouble(c corev1.ContainerStatus) (string, Mood) {
	if w := c.State.Waiting; w != nil && w.Reason != "" {
		if w.Reason == "ContainerCreating" || w.Reason == "PodInitializing" {
			return w.Reason, Busy
		}
		return w.Reason, Bad
	}
	if t := c.State.Terminated; t != nil && t.ExitCode != 0 {
		return cmp.Or(t.Reason, fmt.Sprintf("ExitCode:%d", t.ExitCode)), Bad
	}
	return "", Good
}
