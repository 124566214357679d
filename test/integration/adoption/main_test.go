// Package adoption tests how a Rollout takes the place of a running Deployment, and how it runs one's template beside it,
// on a real API server. Kubelet, the gateway and the other controllers are played, the garbage collector among them.
package adoption

import (
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/test/integration/worlds"
)

var (
	cluster *worlds.Cluster
	// direct reads and writes without a cache.
	direct client.Client
)

func TestMain(m *testing.M) {
	worlds.Main(m, func(played *worlds.Cluster) { cluster, direct = played, played.Admin }, nil)
}
