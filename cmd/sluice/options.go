package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
)

// Options is what the command line says.
type Options struct {
	// LeaderElect makes only one of several replicas act.
	LeaderElect bool
	// LeaderElectNamespace holds the Lease; empty means the namespace of the pod.
	LeaderElectNamespace string
	// Namespaces that are served; none means all of them.
	Namespaces []string
	// MetricsAddress and HealthAddress are host:port; "0" serves nothing.
	MetricsAddress string
	HealthAddress  string
	// PrometheusAddress is asked by metrics that name no address of their own.
	PrometheusAddress string
	// AnalysisAllowLoopback lets metrics name an address of the controller's own pod.
	AnalysisAllowLoopback bool
	// DefaultServiceAccount is used by GitSyncs that name none; empty means that they are refused.
	DefaultServiceAccount string
	// GitCacheDir is an absolute path; it is filled and emptied by the controller and may be lost at any time.
	GitCacheDir string
	// Concurrency is how many objects of a kind are worked on at a time; 0 means as many as suit the kind.
	Concurrency int
	// LogLevel is the least severe level that is logged.
	LogLevel slog.Level
	// PrintVersion prints the version and ends.
	PrintVersion bool
}

// namespaceList is a flag with names separated by commas; it may be given several times.
type namespaceList []string

func (l *namespaceList) String() string { return strings.Join(*l, ",") }

func (l *namespaceList) Set(value string) error {
	for name := range strings.SplitSeq(value, ",") {
		name = strings.TrimSpace(name)
		if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
			return fmt.Errorf("%q is no namespace: %s", name, strings.Join(problems, "; "))
		}
		if !slices.Contains(*l, name) {
			*l = append(*l, name)
		}
	}
	return nil
}

// ParseOptions reads the command line and checks it. Asked for help, it prints the flags to output and returns
// flag.ErrHelp. Any other error names the flag.
func ParseOptions(args []string, output io.Writer) (Options, error) {
	var o Options
	flags := flag.NewFlagSet("sluice", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // an error is printed once, by the caller
	config.RegisterFlags(flags)
	flags.BoolVar(&o.LeaderElect, "leader-elect", true, "let only one of several replicas act")
	flags.StringVar(&o.LeaderElectNamespace, "leader-elect-namespace", "", "namespace of the Lease (default: the pod's)")
	flags.Var((*namespaceList)(&o.Namespaces), "namespaces", "namespaces to serve, separated by commas (default: all)")
	flags.StringVar(&o.MetricsAddress, "metrics-address", ":8080", "host:port for metrics, 0 for none")
	flags.StringVar(&o.HealthAddress, "health-address", ":8081", "host:port for /healthz and /readyz, 0 for none")
	flags.StringVar(&o.PrometheusAddress, "prometheus-address", "",
		"URL of the Prometheus that is asked where a metric names none")
	flags.BoolVar(&o.AnalysisAllowLoopback, "analysis-allow-loopback", false,
		"let metrics name loopback and link-local addresses")
	flags.StringVar(&o.DefaultServiceAccount, "default-service-account", "",
		"service account, in its own namespace, of a GitSync that names none (default: such a GitSync is refused)")
	flags.StringVar(&o.GitCacheDir, "git-cache-dir", "/var/cache/sluice", "folder for clones; it may be lost at any time")
	flags.IntVar(&o.Concurrency, "concurrency", 0,
		"objects of a kind that are worked on at a time, up to 64; 0 for 16 Rollouts and 8 GitSyncs")
	flags.TextVar(&o.LogLevel, "log-level", slog.LevelInfo, "debug, info, warn or error")
	flags.BoolVar(&o.PrintVersion, "version", false, "print the version and end")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(output, "usage: sluice [flags]")
		flags.SetOutput(output)
		flags.PrintDefaults()
	}
	if err != nil {
		return Options{}, err
	}
	if flags.NArg() > 0 {
		return Options{}, fmt.Errorf("unexpected argument %q: sluice takes flags only", flags.Arg(0))
	}
	if err := o.validate(); err != nil {
		return Options{}, err
	}
	return o, nil
}

// validate checks what the flag types do not.
func (o Options) validate() error {
	for name, address := range map[string]string{"metrics-address": o.MetricsAddress, "health-address": o.HealthAddress} {
		if address == "0" {
			continue
		}
		if _, _, err := net.SplitHostPort(address); err != nil {
			return fmt.Errorf("--%s=%q: want host:port, such as :8080, or 0 for none", name, address)
		}
	}
	if o.PrometheusAddress != "" {
		u, err := url.Parse(o.PrometheusAddress)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return fmt.Errorf("--prometheus-address=%q: want a URL such as http://prometheus.monitoring:9090", o.PrometheusAddress)
		}
	}
	if o.DefaultServiceAccount != "" {
		if problems := validation.IsDNS1123Subdomain(o.DefaultServiceAccount); len(problems) > 0 {
			return fmt.Errorf("--default-service-account=%q: %s", o.DefaultServiceAccount, strings.Join(problems, "; "))
		}
	}
	if !filepath.IsAbs(o.GitCacheDir) {
		return fmt.Errorf("--git-cache-dir=%q: want an absolute path", o.GitCacheDir)
	}
	if o.Concurrency < 0 || o.Concurrency > 64 {
		return fmt.Errorf("--concurrency=%d: want 1 to 64, or 0 for as many as suit the kind", o.Concurrency)
	}
	return nil
}
