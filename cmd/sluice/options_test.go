package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseOptions(t *testing.T) {
	defaults := Options{
		LeaderElect: true, MetricsAddress: ":8080", HealthAddress: ":8081",
		GitCacheDir: "/var/cache/sluice", LogLevel: slog.LevelInfo,
	}
	with := func(change func(*Options)) Options {
		o := defaults
		change(&o)
		return o
	}
	for name, row := range map[string]struct {
		args []string
		want Options
	}{
		"nothing": {nil, defaults},
		"namespaces": {
			[]string{"--namespaces=team-a, team-b", "--namespaces=team-a,team-c"},
			with(func(o *Options) { o.Namespaces = []string{"team-a", "team-b", "team-c"} }),
		},
		"everything else": {
			[]string{
				"--leader-elect=false", "--leader-elect-namespace=ops", "--metrics-address=0", "--health-address=127.0.0.1:9",
				"--prometheus-address=http://prometheus:9090", "--analysis-allow-loopback", "--default-service-account=deployer",
				"--git-cache-dir=/cache", "--concurrency=8", "--log-level=debug", "--version",
			},
			Options{
				LeaderElectNamespace: "ops", MetricsAddress: "0", HealthAddress: "127.0.0.1:9",
				PrometheusAddress: "http://prometheus:9090", AnalysisAllowLoopback: true, DefaultServiceAccount: "deployer",
				GitCacheDir: "/cache", Concurrency: 8, LogLevel: slog.LevelDebug, PrintVersion: true,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseOptions(row.args, t.Output())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseOptionsRefuses(t *testing.T) {
	for _, row := range []struct{ arg, names string }{
		{"--namespaces=Team_A", "namespaces"},
		{"--namespaces=", "namespaces"},
		{"--metrics-address=8080", "metrics-address"},
		{"--health-address=localhost", "health-address"},
		{"--prometheus-address=prometheus:9090", "prometheus-address"},
		{"--prometheus-address=file:///etc", "prometheus-address"},
		{"--default-service-account=A B", "default-service-account"},
		{"--git-cache-dir=cache", "git-cache-dir"},
		{"--concurrency=-1", "concurrency"},
		{"--concurrency=65", "concurrency"},
		{"--log-level=loud", "log-level"},
		{"--lead", "lead"},
		{"start", "start"},
	} {
		if _, err := ParseOptions([]string{row.arg}, t.Output()); err == nil || !strings.Contains(err.Error(), row.names) {
			t.Errorf("%s: got %v, want an error that names %s", row.arg, err, row.names)
		}
	}
}

func TestExecute(t *testing.T) {
	for _, row := range []struct {
		arg         string
		code        int
		out, errors string
	}{
		{"--version", 0, "sluice ", ""},
		{"--help", 0, "", "-leader-elect"},
		{"--concurrency=-1", exitUsage, "", "--concurrency=-1: want 1 to 64"},
	} {
		var stdout, stderr bytes.Buffer
		code := execute([]string{row.arg}, &stdout, &stderr)
		if code != row.code || !strings.Contains(stdout.String(), row.out) || !strings.Contains(stderr.String(), row.errors) {
			t.Errorf("%s: exit code %d, %q, %q", row.arg, code, stdout.String(), stderr.String())
		}
	}
}
