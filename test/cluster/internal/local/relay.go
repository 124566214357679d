//go:build linux

package local

import (
	"context"
	"net"
	"os"

	"github.com/sluicehq/sluice/test/cluster/internal/discovery"
	"github.com/sluicehq/sluice/test/cluster/internal/enter"
	"github.com/sluicehq/sluice/test/cluster/internal/kube"
	"github.com/sluicehq/sluice/test/cluster/internal/relay"
	"github.com/sluicehq/sluice/test/cluster/internal/state"
)

// The names under which the program runs Relay and Discover.
const (
	RelayCommand    = "relay"
	DiscoverCommand = "discover"
)

// Relay serves the cluster's addresses on the machine until ctx is done.
func Relay(ctx context.Context, name string) error {
	folder, err := state.Of(name)
	if err != nil {
		return err
	}
	if err := enter.Register(folder, "relay"); err != nil {
		return err
	}
	var listeners [3]*net.TCPListener
	for i := range listeners {
		if listeners[i], err = relay.Listen(); err != nil {
			return err
		}
	}
	err = folder.WriteAddresses(state.Addresses{
		API:        listeners[0].Addr().String(),
		Gateway:    listeners[1].Addr().String(),
		Prometheus: listeners[2].Addr().String(),
	})
	if err != nil {
		return err
	}
	return relay.Serve(ctx, folder.Namespace(), map[*net.TCPListener]string{
		listeners[0]: net.JoinHostPort(nodeAddress, apiPort),
		listeners[1]: net.JoinHostPort(nodeAddress, gatewayPort),
		listeners[2]: net.JoinHostPort(nodeAddress, promPort),
	})
}

// tokenVariable is the environment variable that holds Discover's token.
const tokenVariable = "SLUICE_CLUSTER_TOKEN"

// Discover answers Prometheus in the cluster's network namespace, in which it
// was started, until ctx is done.
func Discover(ctx context.Context, name string) error {
	folder, err := state.Of(name)
	if err != nil {
		return err
	}
	authority, err := os.ReadFile(folder.Path("pki", "ca.crt"))
	if err != nil {
		return err
	}
	client := kube.New(net.JoinHostPort(nodeAddress, apiPort), os.Getenv(tokenVariable), authority)
	return discovery.Serve(ctx, net.JoinHostPort(nodeAddress, discoveryPort), client)
}
