//go:build linux

package local

import (
	"os"
	"runtime"
	"strings"

	"github.com/sluicehq/sluice/test/cluster/internal/enter"
	"github.com/sluicehq/sluice/test/cluster/internal/netns"
)

// Exec becomes a command that runs in the cluster's network namespace with an
// administrator's KUBECONFIG; it returns only on error.
func Exec(name string, command []string) error {
	folder, err := running(name)
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := netns.Enter(folder.Namespace()); err != nil {
		return err
	}
	var environment []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "KUBECONFIG=") {
			environment = append(environment, variable)
		}
	}
	return enter.Exec(command, append(environment, "KUBECONFIG="+folder.Path("etc", "admin.kubeconfig")))
}
