//go:build linux

package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/sluicehq/sluice/test/cluster/internal/cgroup"
	"github.com/sluicehq/sluice/test/cluster/internal/enter"
	"github.com/sluicehq/sluice/test/cluster/internal/mounts"
	"github.com/sluicehq/sluice/test/cluster/internal/netns"
	"github.com/sluicehq/sluice/test/cluster/internal/process"
	"github.com/sluicehq/sluice/test/cluster/internal/state"
)

// endLimit bounds how long the processes of a cluster take to end.
const endLimit = 20 * time.Second

// Down ends a cluster and removes everything of it. It needs nothing of the
// cluster to be alive or whole, and does nothing if there is none.
func Down(ctx context.Context, name string, progress io.Writer) error {
	if err := CheckHost(); err != nil {
		return err
	}
	folder, err := state.Of(name)
	if err != nil {
		return err
	}
	unlock, err := folder.Lock(ctx, func() {
		fmt.Fprintf(progress, "waiting for another command on cluster %s\n", name)
	})
	if err != nil {
		return err
	}
	defer unlock()
	return remove(ctx, folder)
}

// remove ends the cluster's processes and removes, in this order, its mounts,
// control groups, network namespace and state. The caller holds the lock.
func remove(ctx context.Context, folder *state.Folder) error {
	groups, err := cgroup.New(folder.Namespace())
	if err != nil {
		return err
	}
	if err := endProcesses(ctx, folder, groups); err != nil {
		return err
	}
	if err := mounts.Undo(folder.Root); err != nil {
		return err
	}
	if err := groups.Remove(); err != nil {
		return err
	}
	if err := netns.Delete(folder.Namespace()); err != nil {
		return err
	}
	if err := os.RemoveAll(folder.Root); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	unlock, err := state.LockAll(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if folder.Others() {
		return nil
	}
	return errors.Join(netns.RemoveFolder(), enter.RemoveSharedFolders())
}

// endProcesses kills until nothing of the cluster runs: what was recorded, what
// is in its control groups (pods and their shims too), what is in its network
// namespace and what has its file system from it. Each round finds what the
// round before has started meanwhile.
func endProcesses(ctx context.Context, folder *state.Folder, groups *cgroup.Groups) error {
	deadline := time.Now().Add(endLimit)
	for {
		records, err := process.Records(folder.Records())
		if err != nil {
			return err
		}
		left := false
		for _, record := range records {
			if record.Alive() {
				left = true
				record.Kill()
			}
		}
		inside, err := netns.Processes(folder.Namespace())
		if err != nil {
			return err
		}
		containers, err := mounts.Containers(folder.Root)
		if err != nil {
			return err
		}
		others := slices.Concat(groups.Processes(), inside, containers)
		for _, pid := range others {
			if pid != os.Getpid() && process.Running(pid) {
				left = true
				process.Kill(pid)
			}
		}
		if !left {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("cluster %s: processes %v do not end", folder.Name, others)
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("cluster %s: its processes were not all ended", folder.Name), ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
