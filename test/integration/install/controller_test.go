package install

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// buildFolder is where the controller is built, once.
var buildFolder string

var controllerBinary = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(buildFolder, "sluice")
	// As in make image, so that the memory is that of the image.
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, "./cmd/sluice")
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w: %s", err, out)
	}
	return binary, nil
})

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if buildFolder, err = os.MkdirTemp("", "sluice-install-test"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(buildFolder)
		return m.Run()
	}())
}

// process is a running controller.
type process struct {
	command *exec.Cmd
	health  string
	ended   chan struct{}

	mutex sync.Mutex
	lines []string
}

// start runs the controller as the service account that config gives it, with a token and nothing else.
func start(t *testing.T, config *rest.Config, args ...string) *process {
	t.Helper()
	binary, err := controllerBinary()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	p := &process{health: "http://" + address, ended: make(chan struct{})}
	p.command = exec.Command(binary, append([]string{
		"--kubeconfig=" + kubeconfigOf(t, config), "--leader-elect-namespace=sluice-system",
		"--metrics-address=0", "--health-address=" + address, "--git-cache-dir=" + t.TempDir(),
	}, args...)...)
	stderr, err := p.command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go p.follow(stderr)
	t.Cleanup(func() {
		p.command.Process.Kill()
		<-p.ended
		p.command.Wait()
		if t.Failed() {
			t.Logf("log of %v:\n%s", args, strings.Join(p.log(), "\n"))
		}
	})
	return p
}

func (p *process) follow(stderr io.Reader) {
	defer close(p.ended)
	for scanner := bufio.NewScanner(stderr); scanner.Scan(); {
		p.mutex.Lock()
		p.lines = append(p.lines, scanner.Text())
		p.mutex.Unlock()
	}
}

func (p *process) log() []string {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return append([]string(nil), p.lines...)
}

// says waits for a line of the log.
func (p *process) says(t *testing.T, part string) {
	t.Helper()
	soon(t, fmt.Sprintf("the log says %q", part), func(context.Context) (bool, error) {
		return strings.Contains(strings.Join(p.log(), "\n"), part), nil
	})
}

// ready waits for /readyz.
func (p *process) ready(t *testing.T) {
	t.Helper()
	soon(t, "/readyz answers with 200", func(ctx context.Context) (bool, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.health+"/readyz", nil)
		if err != nil {
			return false, err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return false, nil //nolint:nilerr // not listening yet
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK, nil
	})
}

// works waits until it leads, with all of its controllers at work.
func (p *process) works(t *testing.T) {
	t.Helper()
	soon(t, "every controller works", func(context.Context) (bool, error) {
		waiting := map[string]bool{"sluice-rollout": true, "analysisrun": true, "gitsync": true}
		for _, line := range p.log() {
			var entry struct{ Msg, Controller string }
			if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "Starting workers" {
				delete(waiting, entry.Controller)
			}
		}
		return len(waiting) == 0, nil
	})
	p.ready(t) // with the watches that came later
}

// memory is the resident memory, where the system tells.
func (p *process) memory(t *testing.T) string {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return "unknown"
	}
	var found []string
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmRSS:") || strings.HasPrefix(line, "Rss") {
			found = append(found, strings.Join(strings.Fields(line), " "))
		}
	}
	return strings.Join(found, ", ")
}

// stop asks the process to end, and checks that it does so in order.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	if err := p.command.Wait(); err != nil {
		t.Errorf("ended with %v, want exit code 0", err)
	}
}

// complaints are the lines of the log that are errors, or speak of a missing right. That a renewal of the Lease was cut
// off when the process was told to end is none.
func (p *process) complaints() []string {
	var found []string
	for _, line := range p.log() {
		var entry struct{ Level, Logger, Err string }
		err := json.Unmarshal([]byte(line), &entry)
		if entry.Logger == "leaderelection" && entry.Err == "context canceled" {
			continue
		}
		if err != nil || entry.Level == "ERROR" || strings.Contains(line, "forbidden") {
			found = append(found, line)
		}
	}
	return found
}

