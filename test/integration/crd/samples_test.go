package crd

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"

	"github.com/sluicehq/sluice/config/crd"
)

// root is the repository.
const root = "../../.."

// TestSamples checks the samples of our kinds against the definitions, and that every kind has one.
func TestSamples(t *testing.T) {
	all := loadAll(t)
	seen := map[string]bool{}
	for _, file := range yamlFiles(t, "config/samples") {
		for _, object := range documents(t, file) {
			if kind, ours := checkOurs(t, all, file, object); ours {
				seen[kind] = true
			}
		}
	}
	for kind := range all {
		if !seen[kind] {
			t.Errorf("config/samples has no %s", kind)
		}
	}
}

// TestExamples checks the objects of our kinds in examples against the definitions.
func TestExamples(t *testing.T) {
	all := loadAll(t)
	for _, file := range yamlFiles(t, "examples") {
		for _, object := range documents(t, file) {
			checkOurs(t, all, file, object)
		}
	}
}

// TestDocumentation checks the objects of our kinds in the Markdown that tells of them.
func TestDocumentation(t *testing.T) {
	all := loadAll(t)
	found := 0
	for _, file := range []string{"README.md", "api/README.md"} {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range strings.Split(string(text), "```yaml\n")[1:] {
			block, _, _ = strings.Cut(block, "```")
			for _, object := range decoded(t, file, []byte(block)) {
				if _, ours := checkOurs(t, all, file, object); ours {
					found++
				}
			}
		}
	}
	if found == 0 {
		t.Error("the documentation shows no object of ours: is it read right?")
	}
}

// TestFirstExample holds the first manifest of the README to the example that a test runs.
func TestFirstExample(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile(filepath.Join(root, "examples/canary/canary.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(text), "```yaml\n")
	shown, _, _ = strings.Cut(shown, "```")
	if diff := cmp.Diff(string(example), shown); diff != "" {
		t.Errorf("README.md shows something else than examples/canary/canary.yaml:\n%s", diff)
	}
}

// checkOurs checks an object if it is of a kind of ours.
func checkOurs(t *testing.T, all map[string]*crd.Definition, file string, object map[string]any) (kind string, ours bool) {
	t.Helper()
	kind, _ = object["kind"].(string)
	if version, _ := object["apiVersion"].(string); version != "sluice.dev/v1alpha1" {
		return kind, false
	}
	if all[kind] == nil {
		t.Errorf("%s: there is no kind %s", file, kind)
		return kind, false
	}
	for _, problem := range problems(t.Context(), all[kind], object, nil) {
		t.Errorf("%s: %s: %s", file, kind, problem)
	}
	return kind, true
}

// yamlFiles are the YAML files below a folder of the repository.
func yamlFiles(t *testing.T, folder string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "overlays": // patches, not objects
			return fs.SkipDir
		case !entry.IsDir() && filepath.Ext(path) == ".yaml":
			files = append(files, path)
		}
		return nil
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("no YAML in %s: %v", folder, err)
	}
	return files
}

// documents are the objects of a file.
func documents(t *testing.T, file string) []map[string]any {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return decoded(t, file, data)
}

func decoded(t *testing.T, file string, data []byte) []map[string]any {
	t.Helper()
	var objects []map[string]any
	reader := utilyaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(data)))
	buffer := make([]byte, 1<<20)
	for {
		n, err := reader.Read(buffer)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if text := strings.TrimSpace(string(buffer[:n])); text != "" {
			objects = append(objects, parsed(t, text))
		}
	}
}
