//go:build linux

package local

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/sluicehq/sluice/test/cluster/internal/credentials"
	"github.com/sluicehq/sluice/test/cluster/internal/gatewayapi"
	"github.com/sluicehq/sluice/test/cluster/internal/kube"
	"github.com/sluicehq/sluice/test/cluster/internal/manifests"
	"github.com/sluicehq/sluice/test/cluster/internal/netns"
	"github.com/sluicehq/sluice/test/cluster/internal/state"
)

// boot is one start of a cluster.
type boot struct {
	options  Options
	folder   *state.Folder
	binaries map[string]string
	began    time.Time

	starter *starter
	users   users
	api     *kube.Client
}

// run starts everything in the order in which it can start, side by side where
// nothing has to be waited for.
func (b *boot) run(ctx context.Context) error {
	whole := ctx
	ctx, fail := context.WithCancelCause(whole)
	defer fail(nil)
	b.starter = &starter{folder: b.folder, fail: fail}

	authority, err := b.makeCredentials()
	if err != nil {
		return err
	}
	containerdPID, err := b.startFirst()
	if err != nil {
		return err
	}
	addresses, err := b.reachable(ctx)
	if err != nil {
		return err
	}
	b.api = kube.New(addresses.API, b.users.admin.Token, authority.PEM)
	if err := b.writeKubeconfigs(authority.PEM, addresses); err != nil {
		return err
	}
	err = together(ctx, b.controlPlane, func(ctx context.Context) error { return b.node(ctx, containerdPID) })
	if ctx.Err() != nil && whole.Err() == nil {
		// Whatever was being waited for, the reason is the part that has ended.
		return context.Cause(ctx)
	}
	return err
}

// startFirst starts what waits for nothing, and gives containerd's id.
func (b *boot) startFirst() (int, error) {
	if err := b.starter.startRelay(); err != nil {
		return 0, err
	}
	for _, p := range []program{etcd(b.folder, b.binaries), apiServer(b.folder, b.binaries)} {
		if _, err := b.starter.start(p); err != nil {
			return 0, err
		}
	}
	return b.starter.start(containerd(b.folder))
}

// reachable waits until the relay has said where the cluster is reached.
func (b *boot) reachable(ctx context.Context) (state.Addresses, error) {
	var addresses state.Addresses
	err := kube.Poll(ctx, func(context.Context) (bool, error) {
		var err error
		addresses, err = b.folder.ReadAddresses()
		return err == nil, nil
	})
	return addresses, err
}

// controlPlane starts what waits for the API server, and the gateway.
func (b *boot) controlPlane(ctx context.Context) error {
	if err := b.api.Ready(ctx); err != nil {
		return fmt.Errorf("API server: %w", err)
	}
	b.tell("API server ready")
	for _, p := range []program{controllerManager(b.folder, b.binaries), scheduler(b.folder, b.binaries)} {
		if _, err := b.starter.start(p); err != nil {
			return err
		}
	}
	for _, name := range []string{"namespaces", "rbac", "services"} {
		if err := b.applyOwn(ctx, name); err != nil {
			return err
		}
	}
	for _, p := range []program{
		coreDNS(b.folder, b.binaries), discoverer(b.folder, b.users.prometheus.Token), prometheus(b.folder),
	} {
		if _, err := b.starter.start(p); err != nil {
			return err
		}
	}
	return together(ctx,
		b.gateway,
		b.nameService,
		b.prometheusReady,
		func(ctx context.Context) error {
			// Pods are refused until their namespace has its account.
			return b.wait(ctx, "account of the default namespace", func(ctx context.Context) error {
				return b.api.Get(ctx, "/api/v1/namespaces/default/serviceaccounts/default", nil)
			})
		},
	)
}

// node starts what runs pods.
func (b *boot) node(ctx context.Context, containerdPID int) error {
	if err := b.importPause(ctx); err != nil {
		return err
	}
	if err := b.api.Ready(ctx); err != nil {
		return fmt.Errorf("API server: %w", err)
	}
	for _, p := range []program{kubelet(b.folder, b.binaries, containerdPID), kubeProxy(b.folder, b.binaries)} {
		if _, err := b.starter.start(p); err != nil {
			return err
		}
	}
	if err := b.api.WaitCondition(ctx, "/api/v1/nodes/"+nodeName(b.folder), "Ready"); err != nil {
		return fmt.Errorf("node: %w", err)
	}
	b.tell("node Ready")
	return nil
}

// gateway installs the Gateway API and waits for the gateway to serve.
func (b *boot) gateway(ctx context.Context) error {
	definitions, err := gatewayapi.Definitions(ctx, b.options.Builder.Source, b.options.Experimental)
	if err != nil {
		return err
	}
	if err := b.applyDefinitions(ctx, definitions); err != nil {
		return err
	}
	gateway := traefik(b.folder, b.binaries, b.options.Throttle, b.options.Experimental)
	if _, err := b.starter.start(gateway); err != nil {
		return err
	}
	if err := b.applyOwn(ctx, "gateway"); err != nil {
		return err
	}
	const path = "/apis/gateway.networking.k8s.io/v1/namespaces/gateway/gateways/sluice"
	if err := b.api.WaitCondition(ctx, path, "Programmed"); err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	b.tell("gateway programmed")
	return nil
}

// applyDefinitions applies CRDs and waits until they are served.
func (b *boot) applyDefinitions(ctx context.Context, definitions []manifests.Object) error {
	tasks := make([]func(context.Context) error, 0, len(definitions))
	for _, definition := range definitions {
		tasks = append(tasks, func(ctx context.Context) error {
			if err := b.api.Apply(ctx, definition); err != nil {
				return err
			}
			if definition.Kind != "CustomResourceDefinition" {
				return nil
			}
			path := "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/" + definition.Name
			if err := b.api.WaitCondition(ctx, path, "Established"); err != nil {
				return fmt.Errorf("%s: %w", definition, err)
			}
			return nil
		})
	}
	return together(ctx, tasks...)
}

