package conformance

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	upstream "sigs.k8s.io/gateway-api/conformance"
	conformanceconfig "sigs.k8s.io/gateway-api/conformance/utils/config"
	gwgrpc "sigs.k8s.io/gateway-api/conformance/utils/grpc"
	"sigs.k8s.io/gateway-api/conformance/utils/roundtripper"
)

// cluster is the local cluster's name; SLUICE_E2E_CLUSTER names one that is up, and stays.
const cluster = "conformance"

// local is the cluster that the tests run on.
type local struct {
	name, kubeconfig string
	// gateway is host:port of Traefik's listener on this machine.
	gateway string
}

// bringUp brings up the cluster with the echo server's image. It ends when the test does.
func bringUp(t *testing.T) local {
	t.Helper()
	c := local{name: os.Getenv("SLUICE_E2E_CLUSTER")}
	if c.name == "" {
		c.name = cluster
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Minute)
			defer cancel()
			if out, err := runIn(ctx, "../cluster", "go", "run", ".", "down", "-name", c.name); err != nil {
				t.Errorf("cluster down: %v\n%s", err, out)
			}
		})
	}
	settings := map[string]string{}
	for line := range strings.Lines(must(t, "../cluster", "go", "run", ".", "up", "-name", c.name)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			settings[key] = value
		}
	}
	address, err := url.Parse(settings["GATEWAY"])
	if err != nil || address.Host == "" {
		t.Fatalf("the cluster gives no gateway: %v", settings)
	}
	c.kubeconfig, c.gateway = settings["KUBECONFIG"], address.Host
	c.loadEcho(t)
	return c
}

// kubectl is that of the local cluster.
func (c local) kubectl(t *testing.T) []string {
	t.Helper()
	lines := strings.Fields(must(t, "../cluster", "go", "run", ".", "assets"))
	return []string{filepath.Join(lines[len(lines)-1], "kubectl"), "--kubeconfig", c.kubeconfig}
}

// faultGateway deploys the gateway with faults, as of this source, and gives host:port of its listener on this machine.
func (c local) faultGateway(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "gateway")
	must(t, "../..", "env", "CGO_ENABLED=0", "go", "build", "-trimpath", "-o", binary, "./test/gateway")
	c.load(t, "sluice-fault-gateway:dev", binary)
	kubectl := c.kubectl(t)
	with := func(args ...string) []string { return append(slices.Clone(kubectl), args...) }
	must(t, "../gateway/deploy", with("apply", "-f", "gateway.yaml")...)
	must(t, ".", with("-n", "fault-gateway", "rollout", "status", "deployment/fault", "--timeout=2m")...)

	args := with("-n", "fault-gateway", "port-forward", "deployment/fault", ":8000")
	forward := exec.CommandContext(t.Context(), args[0], args[1:]...)
	out, err := forward.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := forward.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = forward.Wait() }) // It was killed: the test's context has ended.
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := forwarded.FindStringSubmatch(lines.Text()); found != nil {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return found[1]
		}
	}
	t.Fatalf("%v says no port: %v", args, lines.Err())
	return ""
}

// forwarded is what port-forward prints first.
var forwarded = regexp.MustCompile(`^Forwarding from (127\.0\.0\.1:\d+) ->`)

// load gives the cluster an image of one static program.
func (c local) load(t *testing.T, image, binary string) {
	t.Helper()
	archive := filepath.Join(t.TempDir(), "image.tar")
	program := filepath.Base(binary)
	must(t, "../cluster", "go", "run", "./image", "-o", archive, "-name", image, "-user", "65532:65532",
		"-entrypoint", "/"+program, program+"="+binary)
	must(t, "../cluster", "go", "run", ".", "load-image", "-name", c.name, archive)
}

// echoImages are the names under which upstream's manifests know the echo server.
var echoImages = regexp.MustCompile(`registry\.k8s\.io/gateway-api/echo-basic:\S+`)

// loadEcho builds upstream's echo server and gives it to the cluster under each of its names, so that nothing is pulled.
func (c local) loadEcho(t *testing.T) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "echo-basic")
	must(t, ".", "env", "CGO_ENABLED=0", "go", "build", "-trimpath", "-o", binary, "sigs.k8s.io/gateway-api/conformance/echo-basic")
	manifests, err := upstream.Manifests.ReadFile("base/manifests.yaml")
	if err != nil {
		t.Fatal(err)
	}
	images := echoImages.FindAllString(string(manifests), -1)
	slices.Sort(images)
	for _, image := range slices.Compact(images) {
		c.load(t, image, binary)
	}
}

func must(t *testing.T, folder string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	out, err := runIn(ctx, folder, args...)
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return out
}

// runIn runs a command in a folder.
func runIn(ctx context.Context, folder string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, args[0], args[1:]...)
	command.Dir = folder
	out, err := command.CombinedOutput()
	return string(out), err
}

// listener is host:port of a gateway on this machine. What a Gateway's status says is an address inside the cluster's
// network.
type listener string

// CaptureRoundTrip implements upstream's RoundTripper: the request goes to the listener, with the Host that it had.
func (l listener) CaptureRoundTrip(request roundtripper.Request) (*roundtripper.CapturedRequest, *roundtripper.CapturedResponse, error) {
	if request.Host == "" {
		request.Host = request.URL.Host
	}
	request.URL.Host = string(l)
	inner := roundtripper.DefaultRoundTripper{TimeoutConfig: conformanceconfig.DefaultTimeoutConfig()}
	return inner.CaptureRoundTrip(request)
}

// grpcClient is upstream's gRPC client to a listener.
type grpcClient struct {
	listener listener
	clients  map[string]*gwgrpc.DefaultClient
}

// SendRPC implements upstream's Client.
func (c *grpcClient) SendRPC(t *testing.T, address string, expected gwgrpc.ExpectedResponse, timeout time.Duration) (*gwgrpc.Response, error) {
	t.Helper()
	authority := ""
	if expected.RequestMetadata != nil {
		authority = expected.RequestMetadata.Authority
	}
	if c.clients[authority] == nil {
		options := []grpc.DialOption{
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, "tcp", string(c.listener))
			}),
		}
		if authority != "" {
			options = append(options, grpc.WithAuthority(authority))
		}
		connection, err := grpc.NewClient("passthrough:///"+address, options...)
		if err != nil {
			return &gwgrpc.Response{}, err
		}
		c.clients[authority] = &gwgrpc.DefaultClient{Conn: connection}
	}
	return c.clients[authority].SendRPC(t, address, expected, timeout)
}

// Close implements upstream's Client; connections are kept for the next test.
func (*grpcClient) Close() {}
