package lint

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/cmd/kubectl-sluice/manifest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// lintFiles lints files as one input, and returns a line for each finding.
func lintFiles(t *testing.T, paths ...string) string {
	t.Helper()
	objects, problems, err := manifest.Read(paths, false, strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	found, err := Check(t.Context(), objects, problems)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, f := range found {
		fmt.Fprintf(&out, "%s:%d %s %s: %s: %s: %s\n", filepath.Base(f.File), f.Line, f.Severity, f.Rule, f.Object, f.Field, f.Message)
	}
	return out.String()
}

// TestFiles lints each file of testdata by itself, and holds what is found to the file beside it.
func TestFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			got := lintFiles(t, file)
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("what is found has changed (go test ./cmd/kubectl-sluice/lint -update writes it anew):\n%s", diff)
			}
		})
	}
}

// TestOurManifests holds what we show to people to what we tell them.
func TestOurManifests(t *testing.T) {
	for _, folder := range []string{"config/samples", "examples/canary", "examples/demo/deploy/base"} {
		for line := range strings.Lines(lintFiles(t, filepath.Join("../../..", folder))) {
			if strings.Contains(line, " error ") {
				t.Errorf("%s: %s", folder, line)
			}
		}
	}
}

// TestRulesAreShown holds that every rule finds something in testdata, so that each is known to bite.
func TestRulesAreShown(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	for _, r := range Rules() {
		if !strings.Contains(all.String(), fmt.Sprintf(" %s %s: ", r.Severity, r.ID)) {
			t.Errorf("rule %s finds nothing", r.ID)
		}
	}
}

// TestFilesAreOneInput holds that objects are found in other files, and told with their own.
func TestFilesAreOneInput(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("rollout.yaml", `{apiVersion: sluice.dev/v1alpha1, kind: Rollout, metadata: {name: web}, spec: {minReadySeconds: 1, `+
		`workloadRef: {name: web}, strategy: {canary: {stableService: web, steps: [{setWeight: 50}]}}}}`)
	write("service.json", `{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"selector": {"app": "other"}}}`)
	write("deployment.yml", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {template: {metadata: {labels: {app: web}}, `+
		`spec: {containers: [{name: web, image: "web:1", readinessProbe: {}}]}}}}`)
	write("notes.txt", "not: [read")
	const want = "service.json:1 error service-selector: Service web: spec.selector[app]: app=other is not among the labels of the pods of Rollout web: app=web\n"
	if got := lintFiles(t, folder); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestVariants holds that folders with the same object know nothing of each other, and others do.
func TestVariants(t *testing.T) {
	const rollout = `{apiVersion: sluice.dev/v1alpha1, kind: Rollout, metadata: {name: NAME}, spec: {minReadySeconds: 1, ` +
		`workloadRef: {name: web}, strategy: {canary: {stableService: web, steps: [{setWeight: 50}]}}}}`
	root := t.TempDir()
	var folders []string
	for folder, name := range map[string]string{"dev": "web", "prod": "web", "other": "cart"} {
		folders = append(folders, filepath.Join(root, folder))
		if err := os.Mkdir(filepath.Join(root, folder), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, folder, folder+".yaml"), []byte(strings.ReplaceAll(rollout, "NAME", name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]int{}
	for line := range strings.Lines(lintFiles(t, folders...)) {
		file, _, _ := strings.Cut(line, ":")
		got[file]++
	}
	// Service and Deployment of cart are those of both variants; each variant has only cart to share them with.
	if diff := cmp.Diff(map[string]int{"dev.yaml": 2, "prod.yaml": 2, "other.yaml": 4}, got); diff != "" {
		t.Error(diff)
	}
}
