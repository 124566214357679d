// Package remote works with clusters that this program does not run itself: one
// that kind makes in Docker, and any cluster that a kubeconfig points at.
package remote

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"time"
)

// kubectl runs kubectl against one cluster.
type kubectl struct {
	program, kubeconfig string
}

// run gives what kubectl prints; input is its standard input and may be nil.
func (k kubectl) run(ctx context.Context, input io.Reader, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, k.program, append([]string{"--kubeconfig", k.kubeconfig}, arguments...)...)
	command.Stdin = input
	var out, failure bytes.Buffer
	command.Stdout, command.Stderr = &out, &failure
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("kubectl %s: %w: %s", strings.Join(arguments, " "), err, strings.TrimSpace(failure.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// apply applies YAML by server-side apply.
func (k kubectl) apply(ctx context.Context, text []byte) error {
	_, err := k.run(ctx, bytes.NewReader(text), "apply", "--server-side", "--force-conflicts", "--filename", "-")
	return err
}

// prometheusReady says whether a Prometheus answers at the URL.
func prometheusReady(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/-/ready", nil)
	if err != nil {
		return fmt.Errorf("prometheus at %s: %w", url, err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("prometheus at %s: %w", url, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("prometheus at %s is not ready: %s", url, answer.Status)
	}
	return nil
}
