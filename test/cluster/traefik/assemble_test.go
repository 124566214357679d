package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/traefik/paerser/flag"
	"github.com/traefik/traefik/v3/cmd"
	"github.com/traefik/traefik/v3/pkg/config/static"
)

// parse reads flags as the program does.
func parse(t *testing.T, flags ...string) *static.Configuration {
	t.Helper()
	config := cmd.NewTraefikConfiguration()
	if err := flag.Decode(flags, config); err != nil {
		t.Fatal(err)
	}
	config.SetEffectiveConfiguration()
	return &config.Configuration
}

func TestWhatIsLeftOutIsRefused(t *testing.T) {
	const gateway = "--providers.kubernetesgateway=true"
	for flags, want := range map[string]string{
		gateway: "",
		gateway + " --certificatesresolvers.x.acme.email=a@example.com":        "certificatesResolvers",
		gateway + " --experimental.plugins.x.modulename=example.com/p":         "experimental.plugins",
		gateway + " --tracing=true":                                            "tracing",
		gateway + " --spiffe.workloadapiaddr=unix:///run/x":                    "spiffe",
		"--providers.docker=true":                                              "providers.kubernetesgateway",
		gateway + " --metrics.prometheus=true --entryPoints.web.address=:8000": "",
	} {
		err := refuseLeftOut(parse(t, strings.Fields(flags)...))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want an error with %q", flags, err, want)
		}
	}
}

func TestDefaultEntryPoints(t *testing.T) {
	const three = "--entryPoints.b.address=:1 --entryPoints.a.address=:2 --entryPoints.traefik.address=:3 --entryPoints.u.address=:4/udp"
	for flags, want := range map[string][]string{
		three: {"a", "b"},
		three + " --entryPoints.b.asDefault=true": {"b"},
	} {
		if got := defaultEntryPoints(parse(t, strings.Fields(flags)...)); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", flags, got, want)
		}
	}
}
