package crd

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// TestSamples checks the samples of our kinds against the definitions, and that every kind has one.
func TestSamples(t *testing.T) {
	all := loadAll(t)
	files, err := filepath.Glob("../../../config/samples/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		for _, object := range documents(t, file) {
			kind, _ := object["kind"].(string)
			if version, _ := object["apiVersion"].(string); version != "sluice.dev/v1alpha1" {
				continue
			}
			if all[kind] == nil {
				t.Errorf("%s: there is no kind %s", file, kind)
				continue
			}
			seen[kind] = true
			for _, problem := range all[kind].problems(t.Context(), object, nil) {
				t.Errorf("%s: %s: %s", file, kind, problem)
			}
		}
	}
	for kind := range all {
		if !seen[kind] {
			t.Errorf("config/samples has no %s", kind)
		}
	}
}

// documents are the objects of a file.
func documents(t *testing.T, file string) []map[string]any {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
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
