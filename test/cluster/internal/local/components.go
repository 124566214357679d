//go:build linux

package local

import (
	"fmt"
	"time"

	"github.com/sluicehq/sluice/test/cluster/internal/enter"
	"github.com/sluicehq/sluice/test/cluster/internal/state"
)

// program is one process of a cluster.
type program struct {
	name string
	// binary is the path or name of the program.
	binary    string
	arguments []string
	mounts    enter.Mounts
	// environment is added to that of this program.
	environment []string
}

// etcd keeps its data without waiting for the disk: it need not outlive the machine.
func etcd(folder *state.Folder, binaries map[string]string) program {
	return program{name: "etcd", binary: binaries["etcd"], arguments: []string{
		"--data-dir=" + folder.Path("etcd"),
		"--listen-client-urls=http://127.0.0.1:2379",
		"--advertise-client-urls=http://127.0.0.1:2379",
		"--listen-peer-urls=http://127.0.0.1:2380",
		"--unsafe-no-fsync",
		"--log-level=warn",
	}}
}

func apiServer(folder *state.Folder, binaries map[string]string) program {
	pki := func(name string) string { return folder.Path("pki", name) }
	return program{name: "kube-apiserver", binary: binaries["kube-apiserver"], arguments: []string{
		"--advertise-address=" + nodeAddress,
		"--bind-address=0.0.0.0",
		"--secure-port=" + apiPort,
		"--etcd-servers=http://127.0.0.1:2379",
		"--service-cluster-ip-range=" + serviceRange,
		"--allow-privileged=true",
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--token-auth-file=" + pki("tokens"),
		"--client-ca-file=" + pki("ca.crt"),
		"--tls-cert-file=" + pki("kube-apiserver.crt"),
		"--tls-private-key-file=" + pki("kube-apiserver.key"),
		"--kubelet-certificate-authority=" + pki("ca.crt"),
		"--kubelet-client-certificate=" + pki("kube-apiserver-kubelet.crt"),
		"--kubelet-client-key=" + pki("kube-apiserver-kubelet.key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--requestheader-client-ca-file=" + pki("ca.crt"),
		"--requestheader-allowed-names=front-proxy",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-username-headers=X-Remote-User",
		"--proxy-client-cert-file=" + pki("front-proxy.crt"),
		"--proxy-client-key-file=" + pki("front-proxy.key"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + pki("service-accounts.pub"),
		"--service-account-signing-key-file=" + pki("service-accounts.key"),
	}}
}

func controllerManager(folder *state.Folder, binaries map[string]string) program {
	return program{name: "kube-controller-manager", binary: binaries["kube-controller-manager"], arguments: []string{
		"--kubeconfig=" + folder.Path("etc", "kube-controller-manager.kubeconfig"),
		"--leader-elect=false",
		"--use-service-account-credentials=true",
		"--service-account-private-key-file=" + folder.Path("pki", "service-accounts.key"),
		"--root-ca-file=" + folder.Path("pki", "ca.crt"),
		"--cluster-signing-cert-file=" + folder.Path("pki", "ca.crt"),
		"--cluster-signing-key-file=" + folder.Path("pki", "ca.key"),
		"--kube-api-qps=200",
		"--kube-api-burst=400",
	}}
}

func scheduler(folder *state.Folder, binaries map[string]string) program {
	kubeconfig := folder.Path("etc", "kube-scheduler.kubeconfig")
	return program{name: "kube-scheduler", binary: binaries["kube-scheduler"], arguments: []string{
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--leader-elect=false",
	}}
}

// containerd runs in the mount namespace that it and the kubelet share.
func containerd(folder *state.Folder) program {
	return program{
		name: "containerd", binary: "containerd", mounts: enter.NewMounts,
		arguments: []string{"--config", folder.Path("etc", "containerd.toml"), "--log-level", "warn"},
	}
}

func kubelet(folder *state.Folder, binaries map[string]string, containerdPID int) program {
	return program{
		name: "kubelet", binary: binaries["kubelet"], mounts: enter.Mounts(fmt.Sprint(containerdPID)),
		arguments: []string{
			"--config=" + folder.Path("etc", "kubelet.yaml"),
			"--kubeconfig=" + folder.Path("etc", "kubelet.kubeconfig"),
			"--root-dir=" + folder.Path("kubelet"),
			"--hostname-override=" + nodeName(folder),
			"--node-ip=" + nodeAddress,
		},
	}
}

func kubeProxy(folder *state.Folder, binaries map[string]string) program {
	return program{
		name: "kube-proxy", binary: binaries["kube-proxy"],
		arguments: []string{"--config=" + folder.Path("etc", "kube-proxy.yaml")},
	}
}

// traefik is the gateway. Its throttle is how long it gathers changes before it
// hands them to its data plane.
func traefik(folder *state.Folder, binaries map[string]string, throttle time.Duration, experimental bool) program {
	return program{name: "traefik", binary: binaries["traefik"], arguments: []string{
		"--log.level=INFO",
		"--global.checknewversion=false",
		"--global.sendanonymoususage=false",
		"--entryPoints.web.address=:" + gatewayPort,
		"--entryPoints.metrics.address=" + nodeAddress + ":" + metricsPort,
		"--ping=true",
		"--ping.entryPoint=metrics",
		"--metrics.prometheus=true",
		"--metrics.prometheus.entryPoint=metrics",
		"--metrics.prometheus.addEntryPointsLabels=true",
		"--metrics.prometheus.addServicesLabels=true",
		"--metrics.prometheus.buckets=0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5,10",
		fmt.Sprintf("--providers.providersThrottleDuration=%s", throttle),
		"--providers.kubernetesgateway=true",
		"--providers.kubernetesgateway.endpoint=https://" + nodeAddress + ":" + apiPort,
		"--providers.kubernetesgateway.token=" + folder.Path("pki", "traefik.token"),
		"--providers.kubernetesgateway.certauthfilepath=" + folder.Path("pki", "ca.crt"),
		"--providers.kubernetesgateway.statusaddress.ip=" + nodeAddress,
		fmt.Sprintf("--providers.kubernetesgateway.experimentalchannel=%t", experimental),
	}}
}

func coreDNS(folder *state.Folder, binaries map[string]string) program {
	return program{
		name: "coredns", binary: binaries["coredns"],
		arguments: []string{"-conf", folder.Path("etc", "Corefile")},
	}
}

func prometheus(folder *state.Folder) program {
	return program{name: "prometheus", binary: "prometheus", arguments: []string{
		"--config.file=" + folder.Path("etc", "prometheus.yaml"),
		"--storage.tsdb.path=" + folder.Path("prometheus"),
		"--storage.tsdb.retention.time=1d",
		"--web.listen-address=" + nodeAddress + ":" + promPort,
		"--log.level=warn",
	}}
}

// discoverer is this program's own part: it tells Prometheus which pods there are.
func discoverer(folder *state.Folder, token string) program {
	return program{
		name: "discovery", binary: folder.Program(),
		arguments:   []string{DiscoverCommand, folder.Name},
		environment: []string{tokenVariable + "=" + token},
	}
}
