package analysis

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

const prometheusConfig = `global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
- job_name: self
  static_configs: [{targets: ['%s']}]
`

// prometheusServer is a real Prometheus on a loopback port that it keeps over restarts.
type prometheusServer struct {
	t       *testing.T
	address string
	folder  string
	process *exec.Cmd
}

// startPrometheus starts a Prometheus and waits until it has scraped itself.
func startPrometheus(t *testing.T) *prometheusServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &prometheusServer{t: t, address: listener.Addr().String(), folder: t.TempDir()}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(prometheusConfig, p.address)
	if err := os.WriteFile(filepath.Join(p.folder, "prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	p.start()
	return p
}

func (p *prometheusServer) url() string { return "http://" + p.address }

func (p *prometheusServer) start() {
	p.t.Helper()
	output := &strings.Builder{}
	p.process = exec.Command("prometheus", "--config.file="+filepath.Join(p.folder, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(p.folder, "data"), "--web.listen-address="+p.address, "--log.level=warn")
	p.process.Stdout, p.process.Stderr = output, output
	p.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.process.Start(); err != nil {
		p.t.Fatalf("starting prometheus: %v", err)
	}
	NewWithT(p.t).Eventually(func() error { return p.hasData() }, 30*time.Second, 100*time.Millisecond).
		Should(Succeed(), "prometheus has no data yet")
}

// hasData says whether a query for its own scrapes gives a value.
func (p *prometheusServer) hasData() error {
	resp, err := http.Get(p.url() + "/api/v1/query?query=up")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body := make([]byte, 4096)
	n, _ := resp.Body.Read(body)
	if !strings.Contains(string(body[:n]), `"value":[`) {
		return fmt.Errorf("status %d: %s", resp.StatusCode, body[:n])
	}
	return nil
}

func (p *prometheusServer) stop() {
	if p.process == nil {
		return
	}
	_ = p.process.Process.Signal(syscall.SIGTERM)
	_ = p.process.Wait()
	p.process = nil
}

// counting is a proxy before a Prometheus that counts the queries.
func (p *prometheusServer) counting() (address string, queries *atomic.Int32) {
	target, err := url.Parse(p.url())
	if err != nil {
		p.t.Fatal(err)
	}
	queries = &atomic.Int32{}
	proxy := httputil.NewSingleHostReverseProxy(target)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	server := &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			queries.Add(1)
			proxy.ServeHTTP(w, r)
		}),
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	p.t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return "http://" + listener.Addr().String(), queries
}
