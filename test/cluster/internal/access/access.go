// Package access says how a cluster is reached from the machine.
package access

import (
	"fmt"
	"io"
)

// Points are the ways into a cluster.
type Points struct {
	// Kubeconfig is the path of an administrator's kubeconfig.
	Kubeconfig string
	// Gateway and Prometheus are URLs without a trailing slash.
	Gateway, Prometheus string
}

// Print writes the points as lines that a shell can evaluate. Programs rely on
// them being the last lines of output.
func (p Points) Print(out io.Writer) {
	fmt.Fprintf(out, "KUBECONFIG=%s\nGATEWAY=%s\nPROMETHEUS=%s\n", p.Kubeconfig, p.Gateway, p.Prometheus)
}
