//go:build linux

package local

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"text/template"

	"github.com/sluicehq/sluice/test/cluster/internal/state"
)

// The addresses inside a cluster's namespace; they are the same in every cluster.
const (
	nodeAddress  = "10.0.0.1"
	nodeNetwork  = nodeAddress + "/24"
	serviceRange = "10.96.0.0/16"
	firstService = "10.96.0.1" // the API server's own Service
	apiPort      = "6443"
	gatewayPort  = "8000"
	metricsPort  = "8080"
	promPort     = "9090"
	// discoveryPort is where Prometheus asks for the pods to scrape.
	discoveryPort = "9099"
	pauseImage    = "sluice.dev/pause:dev"
)

//go:embed templates
var templates embed.FS

// configuration is what the templates of configuration files are filled from.
type configuration struct {
	Name, Root, NodeName, NodeAddress, CgroupRoot, CNIPlugins string
	GatewayMetrics, Discovery, PauseImage                     string
}

// configurationFiles maps each template to where its result goes below the state.
var configurationFiles = map[string]string{
	"containerd.toml": "etc/containerd.toml",
	"cni.conflist":    "etc/cni/10-bridge.conflist",
	"kubelet.yaml":    "etc/kubelet.yaml",
	"kube-proxy.yaml": "etc/kube-proxy.yaml",
	"Corefile":        "etc/Corefile",
	"prometheus.yaml": "etc/prometheus.yaml",
	"resolv.conf":     "etc/resolv.conf",
}

// writeConfiguration writes the configuration files of all components.
func writeConfiguration(folder *state.Folder) error {
	values := configuration{
		Name: folder.Name, Root: folder.Root, NodeName: nodeName(folder), NodeAddress: nodeAddress,
		CgroupRoot: "/" + folder.Namespace(), CNIPlugins: "/usr/lib/cni",
		GatewayMetrics: nodeAddress + ":" + metricsPort, Discovery: nodeAddress + ":" + discoveryPort, PauseImage: pauseImage,
	}
	parsed, err := template.ParseFS(templates, "templates/*")
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	for name, target := range configurationFiles {
		var text bytes.Buffer
		if err := parsed.ExecuteTemplate(&text, name, values); err != nil {
			return fmt.Errorf("configuration: %w", err)
		}
		path := folder.Path(target)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("configuration: %w", err)
		}
		if err := os.WriteFile(path, text.Bytes(), 0o644); err != nil {
			return fmt.Errorf("configuration: %w", err)
		}
	}
	return nil
}

func nodeName(folder *state.Folder) string { return folder.Namespace() }
