package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/sluicehq/sluice/test/cluster/internal/access"
	"github.com/sluicehq/sluice/test/cluster/internal/component"
)

// Existing is the cluster that KUBECONFIG points at. Nothing in it is made or
// removed; what tests need of it is looked for and named where it is missing.
type Existing struct {
	Builder  *component.Builder
	Progress io.Writer
}

// requirement is something that a cluster must have.
type requirement struct {
	what, remedy string
	// arguments make kubectl succeed where it is there, and print want.
	arguments []string
	want      string
}

var requirements = []requirement{
	{"an answering API server", "check KUBECONFIG", []string{"version"}, "Server Version"},
	{
		"the Gateway API", "install the standard channel of the Gateway API v1.6 or later",
		[]string{"get", "crd", "httproutes.gateway.networking.k8s.io", "gateways.gateway.networking.k8s.io", "--output", "name"},
		"customresourcedefinition",
	},
	{
		"an accepted GatewayClass", "install a gateway, as Traefik with its Kubernetes Gateway provider",
		[]string{"get", "gatewayclasses", "--output", `jsonpath={.items[*].status.conditions[?(@.type=="Accepted")].status}`},
		"True",
	},
	{
		"a programmed Gateway named sluice in namespace gateway, with an HTTP listener for routes of all namespaces", "create it",
		[]string{
			"get", "gateway", "sluice", "--namespace", "gateway",
			"--output", `jsonpath={.status.conditions[?(@.type=="Programmed")].status}`,
		},
		"True",
	},
}

// Up checks that the cluster has what tests need and says all that is missing.
func (e *Existing) Up(ctx context.Context) (access.Points, error) {
	points, err := e.Find(ctx)
	if err != nil {
		return access.Points{}, err
	}
	binaries, err := e.Builder.Ensure(ctx, "kubectl")
	if err != nil {
		return access.Points{}, err
	}
	client := kubectl{program: binaries["kubectl"], kubeconfig: points.Kubeconfig}
	var missing []error
	for _, need := range requirements {
		printed, err := client.run(ctx, nil, need.arguments...)
		if err == nil && !strings.Contains(printed, need.want) {
			err = errors.New("not found")
		}
		if err != nil {
			missing = append(missing, fmt.Errorf("missing: %s (%s): %w", need.what, need.remedy, err))
		}
	}
	if err := prometheusReady(ctx, points.Prometheus); err != nil {
		missing = append(missing, fmt.Errorf("missing: a Prometheus that scrapes the gateway and annotated pods: %w", err))
	}
	if len(missing) > 0 {
		return access.Points{}, fmt.Errorf("the cluster of %s cannot be used:\n%w", points.Kubeconfig, errors.Join(missing...))
	}
	return points, nil
}

// Find gives what the environment says about the cluster.
func (e *Existing) Find(context.Context) (access.Points, error) {
	points := access.Points{
		Kubeconfig: os.Getenv("KUBECONFIG"),
		Gateway:    strings.TrimSuffix(os.Getenv("GATEWAY"), "/"),
		Prometheus: strings.TrimSuffix(os.Getenv("PROMETHEUS"), "/"),
	}
	for name, value := range map[string]string{
		"KUBECONFIG (an administrator's kubeconfig)":                points.Kubeconfig,
		"GATEWAY (the URL of the Gateway's HTTP listener)":          points.Gateway,
		"PROMETHEUS (the URL of Prometheus, reached from here too)": points.Prometheus,
	} {
		if value == "" {
			return points, fmt.Errorf("an existing cluster needs the environment variable %s", name)
		}
	}
	return points, nil
}

// Down does nothing: the cluster is not ours.
func (e *Existing) Down(context.Context) error {
	fmt.Fprintln(e.Progress, "an existing cluster is left as it is")
	return nil
}

// LoadImage cannot be done from outside.
func (e *Existing) LoadImage(_ context.Context, file string) error {
	return fmt.Errorf("images cannot be loaded into an existing cluster: push the image of %s to a registry that its nodes pull from", file)
}