// kubeconfigOf writes a kubeconfig with a token of the controller's service account.
func kubeconfigOf(t *testing.T, config *rest.Config) string {
	t.Helper()
	token, err := kubernetes.NewForConfigOrDie(config).CoreV1().ServiceAccounts("sluice-system").
		CreateToken(t.Context(), "sluice", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig := clientcmdapi.NewConfig()
	kubeconfig.Clusters["test"] = &clientcmdapi.Cluster{Server: config.Host, CertificateAuthorityData: config.CAData}
	kubeconfig.AuthInfos["sluice"] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	kubeconfig.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "sluice"}
	kubeconfig.CurrentContext = "test"
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*kubeconfig, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// holder is who holds the Lease; empty means nobody.
func holder(ctx context.Context, c client.Client) (string, error) {
	lease := &coordinationv1.Lease{}
	err := c.Get(ctx, client.ObjectKey{Namespace: "sluice-system", Name: "sluice-leader"}, lease)
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil || lease.Spec.HolderIdentity == nil {
		return "", err
	}
	return *lease.Spec.HolderIdentity, nil
}

// otherHolder waits until somebody else than before holds the Lease.
func otherHolder(t *testing.T, c client.Client, before string) string {
	t.Helper()
	var now string
	soon(t, "the Lease has another holder", func(ctx context.Context) (bool, error) {
		var err error
		now, err = holder(ctx, c)
		return now != "" && now != before, err
	})
	return now
}

// TestController runs two replicas with exactly the rights of config/install.yaml, before and after the Gateway API is
// there, and hands the Lease over, in order and after a crash.
func TestController(t *testing.T) {
	config := startServer(t)
	c := newClient(t, config)
	create(t, c, decode(t, read(t, filepath.Join(root, "config/install.yaml"))))

	first := start(t, config)
	first.ready(t)
	first.says(t, "The Gateway API is not installed")
	leader := otherHolder(t, c, "")
	create(t, c, gatewayCRDs(t))
	first.works(t)
	t.Logf("memory of a leader at rest: %s", first.memory(t))

	second := start(t, config)
	second.ready(t)
	first.stop(t)
	leader = otherHolder(t, c, leader)

	third := start(t, config)
	third.ready(t)
	if err := second.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	otherHolder(t, c, leader)
	third.works(t)
	third.stop(t)
	if got, err := holder(t.Context(), c); err != nil || got != "" {
		t.Errorf("the last one left the Lease to %q, %v; want it released", got, err)
	}
	for _, p := range []*process{first, third} {
		for _, line := range p.complaints() {
			t.Errorf("the log has: %s", line)
		}
	}
}

// TestControllerOfNamespaces runs it with the rights of config/namespaced.
func TestControllerOfNamespaces(t *testing.T) {
	config := startServer(t)
	c := newClient(t, config)
	create(t, c, gatewayCRDs(t))
	create(t, c, []*unstructured.Unstructured{namespaceNamed("team-a")})
	create(t, c, decode(t, render(t, "namespaced")))
	p := start(t, config, "--namespaces=team-a")
	p.ready(t)
	p.works(t)
	p.stop(t)
	for _, line := range p.complaints() {
		t.Errorf("the log has: %s", line)
	}
}

// TestControllerSaysWhatIsMissing starts it where its own kinds, or its policy, are missing.
func TestControllerSaysWhatIsMissing(t *testing.T) {
	config := startServer(t)
	c := newClient(t, config)
	create(t, c, decode(t, render(t, "manager")))
	create(t, c, decode(t, render(t, "rbac")))
	p := start(t, config)
	p.says(t, "install the CustomResourceDefinitions of config/crd")
	<-p.ended
	if err := p.command.Wait(); err == nil {
		t.Error("ended with exit code 0 without its kinds")
	}

	create(t, c, decode(t, render(t, "crd")))
	again := start(t, config)
	again.ready(t)
	again.says(t, "The admission policy for requests is missing")
}
