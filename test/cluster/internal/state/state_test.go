package state

import (
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"sluice": true, "a": true, "e2e-2": true,
		"": false, "-a": false, "a-": false, "A": false, "a/b": false, "..": false, strings.Repeat("a", 33): false,
	} {
		folder, err := Of(name)
		if (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
			continue
		}
		// The longest path of a socket in the folder must be bindable.
		if ok && len(folder.Path("containerd.sock.ttrpc")) > 107 {
			t.Errorf("%q: socket path is too long", name)
		}
	}
}