func (b *boot) applyOwn(ctx context.Context, name string) error {
	objects, err := manifests.Read(name)
	if err != nil {
		return err
	}
	for _, object := range objects {
		if err := b.api.Apply(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

// nameService waits until the cluster's names are answered.
func (b *boot) nameService(ctx context.Context) error {
	return b.wait(ctx, "CoreDNS", func(context.Context) error {
		return netns.Do(b.folder.Namespace(), func() error {
			connection, err := net.DialTimeout("tcp4", nodeAddress+":8181", time.Second)
			if err != nil {
				return err
			}
			return httpReady(connection, "/ready")
		})
	})
}

// prometheusReady waits until Prometheus answers queries.
func (b *boot) prometheusReady(ctx context.Context) error {
	addresses, err := b.folder.ReadAddresses()
	if err != nil {
		return err
	}
	return b.wait(ctx, "Prometheus", func(context.Context) error {
		connection, err := net.DialTimeout("tcp4", addresses.Prometheus, time.Second)
		if err != nil {
			return err
		}
		return httpReady(connection, "/-/ready")
	})
}

// wait tries something until it succeeds; the last error is told when ctx is done.
func (b *boot) wait(ctx context.Context, what string, try func(context.Context) error) error {
	var last error
	err := kube.Poll(ctx, func(ctx context.Context) (bool, error) {
		last = try(ctx)
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w (last: %w)", what, err, last)
	}
	return nil
}

// httpReady asks for a path on a connection, which it closes, and wants a 200.
func httpReady(connection net.Conn, path string) error {
	transport := &http.Transport{
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return connection, nil },
		DisableKeepAlives: true,
	}
	client := &http.Client{Transport: transport, Timeout: 2 * time.Second}
	answer, err := client.Get("http://" + connection.RemoteAddr().String() + path)
	if err != nil {
		_ = connection.Close()
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", path, answer.Status)
	}
	return nil
}

// tell says how far the start has come.
func (b *boot) tell(what string) {
	fmt.Fprintf(b.options.Progress, "cluster %s: %s after %.1f s\n", b.folder.Name, what, time.Since(b.began).Seconds())
}

// users are the clients of the API server.
type users struct{ admin, controllerManager, scheduler, kubelet, kubeProxy, traefik, coredns, prometheus credentials.User }

// makeCredentials writes certificates and tokens.
func (b *boot) makeCredentials() (*credentials.Authority, error) {
	pki := b.folder.Path("pki")
	authority, err := credentials.NewAuthority(pki, b.began)
	if err != nil {
		return nil, err
	}
	for _, subject := range []credentials.Subject{
		{Name: "kube-apiserver", Hosts: []string{
			"127.0.0.1", "localhost", nodeAddress, firstService, "kubernetes", "kubernetes.default",
			"kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
		}},
		{Name: "kube-apiserver-kubelet", Organizations: []string{"system:masters"}},
		{Name: "front-proxy"},
		{Name: "kubelet", Hosts: []string{nodeAddress, nodeName(b.folder)}},
	} {
		if err := authority.Issue(subject); err != nil {
			return nil, err
		}
	}
	if err := authority.SigningKey("service-accounts"); err != nil {
		return nil, err
	}
	b.users = users{
		admin:             credentials.NewUser("admin", "system:masters"),
		controllerManager: credentials.NewUser("system:kube-controller-manager"),
		scheduler:         credentials.NewUser("system:kube-scheduler"),
		kubelet:           credentials.NewUser("system:node:"+nodeName(b.folder), "system:nodes"),
		kubeProxy:         credentials.NewUser("system:kube-proxy"),
		traefik:           credentials.NewUser("traefik"),
		coredns:           credentials.NewUser("coredns"),
		prometheus:        credentials.NewUser("prometheus"),
	}
	// Traefik takes its token from a file, so that it is in no list of processes.
	if err := os.WriteFile(b.folder.Path("pki", "traefik.token"), []byte(b.users.traefik.Token), 0o600); err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	return authority, credentials.WriteTokens(b.folder.Path("pki", "tokens"), []credentials.User{
		b.users.admin, b.users.controllerManager, b.users.scheduler, b.users.kubelet,
		b.users.kubeProxy, b.users.traefik, b.users.coredns, b.users.prometheus,
	})
}

// writeKubeconfigs writes the administrator's kubeconfig for the machine, last,
// and one for each component, which reaches the server inside.
func (b *boot) writeKubeconfigs(authority []byte, addresses state.Addresses) error {
	inside := "https://" + net.JoinHostPort(nodeAddress, apiPort)
	for name, user := range map[string]credentials.User{
		"admin": b.users.admin, "kube-controller-manager": b.users.controllerManager, "kube-scheduler": b.users.scheduler,
		"kubelet": b.users.kubelet, "kube-proxy": b.users.kubeProxy, "coredns": b.users.coredns,
	} {
		file := b.folder.Path("etc", name+".kubeconfig")
		if err := credentials.WriteKubeconfig(file, b.folder.Namespace(), inside, authority, user); err != nil {
			return err
		}
	}
	partial := b.folder.Kubeconfig() + ".partial"
	err := credentials.WriteKubeconfig(partial, b.folder.Namespace(), "https://"+addresses.API, authority, b.users.admin)
	if err != nil {
		return err
	}
	return os.Rename(partial, b.folder.Kubeconfig())
}
