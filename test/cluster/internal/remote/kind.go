package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/test/cluster/image/archive"
	"github.com/sluicehq/sluice/test/cluster/internal/access"
	"github.com/sluicehq/sluice/test/cluster/internal/component"
	"github.com/sluicehq/sluice/test/cluster/internal/gatewayapi"
	"github.com/sluicehq/sluice/test/cluster/internal/manifests"
)

// Kind is a cluster that kind runs in Docker. The gateway is the same Traefik as
// in a local cluster, as a Deployment; Prometheus comes from its registry.
type Kind struct {
	// Name tells clusters apart.
	Name    string
	Builder *component.Builder
	// Throttle is how long the gateway gathers changes before it applies them.
	Throttle time.Duration
	// Experimental asks for the experimental channel of the Gateway API.
	Experimental bool
	Progress     io.Writer
}

const (
	traefikImage = "sluice.dev/traefik:dev"
	// The node ports of kind.yaml's Services.
	gatewayNodePort, prometheusNodePort = 30080, 30090
	// readyLimit is given to kubectl wait; images may have to be pulled.
	readyLimit = "--timeout=300s"
)

// Up makes the cluster, or finds it, and waits for its gateway and Prometheus.
func (k *Kind) Up(ctx context.Context) (access.Points, error) {
	names, err := k.clusters(ctx)
	if err != nil {
		return access.Points{}, err
	}
	if slices.Contains(names, k.cluster()) {
		return k.Find(ctx)
	}
	binaries, err := k.Builder.Ensure(ctx, "kubectl")
	if err != nil {
		return access.Points{}, err
	}
	points, err := k.create(ctx)
	if err != nil {
		return access.Points{}, err
	}
	client := kubectl{program: binaries["kubectl"], kubeconfig: points.Kubeconfig}
	if err := k.install(ctx, client); err != nil {
		return access.Points{}, fmt.Errorf("cluster %s: %w; down removes it", k.Name, err)
	}
	return points, k.remember(points)
}

// create makes the bare cluster with two ports of the machine mapped to the
// gateway and Prometheus.
func (k *Kind) create(ctx context.Context) (access.Points, error) {
	folder, err := k.folder()
	if err != nil {
		return access.Points{}, err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return access.Points{}, fmt.Errorf("state: %w", err)
	}
	ports, err := freePorts(2)
	if err != nil {
		return access.Points{}, err
	}
	points := access.Points{
		Kubeconfig: filepath.Join(folder, "kubeconfig"),
		Gateway:    fmt.Sprintf("http://127.0.0.1:%d", ports[0]),
		Prometheus: fmt.Sprintf("http://127.0.0.1:%d", ports[1]),
	}
	configuration := fmt.Sprintf(`kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
- role: control-plane
  extraPortMappings:
  - {listenAddress: 127.0.0.1, hostPort: %d, containerPort: %d}
  - {listenAddress: 127.0.0.1, hostPort: %d, containerPort: %d}
`, ports[0], gatewayNodePort, ports[1], prometheusNodePort)
	_, err = k.kind(ctx, strings.NewReader(configuration),
		"create", "cluster", "--name", k.cluster(), "--config", "-", "--kubeconfig", points.Kubeconfig, "--wait", "180s")
	return points, err
}

// install puts the Gateway API, the gateway and Prometheus into the cluster.
func (k *Kind) install(ctx context.Context, client kubectl) error {
	definitions, err := gatewayapi.Folder(ctx, k.Builder.Source, k.Experimental)
	if err != nil {
		return err
	}
	if _, err := client.run(ctx, nil, "apply", "--server-side", "--filename", definitions); err != nil {
		return err
	}
	if err := k.loadTraefik(ctx); err != nil {
		return err
	}
	for _, name := range []string{"namespaces", "rbac", "kind", "gateway"} {
		text, err := manifests.Text(name)
		if err != nil {
			return err
		}
		filled := strings.NewReplacer(
			"$THROTTLE", k.Throttle.String(), "$EXPERIMENTAL", fmt.Sprint(k.Experimental), "$TRAEFIK_IMAGE", traefikImage,
		).Replace(string(text))
		if err := client.apply(ctx, []byte(filled)); err != nil {
			return err
		}
	}
	for _, wait := range [][]string{
		{"--namespace", "gateway", "rollout", "status", "deployment/traefik", readyLimit},
		{"--namespace", "monitoring", "rollout", "status", "deployment/prometheus", readyLimit},
		{"--namespace", "gateway", "wait", "--for=condition=Programmed", "gateway/sluice", readyLimit},
	} {
		if _, err := client.run(ctx, nil, wait...); err != nil {
			return err
		}
	}
	return nil
}

