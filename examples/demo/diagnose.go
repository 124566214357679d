package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	sluicev1alpha1 "github.com/sluicehq/sluice/api/v1alpha1"
)

// logLines is how many of the last lines of a log are shown.
const logLines = 30

// logWidth is how much of a line is shown, in characters.
const logWidth = 400

// diagnose prints what tells why the demo failed: what Sluice says about its objects, the pods, and the last log lines.
// What cannot be read is named.
func (c *cluster) diagnose(ctx context.Context, out io.Writer) {
	fmt.Fprintln(out, "\n--- Rollout")
	var rollout sluicev1alpha1.Rollout
	if err := c.client.Get(ctx, client.ObjectKey{Namespace: demoNamespace, Name: appName}, &rollout); err != nil {
		fmt.Fprintln(out, err)
	} else {
		fmt.Fprintf(out, "%s: %s (step %q, current %s, stable %s)\n", rollout.Status.Phase, rollout.Status.Message, rollout.Status.Step,
			rollout.Status.CurrentRevision, rollout.Status.StableRevision)
		printConditions(out, rollout.Status.Conditions)
	}
	fmt.Fprintln(out, "--- GitSync")
	var sync sluicev1alpha1.GitSync
	if err := c.client.Get(ctx, client.ObjectKey{Namespace: demoNamespace, Name: gitSyncName}, &sync); err != nil {
		fmt.Fprintln(out, err)
	} else {
		fmt.Fprintf(out, "revision %s, last tried %s\n", sync.Status.Revision, sync.Status.LastAttemptedRevision)
		printConditions(out, sync.Status.Conditions)
		for _, failure := range sync.Status.Failures {
			fmt.Fprintf(out, "  %s: %s\n", failure.Object, failure.Message)
		}
	}
	c.printRuns(ctx, out)
	c.printPods(ctx, out)
}

func printConditions(out io.Writer, conditions []metav1.Condition) {
	for _, condition := range conditions {
		fmt.Fprintf(out, "  %s=%s %s: %s\n", condition.Type, condition.Status, condition.Reason, condition.Message)
	}
}

func (c *cluster) printRuns(ctx context.Context, out io.Writer) {
	fmt.Fprintln(out, "--- AnalysisRuns")
	var runs sluicev1alpha1.AnalysisRunList
	if err := c.client.List(ctx, &runs, client.InNamespace(demoNamespace)); err != nil {
		fmt.Fprintln(out, err)
	}
	for _, run := range runs.Items {
		fmt.Fprintf(out, "%s: %s %s\n", run.Name, run.Status.Phase, run.Status.Message)
		for _, metric := range run.Status.MetricResults {
			fmt.Fprintf(out, "  %s: %s %s (%d good, %d bad, %d errors, %d without data)\n", metric.Name, metric.Phase, metric.Message,
				metric.Successful, metric.Failed, metric.Error, metric.NoData)
		}
	}
}

func (c *cluster) printPods(ctx context.Context, out io.Writer) {
	fmt.Fprintln(out, "--- Pods")
	for _, namespace := range []string{demoNamespace, controllerNamespace} {
		var pods corev1.PodList
		if err := c.client.List(ctx, &pods, client.InNamespace(namespace)); err != nil {
			fmt.Fprintln(out, err)
		}
		for _, pod := range pods.Items {
			fmt.Fprintf(out, "%s/%s %s\n", namespace, pod.Name, pod.Status.Phase)
			for _, container := range pod.Status.ContainerStatuses {
				if waiting := container.State.Waiting; waiting != nil {
					fmt.Fprintf(out, "  waits: %s %s\n", waiting.Reason, waiting.Message)
				}
			}
			if namespace == demoNamespace && pod.Labels["app"] == appName && pod.Status.Phase == corev1.PodRunning {
				continue
			}
			lines := int64(logLines)
			log, err := c.core.CoreV1().Pods(namespace).GetLogs(pod.Name, &corev1.PodLogOptions{TailLines: &lines}).DoRaw(ctx)
			if err != nil {
				log = []byte(err.Error() + "\n")
			}
			fmt.Fprintln(out, "  last lines of its log:")
			for line := range strings.Lines(string(log)) {
				fmt.Fprintln(out, "   ", shorten(strings.TrimSpace(line), logWidth))
			}
		}
	}
}
