// Package rollout tests the controller of Rollouts on a real API server. Kubelet, the gateway and the other controllers
// are played, and what a gateway would serve meanwhile is watched over.
package rollout

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
	worlds.Main(m, func(played *worlds.Cluster) { cluster, direct = played, played.Admin }, nothingLeft)
}
