package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// startTimeout bounds how long the controller may take until it works.
	startTimeout = time.Minute
	// stopTimeout is longer than the controller takes to end its work in hand.
	stopTimeout = 30 * time.Second
	// tokenSeconds is longer than a run.
	tokenSeconds = 12 * 3600
)

// build builds the controller as `make build` does. profiled adds what writes profiles when it is told to.
func build(ctx context.Context, root, folder string, profiled bool) (string, error) {
	binary := filepath.Join(folder, "sluice")
	arguments := []string{"build", "-trimpath", "-ldflags=-s -w", "-o", binary}
	if profiled {
		overlay, err := profilingOverlay(root, folder)
		if err != nil {
			return "", err
		}
		arguments = append(arguments, "-overlay="+overlay)
	}
	command := exec.CommandContext(ctx, "go", append(arguments, "./cmd/sluice")...) //nolint:gosec // our own arguments
	command.Dir, command.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the controller: %w: %s", err, out)
	}
	return binary, nil
}

// process is the running controller.
type process struct {
	command         *exec.Cmd
	health, metrics string
	log             string
	ended           chan error
}

// startController runs the binary as the Deployment of config/default would, with its log in folder, and waits until
// it leads and its caches are filled.
func startController(ctx context.Context, s *server, binary, folder string) (*process, error) {
	kubeconfig, err := s.kubeconfig(ctx, folder)
	if err != nil {
		return nil, err
	}
	addresses, err := freeAddresses(ctx, 2)
	if err != nil {
		return nil, err
	}
	p := &process{
		health: addresses[0], metrics: addresses[1], log: filepath.Join(folder, "controller.log"), ended: make(chan error, 1),
	}
	container := s.deployment.Spec.Template.Spec.Containers[0]
	// Of two flags with the same name the last one counts.
	arguments := append(append([]string{}, container.Args...), "--kubeconfig="+kubeconfig,
		"--leader-elect-namespace="+systemNamespace, "--metrics-address="+p.metrics, "--health-address="+p.health,
		"--git-cache-dir="+filepath.Join(folder, "git"))
	// It outlives ctx, so that it can be told to end in order.
	p.command = exec.CommandContext(context.WithoutCancel(ctx), binary, arguments...) //nolint:gosec // our own binary
	p.command.Env = []string{"HOME=" + folder, "TMPDIR=" + folder}
	for _, variable := range container.Env {
		p.command.Env = append(p.command.Env, variable.Name+"="+variable.Value)
	}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, fmt.Errorf("make the controller's log: %w", err)
	}
	p.command.Stderr = log
	if err := p.command.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the controller: %w", err), log.Close())
	}
	go func() { p.ended <- errors.Join(p.command.Wait(), log.Close()) }()
	if err := p.works(ctx, s); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

// pid is the process.
func (p *process) pid() int { return p.command.Process.Pid }

// works waits until the controller leads and is ready.
func (p *process) works(ctx context.Context, s *server) error {
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, startTimeout, true, func(ctx context.Context) (bool, error) {
		select {
		case err := <-p.ended:
			p.ended <- err
			return false, fmt.Errorf("the controller ended: %w: %s", err, p.lastWords())
		default:
		}
		lease := &coordinationv1.Lease{}
		err := s.client.Get(ctx, client.ObjectKey{Namespace: systemNamespace, Name: "sluice-leader"}, lease)
		if err != nil || lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "" {
			return false, client.IgnoreNotFound(err)
		}
		response, err := get(ctx, "http://"+p.health+"/readyz")
		return err == nil && response != nil, nil
	})
	if err != nil {
		return fmt.Errorf("wait until the controller works: %w", err)
	}
	return nil
}

// stop ends the process in order, and kills it where that takes too long.
func (p *process) stop() error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop the controller: %w", err)
	}
	select {
	case err := <-p.ended:
		return err
	case <-time.After(stopTimeout):
		return errors.Join(errors.New("the controller did not end when told to"), p.command.Process.Kill())
	}
}

// lastWords are the last lines of its log.
func (p *process) lastWords() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-20):], []byte("\n")))
}

// complaints are the lines of the log at level ERROR.
func (p *process) complaints() ([]string, error) {
	file, err := os.Open(p.log)
	if err != nil {
		return nil, fmt.Errorf("read the controller's log: %w", err)
	}
	defer func() { _ = file.Close() }() // only read
	var found []string
	lines := bufio.NewScanner(file)
	for lines.Buffer(nil, 1<<20); lines.Scan(); {
		if bytes.Contains(lines.Bytes(), []byte(`"level":"ERROR"`)) {
			found = append(found, lines.Text())
		}
	}
	return found, lines.Err()
}

// reconciles is how often the controller of Rollouts has looked at one.
func (p *process) reconciles(ctx context.Context) (int, error) {
	text, err := get(ctx, "http://"+p.metrics+"/metrics")
	if err != nil {
		return 0, err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		return 0, fmt.Errorf("read the controller's metrics: %w", err)
	}
	var sum float64
	for _, metric := range families["controller_runtime_reconcile_total"].GetMetric() {
		for _, label := range metric.GetLabel() {
			if label.GetName() == "controller" && label.GetValue() == "sluice-rollout" {
				sum += metric.GetCounter().GetValue()
			}
		}
	}
	return int(sum), nil
}

// get is the body of a page.
func get(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("get %s: %s", url, response.Status)
	}
	var body bytes.Buffer
	if _, err := body.ReadFrom(response.Body); err != nil {
		return nil, fmt.Errorf("get %s: %w", url, err)
	}
	return body.Bytes(), nil
}

// kubeconfig writes a kubeconfig with a token of the controller's service account.
func (s *server) kubeconfig(ctx context.Context, folder string) (string, error) {
	clients, err := kubernetes.NewForConfig(s.config)
	if err != nil {
		return "", fmt.Errorf("make a client: %w", err)
	}
	token, err := clients.CoreV1().ServiceAccounts(systemNamespace).CreateToken(ctx, "sluice",
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: new(int64(tokenSeconds))}},
		metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("get a token for the controller: %w", err)
	}
	content := clientcmdapi.NewConfig()
	content.Clusters["bench"] = &clientcmdapi.Cluster{Server: s.config.Host, CertificateAuthorityData: s.config.CAData}
	content.AuthInfos["sluice"] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	content.Contexts["bench"] = &clientcmdapi.Context{Cluster: "bench", AuthInfo: "sluice"}
	content.CurrentContext = "bench"
	file := filepath.Join(folder, "kubeconfig")
	if err := clientcmd.WriteToFile(*content, file); err != nil {
		return "", fmt.Errorf("write the controller's kubeconfig: %w", err)
	}
	return file, nil
}

// freeAddresses are addresses on which nobody listens.
func freeAddresses(ctx context.Context, n int) ([]string, error) {
	var addresses []string
	for range n {
		var config net.ListenConfig
		listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer func() { _ = listener.Close() }() // all at the end, so that no two are the same
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses, nil
}
