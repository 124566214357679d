package plugin

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/sluicehq/sluice/cmd/kubectl-sluice/cli"
)

// server is the API server that all tests of the package share; each test has a namespace of its own.
var (
	server     *envtest.Environment
	admin      client.Client
	kubeconfig string
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		fmt.Fprintln(os.Stderr, "KUBEBUILDER_ASSETS is not set: make integration sets it to a folder with etcd and kube-apiserver")
		return 1
	}
	log.SetLogger(logr.Discard())
	server = &envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join("..", "..", "..", "config", "crd")},
		ErrorIfCRDPathMissing: true,
	}
	if err := start(); err != nil {
		fmt.Fprintln(os.Stderr, "start the API server:", err)
		return 1
	}
	code := m.Run()
	if err := server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop the API server:", err)
	}
	_ = os.Remove(kubeconfig)
	return code
}

func start() error {
	config, err := server.Start()
	if err != nil {
		return err
	}
	scheme, err := cli.Scheme()
	if err != nil {
		return err
	}
	if admin, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	user, err := server.AddUser(envtest.User{Name: "alice", Groups: []string{"system:masters"}}, nil)
	if err != nil {
		return err
	}
	content, err := user.KubeConfig()
	if err != nil {
		return err
	}
	file, err := os.CreateTemp("", "kubeconfig-*")
	if err != nil {
		return err
	}
	kubeconfig = file.Name()
	if _, err := file.Write(content); err != nil {
		return err
	}
	return file.Close()
}

// namespace makes a namespace for a test.
func namespace(t *testing.T) string {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "plugin-"}}
	NewWithT(t).Expect(admin.Create(t.Context(), ns)).To(Succeed())
	return ns.Name
}

// sluice runs kubectl-sluice and returns its exit code and all that it printed.
func sluice(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	env := cli.Environment{
		Streams:   genericiooptions.IOStreams{In: &bytes.Buffer{}, Out: &out, ErrOut: &out},
		Terminal:  func() (int, int, bool) { return 0, 0, false },
		Now:       time.Now,
		NewID:     func() string { return string(uuid.NewUUID()) },
		NewClient: cli.ClusterClient,
	}
	args = append(args, "--kubeconfig", kubeconfig, "--cache-dir", t.TempDir())
	code := cli.Run(t.Context(), args, env)
	return code, out.String()
}
