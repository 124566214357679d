package archive

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// unpack gives the names in a tar, in order, and each entry's content.
func unpack(t *testing.T, archive []byte) ([]*tar.Header, map[string][]byte) {
	t.Helper()
	var headers []*tar.Header
	content := map[string][]byte{}
	reader := tar.NewReader(bytes.NewReader(archive))
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return headers, content
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		headers = append(headers, header)
		content[header.Name] = body
	}
}

func sample(t *testing.T) Image {
	t.Helper()
	folder := t.TempDir()
	program, text := filepath.Join(folder, "program"), filepath.Join(folder, "text")
	if err := os.WriteFile(program, []byte("#!"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(text, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	return Image{
		Name: "app:v1", User: "65532", Entrypoint: []string{"/bin/program"}, Env: []string{"A=b"}, Architecture: "amd64",
		Files: []File{{Path: "/bin/program", Source: program}, {Path: "etc/app/text", Source: text}},
	}
}

func TestWriteIsALoadableArchive(t *testing.T) {
	var out bytes.Buffer
	if err := Write(&out, sample(t)); err != nil {
		t.Fatal(err)
	}
	_, outer := unpack(t, out.Bytes())
	var index []manifest
	if err := json.Unmarshal(outer["manifest.json"], &index); err != nil {
		t.Fatal(err)
	}
	if len(index) != 1 || len(index[0].Layers) != 1 || strings.Join(index[0].RepoTags, ",") != "app:v1" {
		t.Fatalf("manifest: %+v", index)
	}
	var config configuration
	if err := json.Unmarshal(outer[index[0].Config], &config); err != nil {
		t.Fatal(err)
	}
	layer := outer[index[0].Layers[0]]
	if got, want := config.RootFS.DiffIDs[0], "sha256:"+digest(layer); got != want {
		t.Errorf("diff ID %s, the layer is %s", got, want)
	}
	if config.Config.User != "65532" || config.Config.Entrypoint[0] != "/bin/program" || config.Config.Env[0] != "A=b" {
		t.Errorf("configuration: %+v", config.Config)
	}

	headers, files := unpack(t, layer)
	var names []string
	for _, header := range headers {
		names = append(names, header.Name)
	}
	if got, want := strings.Join(names, " "), "bin/ bin/program etc/ etc/app/ etc/app/text"; got != want {
		t.Errorf("layer holds %q, want %q", got, want)
	}
	if string(files["etc/app/text"]) != "hello" || headers[1].Mode != 0o755 || headers[4].Mode != 0o644 {
		t.Errorf("content or modes are not those of the files")
	}
}

func TestWriteIsDeterministic(t *testing.T) {
	var first, second bytes.Buffer
	if err := errors.Join(Write(&first, sample(t)), Write(&second, sample(t))); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("equal input gave different archives")
	}
}

func TestWriteFileLeavesNothingOnError(t *testing.T) {
	image := sample(t)
	image.Files[0].Source += ".missing"
	name := filepath.Join(t.TempDir(), "out.tar")
	err := WriteFile(name, image)
	if err == nil || !strings.Contains(err.Error(), ".missing") {
		t.Fatalf("error %v does not name the missing file", err)
	}
	left, err := os.ReadDir(filepath.Dir(name))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestWriteRefuses(t *testing.T) {
	for name, change := range map[string]func(*Image){
		"has no name":       func(i *Image) { i.Name = "" },
		"has no tag":        func(i *Image) { i.Name = "registry:5000/app" },
		"has no files":      func(i *Image) { i.Files = nil },
		"is empty":          func(i *Image) { i.Files[0].Path = "/" },
		"is given twice":    func(i *Image) { i.Files[1].Path = "bin/../bin/program" },
		"is no regular fil": func(i *Image) { i.Files[0].Source = os.TempDir() },
	} {
		image := sample(t)
		change(&image)
		if err := Write(io.Discard, image); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want an error with %q, got %v", name, err)
		}
	}
}
