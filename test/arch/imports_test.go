package arch

import (
	"slices"
	"strings"
	"testing"
)

// pure packages decide, and do nothing else: the standard library, less what reaches outside, and what is named here.
var pure = map[string][]string{
	"controllers/rollout/plan":     {"trafficrouting/split"},
	"controllers/rollout/forecast": {"controllers/rollout/plan"},
	"analysis/evaluate":            nil,
	"analysis/sequential":          nil,
	"trafficrouting/split":         nil,
	"trafficrouting/claims":        nil,
	"gitsync/changeset":            nil,
	"gitsync/hooks":                nil,
}

// outside are the parts of the standard library that reach outside the process, or are different each time. The clock is
// held by TestNoHiddenClock.
var outside = []string{
	"os", "net", "syscall", "math/rand", "crypto/rand", "io/ioutil", "database", "log", "plugin", "runtime", "testing",
	"embed", "context",
}

// libraries of ours do not know each other, and nobody who uses them.
var libraries = []string{"analysis", "trafficrouting", "gitsync"}

func TestImports(t *testing.T) {
	for _, p := range goPackages(t) {
		for _, imported := range p.Imports {
			if reason := forbidden(p, imported); reason != "" {
				t.Errorf("%s imports %s: %s", p.folder(), imported, reason)
			}
		}
	}
}

// forbidden says why a package may not import another; empty means that it may.
func forbidden(p goPackage, imported string) string {
	ours, isOurs := strings.CutPrefix(imported, module+"/")
	if isOurs {
		if reason := forbiddenOurs(p, ours); reason != "" {
			return reason
		}
	}
	if allowed, isPure := pure[p.folder()]; isPure {
		return forbiddenPure(allowed, imported, ours, isOurs)
	}
	if under(p.folder(), "api") && !isOurs {
		return forbiddenAPI(p, imported)
	}
	return ""
}

// forbiddenOurs holds the direction: cmd, then controllers, then libraries, then api.
func forbiddenOurs(p goPackage, ours string) string {
	switch {
	case under(ours, "cmd") && !p.within("cmd", "test"):
		return "nothing but tests imports a command"
	case under(ours, "test") && !p.within("test", "examples"):
		return "what is shipped does not import tests"
	case under(ours, "examples") && !p.within("examples", "test"):
		return "nothing imports an example"
	case p.within("api") && !under(ours, "api"):
		return "api knows nothing of ours"
	case p.within("controllers") && under(ours, "controllers") && controller(ours) != controller(p.folder()):
		return "a controller does not know another"
	case p.within(libraries...) && under(ours, "controllers"):
		return "a library does not know the controllers"
	case p.within(libraries...) && !under(ours, "api") && !under(ours, topOf(p.folder())):
		return "libraries do not know each other: the controllers pass values between them"
	}
	return ""
}

// controller is the second part of controllers/NAME/….
func controller(folder string) string {
	parts := strings.SplitN(folder, "/", 3)
	if len(parts) < 2 {
		return ""
	}
	return parts[1]
}

func topOf(folder string) string {
	top, _, _ := strings.Cut(folder, "/")
	return top
}

func forbiddenPure(allowed []string, imported, ours string, isOurs bool) string {
	switch {
	case isOurs && slices.Contains(allowed, ours):
		return ""
	case isOurs:
		return "a pure package imports nothing of ours but what pure[] names"
	case !standard(imported):
		return "a pure package imports the standard library only"
	case slices.ContainsFunc(outside, func(folder string) bool { return under(imported, folder) }):
		return "a pure package has no I/O, no chance and no context"
	}
	return ""
}

// forbiddenAPI allows the standard library, apimachinery and the core types. Generated apply configurations need
// those of the core types, and what reads managed fields.
func forbiddenAPI(p goPackage, imported string) string {
	allowed := []string{"k8s.io/apimachinery", "k8s.io/api"}
	if p.within("api/v1alpha1/applyconfiguration") {
		allowed = append(allowed, "k8s.io/client-go/applyconfigurations", "sigs.k8s.io/structured-merge-diff")
	}
	if standard(imported) || slices.ContainsFunc(allowed, func(path string) bool { return under(imported, path) }) {
		return ""
	}
	return "api imports the standard library, apimachinery and the core types only"
}

// standard says whether an import is of the standard library: its first part has no dot.
func standard(imported string) bool { return !strings.Contains(topOf(imported), ".") }

// TestRulesBite checks the rules themselves: each forbids something.
func TestRulesBite(t *testing.T) {
	for _, row := range []struct{ folder, imported string }{
		{"api/v1alpha1", "sigs.k8s.io/controller-runtime"},
		{"api/v1alpha1", module + "/analysis"},
		{"controllers/rollout/plan", "os"},
		{"controllers/rollout/plan", module + "/api/v1alpha1"},
		{"controllers/rollout/plan", "k8s.io/apimachinery/pkg/types"},
		{"controllers/rollout", module + "/controllers/gitsync"},
		{"controllers/rollout", module + "/cmd/sluice"},
		{"analysis/prometheus", module + "/controllers/analysisrun"},
		{"gitsync/apply", module + "/trafficrouting/claims"},
		{"trafficrouting/split", "math/rand/v2"},
		{"gitsync", module + "/test/load"},
	} {
		if forbidden(goPackage{ImportPath: module + "/" + row.folder}, row.imported) == "" {
			t.Errorf("%s may import %s", row.folder, row.imported)
		}
	}
	for _, row := range []struct{ folder, imported string }{
		{"controllers/rollout/plan", module + "/trafficrouting/split"},
		{"controllers/rollout", module + "/controllers/rollout/plan"},
		{"controllers/gitsync", module + "/trafficrouting/claims"},
		{"cmd/sluice", module + "/controllers/gitsync"},
		{"analysis", "k8s.io/apimachinery/pkg/util/intstr"},
		{"trafficrouting/gatewayapi", "sigs.k8s.io/controller-runtime/pkg/client"},
	} {
		if reason := forbidden(goPackage{ImportPath: module + "/" + row.folder}, row.imported); reason != "" {
			t.Errorf("%s may not import %s: %s", row.folder, row.imported, reason)
		}
	}
}
