//go:build linux

// Package local brings a cluster of real upstream parts up and down on this
// machine: everything in one network namespace, its own control groups, its own
// mount namespace and one folder of state, so that nothing else on the machine
// is touched and nothing stays behind.
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/sluicehq/sluice/test/cluster/internal/access"
	"github.com/sluicehq/sluice/test/cluster/internal/cgroup"
	"github.com/sluicehq/sluice/test/cluster/internal/component"
	"github.com/sluicehq/sluice/test/cluster/internal/debian"
	"github.com/sluicehq/sluice/test/cluster/internal/enter"
	"github.com/sluicehq/sluice/test/cluster/internal/netns"
	"github.com/sluicehq/sluice/test/cluster/internal/state"
)

// startLimit bounds the start of a cluster whose parts are built; it takes some
// ten seconds on two idle cores.
const startLimit = 3 * time.Minute

// Options say what to bring up.
type Options struct {
	// Name tells clusters on one machine apart.
	Name string
	// Builder finds the components.
	Builder *component.Builder
	// Throttle is how long the gateway gathers changes before it applies them.
	Throttle time.Duration
	// Experimental asks for the experimental channel of the Gateway API.
	Experimental bool
	// Progress receives a line for each thing that takes time.
	Progress io.Writer
}

// Up brings the cluster up and returns when its node is ready, its gateway is
// programmed, and names and metrics can be asked for. It does nothing if the
// cluster is up, and starts over if what is there is incomplete.
func Up(ctx context.Context, options Options) (access.Points, error) {
	if err := CheckHost(); err != nil {
		return access.Points{}, err
	}
	folder, err := state.Of(options.Name)
	if err != nil {
		return access.Points{}, err
	}
	unlock, err := folder.Lock(ctx, func() {
		fmt.Fprintf(options.Progress, "waiting for another command on cluster %s\n", folder.Name)
	})
	if err != nil {
		return access.Points{}, err
	}
	defer unlock()

	if folder.Exists() {
		broken, err := Broken(folder)
		if err != nil {
			return access.Points{}, err
		}
		if broken == "" {
			return resultOf(folder)
		}
		fmt.Fprintf(options.Progress, "cluster %s: %s; starting over\n", folder.Name, broken)
		if err := remove(ctx, folder); err != nil {
			return access.Points{}, err
		}
	}
	if err := debian.Ensure(ctx, options.Progress); err != nil {
		return access.Points{}, err
	}
	binaries, err := options.Builder.Ensure(ctx, component.Names()...)
	if err != nil {
		return access.Points{}, err
	}

	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("the cluster did not come up within %s", startLimit))
	defer cancel()
	began := time.Now()
	if err := prepare(ctx, folder); err != nil {
		return access.Points{}, err
	}
	boot := &boot{options: options, folder: folder, binaries: binaries, began: began}
	if err := boot.run(ctx); err != nil {
		return access.Points{}, fmt.Errorf("cluster %s: %w\nlogs are in %s; down removes what is left", folder.Name, err, folder.Path("logs"))
	}
	if err := folder.SetComplete(); err != nil {
		return access.Points{}, err
	}
	boot.tell("up")
	return resultOf(folder)
}

// CheckHost says why a cluster cannot run on this machine.
func CheckHost() error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("a local cluster needs Linux, this is %s: use --provider kind or existing", runtime.GOOS)
	}
	if os.Geteuid() != 0 {
		return errors.New("a local cluster needs root for its namespaces: use sudo, or --provider kind or existing")
	}
	return nil
}

// prepare makes everything that the first process needs.
func prepare(ctx context.Context, folder *state.Folder) error {
	for _, name := range []string{"", "bin", "etc", "logs", "pki"} {
		if err := os.MkdirAll(folder.Path(name), 0o755); err != nil {
			return fmt.Errorf("state: %w", err)
		}
	}
	unlock, err := state.LockAll(ctx)
	if err != nil {
		return err
	}
	err = enter.MakeSharedFolders()
	unlock()
	if err != nil {
		return err
	}
	groups, err := cgroup.New(folder.Namespace())
	if err != nil {
		return err
	}
	if err := groups.Create(); err != nil {
		return err
	}
	if err := netns.Create(folder.Namespace(), nodeNetwork); err != nil {
		return err
	}
	if err := copyProgram(folder); err != nil {
		return err
	}
	return writeConfiguration(folder)
}

func resultOf(folder *state.Folder) (access.Points, error) {
	addresses, err := folder.ReadAddresses()
	if err != nil {
		return access.Points{}, err
	}
	return access.Points{
		Kubeconfig: folder.Kubeconfig(),
		Gateway:    "http://" + addresses.Gateway,
		Prometheus: "http://" + addresses.Prometheus,
	}, nil
}
