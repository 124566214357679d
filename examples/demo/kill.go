package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// leaseName is the Lease that the leading controller holds.
const leaseName = "sluice-leader"

// killer kills the leading controller at random moments: SIGKILL to its process where the cluster's processes are this
// machine's, and then, or else, the deletion of its pod without grace. (The pod goes so that the kubelet's back-off for
// crashing containers does not turn ten moments into an hour.)
type killer struct {
	cluster *cluster
	random  *rand.Rand
	say     func(string, ...any)
	done    int
}

// kill kills times times, each at a random moment within spread after somebody leads, until the context ends.
func (k *killer) kill(ctx context.Context, times int, spread time.Duration) error {
	for range times {
		var leader corev1.Pod
		err := await(ctx, "a controller to lead", 2*time.Minute, func(ctx context.Context) (done bool, state string, err error) {
			leader, state, err = k.leader(ctx)
			return leader.Name != "", state, err
		})
		if err != nil {
			return err
		}
		moment := time.NewTimer(time.Duration(k.random.Int64N(int64(spread))))
		select {
		case <-ctx.Done():
			moment.Stop()
			return ctx.Err()
		case <-moment.C:
		}
		how := "its pod deleted without grace"
		if pid, found := processOf(leader.UID, "sluice"); found {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("kill process %d of pod %s: %w", pid, leader.Name, err)
			}
			how = fmt.Sprintf("SIGKILL to process %d", pid)
		}
		err = k.cluster.client.Delete(ctx, &leader, client.GracePeriodSeconds(0), client.Preconditions{UID: &leader.UID})
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete pod %s: %w", leader.Name, err)
		}
		k.done++
		k.say("controller %s killed (%s), %d", leader.Name, how, k.done)
	}
	return nil
}

// leader gives the running pod that holds the Lease, or none and why.
func (k *killer) leader(ctx context.Context) (corev1.Pod, string, error) {
	var lease coordinationv1.Lease
	key := client.ObjectKey{Namespace: controllerNamespace, Name: leaseName}
	if err := k.cluster.client.Get(ctx, key, &lease); err != nil {
		return corev1.Pod{}, "no Lease", client.IgnoreNotFound(err)
	}
	if lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "" {
		return corev1.Pod{}, "the Lease is free", nil
	}
	name, _, _ := strings.Cut(*lease.Spec.HolderIdentity, "_")
	pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: controllerNamespace, Name: name}}
	if err := k.cluster.client.Get(ctx, client.ObjectKeyFromObject(&pod), &pod); err != nil {
		return corev1.Pod{}, "the holder of the Lease, " + name + ", is gone", client.IgnoreNotFound(err)
	}
	if pod.DeletionTimestamp != nil || pod.Status.Phase != corev1.PodRunning {
		return corev1.Pod{}, "the holder of the Lease, " + name + ", is ending", nil
	}
	return pod, "", nil
}

// processOf finds the process of this machine that runs the named program in the pod.
func processOf(pod types.UID, program string) (int, bool) {
	groups, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		return 0, false
	}
	for _, group := range groups {
		content, err := os.ReadFile(group) //nolint:gosec // a file of /proc
		// Drivers write the UID with dashes or with underscores.
		if err != nil || !bytes.Contains(bytes.ReplaceAll(content, []byte("_"), []byte("-")), []byte(pod)) {
			continue
		}
		folder := filepath.Dir(group)
		executable, err := os.Readlink(filepath.Join(folder, "exe"))
		if err != nil || filepath.Base(executable) != program {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(folder)); err == nil {
			return pid, true
		}
	}
	return 0, false
}
