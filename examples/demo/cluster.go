package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	sluicev1alpha1 "github.com/sluicehq/sluice/api/v1alpha1"
)

// cluster is the cluster that the demo runs in.
type cluster struct {
	name string
	// folder is where tool, the program of test/cluster, runs.
	folder, tool string
	kubeconfig   string

	config *rest.Config
	scheme *runtime.Scheme
	// client reads and writes objects; core has the proxies and logs.
	client client.Client
	core   kubernetes.Interface
}

// startCluster brings up the named cluster.
func startCluster(ctx context.Context, repository, name string) (*cluster, error) {
	c := &cluster{
		name:   name,
		folder: filepath.Join(repository, "test", "cluster"),
		tool:   filepath.Join(repository, "bin", "demo", "cluster"),
	}
	if _, err := command(ctx, c.folder, true, "go", "build", "-o", c.tool, "."); err != nil {
		return nil, err
	}
	printed, err := command(ctx, c.folder, true, c.tool, "up", "-name", name)
	if err != nil {
		return c, err
	}
	for line := range strings.Lines(printed) {
		if path, found := strings.CutPrefix(strings.TrimSpace(line), "KUBECONFIG="); found {
			c.kubeconfig = path
		}
	}
	if c.kubeconfig == "" {
		return c, fmt.Errorf("the cluster did not say where its KUBECONFIG is; it printed:\n%s", tail(printed))
	}
	return c, c.connect()
}

// connect makes the clients.
func (c *cluster) connect() error {
	ctrllog.SetLogger(logr.Discard()) // what clients and caches have to say is in their errors
	var err error
	if c.config, err = clientcmd.BuildConfigFromFlags("", c.kubeconfig); err != nil {
		return fmt.Errorf("kubeconfig %s: %w", c.kubeconfig, err)
	}
	c.config.QPS, c.config.Burst = 200, 400
	c.scheme = runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, sluicev1alpha1.AddToScheme, gatewayv1.Install} {
		if err := add(c.scheme); err != nil {
			return fmt.Errorf("scheme: %w", err)
		}
	}
	if c.client, err = client.New(c.config, client.Options{Scheme: c.scheme}); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	if c.core, err = kubernetes.NewForConfig(c.config); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	return nil
}

// load loads an image.
func (c *cluster) load(ctx context.Context, archive string) error {
	_, err := command(ctx, c.folder, false, c.tool, "load-image", "-name", c.name, archive)
	return err
}

// down ends the cluster.
func (c *cluster) down(ctx context.Context) error {
	_, err := command(ctx, c.folder, false, c.tool, "down", "-name", c.name)
	return err
}
