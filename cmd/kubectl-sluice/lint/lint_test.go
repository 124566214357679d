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
