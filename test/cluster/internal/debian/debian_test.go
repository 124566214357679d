package debian

import (
	"slices"
	"testing"
)

func TestMissing(t *testing.T) {
	there := []string{"containerd", "runc", "iptables", "ip", "prometheus"}
	got := missing(func(file string) bool { return slices.Contains(there, file) })
	if want := []string{"containernetworking-plugins", "conntrack"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