// loadTraefik builds the gateway for the node and loads it as an image.
func (k *Kind) loadTraefik(ctx context.Context) error {
	builder := *k.Builder
	builder.OS, builder.Arch = "linux", runtime.GOARCH
	binaries, err := builder.Ensure(ctx, "traefik")
	if err != nil {
		return err
	}
	folder, err := k.folder()
	if err != nil {
		return err
	}
	file := filepath.Join(folder, "traefik.tar")
	err = archive.WriteFile(file, archive.Image{
		Name: traefikImage, User: "65532:65532", Entrypoint: []string{"/traefik"},
		Files: []archive.File{{Path: "traefik", Source: binaries["traefik"]}},
	})
	if err != nil {
		return err
	}
	return errors.Join(k.LoadImage(ctx, file), os.Remove(file))
}

// Find gives how the cluster is reached.
func (k *Kind) Find(context.Context) (access.Points, error) {
	var points access.Points
	folder, err := k.folder()
	if err != nil {
		return points, err
	}
	content, err := os.ReadFile(filepath.Join(folder, "access.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return points, fmt.Errorf("kind cluster %s did not come up as a whole; run down, then up", k.cluster())
	}
	if err != nil {
		return points, fmt.Errorf("state: %w", err)
	}
	if err := json.Unmarshal(content, &points); err != nil {
		return points, fmt.Errorf("state of kind cluster %s: %w", k.cluster(), err)
	}
	return points, nil
}

// Down removes the cluster.
func (k *Kind) Down(ctx context.Context) error {
	if _, err := k.kind(ctx, nil, "delete", "cluster", "--name", k.cluster()); err != nil {
		return err
	}
	folder, err := k.folder()
	if err != nil {
		return err
	}
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	return nil
}

// LoadImage gives the cluster's node the images of an archive.
func (k *Kind) LoadImage(ctx context.Context, file string) error {
	_, err := k.kind(ctx, nil, "load", "image-archive", file, "--name", k.cluster())
	return err
}

func (k *Kind) remember(points access.Points) error {
	folder, err := k.folder()
	if err != nil {
		return err
	}
	content, err := json.Marshal(points)
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, "access.json"), content, 0o600); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	return nil
}

// cluster is the name under which kind knows the cluster.
func (k *Kind) cluster() string { return "sluice-" + k.Name }

// folder keeps what is known of the cluster, in the user's cache.
func (k *Kind) folder() (string, error) {
	if k.Name == "" || k.Name != filepath.Base(k.Name) {
		return "", fmt.Errorf("cluster name %q is no file name", k.Name)
	}
	return filepath.Join(filepath.Dir(k.Builder.Cache), "kind", k.Name), nil
}

func (k *Kind) clusters(ctx context.Context) ([]string, error) {
	text, err := k.kind(ctx, nil, "get", "clusters")
	return strings.Fields(text), err
}

func (k *Kind) kind(ctx context.Context, input io.Reader, arguments ...string) (string, error) {
	for _, program := range []string{"kind", "docker"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", fmt.Errorf("--provider kind needs %s on PATH: %w; on Linux as root --provider local needs neither", program, err)
		}
	}
	command := exec.CommandContext(ctx, "kind", arguments...)
	command.Stdin, command.Stderr = input, k.Progress
	text, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("kind %s: %w", strings.Join(arguments, " "), err)
	}
	return string(text), nil
}

// freePorts finds ports of the machine that nothing listens on right now.
func freePorts(count int) ([]int, error) {
	var ports []int
	for range count {
		listener, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("free port: %w", err)
		}
		// Kept open until all are found, so that they differ.
		defer listener.Close()
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
