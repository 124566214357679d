// Package archive writes container images as docker-archive tars, without any
// container engine: one layer from local files, one configuration, one name.
// Equal input gives equal bytes, so an image's identity says whether it changed.
package archive

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"
)

// maxLayer bounds the size of the one layer, which is held in memory, in bytes.
const maxLayer = 1 << 30

// File is one file of the image.
type File struct {
	// Path is where the file is in the image, with or without a leading slash.
	Path string
	// Source is the local file whose content and execute bit are taken.
	Source string
}

// Image says what to write.
type Image struct {
	// Name is the reference under which the image is loaded, as in sluice:dev.
	Name string
	// Files are the content of the only layer.
	Files []File
	// Entrypoint, Command and Env are those of the image configuration.
	Entrypoint, Command, Env []string
	// User is the numeric user (and group, as in 65532:65532), empty for root.
	User string
	// WorkingDir is the working directory, empty for the root.
	WorkingDir string
	// Architecture is in Go's words, empty for that of this program.
	Architecture string
}

// epoch is the time of everything in an archive, for equal bytes each time.
var epoch = time.Unix(0, 0).UTC()

type manifest struct {
	Config   string
	RepoTags []string
	Layers   []string
}

type configuration struct {
	Created      time.Time `json:"created"`
	Architecture string    `json:"architecture"`
	OS           string    `json:"os"`
	Config       process   `json:"config"`
	RootFS       rootFS    `json:"rootfs"`
	History      []history `json:"history"`
}

type process struct {
	User       string   `json:"User,omitempty"`
	Env        []string `json:"Env,omitempty"`
	Entrypoint []string `json:"Entrypoint,omitempty"`
	Cmd        []string `json:"Cmd,omitempty"`
	WorkingDir string   `json:"WorkingDir,omitempty"`
}

type rootFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

type history struct {
	Created   time.Time `json:"created"`
	CreatedBy string    `json:"created_by"`
}

// Write writes the image to out. The error names the file that could not be read.
func Write(out io.Writer, image Image) error {
	if err := check(image); err != nil {
		return err
	}
	layer, err := layerOf(image.Files)
	if err != nil {
		return err
	}
	layerID := digest(layer)
	architecture := image.Architecture
	if architecture == "" {
		architecture = runtime.GOARCH
	}
	config, err := json.Marshal(configuration{
		Created: epoch, Architecture: architecture, OS: "linux",
		Config: process{
			User: image.User, Env: image.Env, Entrypoint: image.Entrypoint, Cmd: image.Command, WorkingDir: image.WorkingDir,
		},
		RootFS:  rootFS{Type: "layers", DiffIDs: []string{"sha256:" + layerID}},
		History: []history{{Created: epoch, CreatedBy: "files"}},
	})
	if err != nil {
		return fmt.Errorf("image configuration: %w", err)
	}
	configName, layerName := digest(config)+".json", layerID+"/layer.tar"
	index, err := json.Marshal([]manifest{{Config: configName, RepoTags: []string{image.Name}, Layers: []string{layerName}}})
	if err != nil {
		return fmt.Errorf("image manifest: %w", err)
	}

	tarball := tar.NewWriter(out)
	for _, entry := range []struct {
		name    string
		content []byte
	}{{"manifest.json", index}, {configName, config}, {layerName, layer}} {
		if err := addFile(tarball, entry.name, 0o644, entry.content); err != nil {
			return err
		}
	}
	if err := tarball.Close(); err != nil {
		return fmt.Errorf("end of archive: %w", err)
	}
	return nil
}

// WriteFile writes the image to the named file, which appears only when whole.
func WriteFile(name string, image Image) (err error) {
	partial := fmt.Sprintf("%s.%d.partial", name, os.Getpid())
	file, err := os.Create(partial)
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(partial))
		}
	}()
	if err := errors.Join(Write(file, image), file.Close()); err != nil {
		return fmt.Errorf("archive %s: %w", name, err)
	}
	if err := os.Rename(partial, name); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	return nil
}

func check(image Image) error {
	switch {
	case image.Name == "":
		return errors.New("the image has no name")
	case !strings.Contains(path.Base(image.Name), ":"):
		return fmt.Errorf("image name %q has no tag, as in %s:dev", image.Name, image.Name)
	case len(image.Files) == 0:
		return fmt.Errorf("image %s has no files", image.Name)
	}
	return nil
}

// layerOf is the tar of the files with the folders that they need.
func layerOf(files []File) ([]byte, error) {
	sources := map[string]string{}
	folders := map[string]bool{}
	for _, file := range files {
		name := strings.TrimPrefix(path.Clean("/"+file.Path), "/")
		if name == "" {
			return nil, fmt.Errorf("file %s: its path in the image is empty", file.Source)
		}
		if earlier, twice := sources[name]; twice {
			return nil, fmt.Errorf("path %s in the image is given twice: by %s and %s", name, earlier, file.Source)
		}
		sources[name] = file.Source
		for folder := path.Dir(name); folder != "."; folder = path.Dir(folder) {
			folders[folder+"/"] = true
		}
	}
	names := make([]string, 0, len(sources)+len(folders))
	for name := range sources {
		names = append(names, name)
	}
	for name := range folders {
		names = append(names, name)
	}
	slices.Sort(names) // a folder sorts before what it holds

	var layer bytes.Buffer
	tarball := tar.NewWriter(&layer)
	for _, name := range names {
		if folders[name] {
			header := &tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755, ModTime: epoch}
			if err := tarball.WriteHeader(header); err != nil {
				return nil, fmt.Errorf("folder %s: %w", name, err)
			}
			continue
		}
		content, mode, err := read(sources[name], maxLayer-int64(layer.Len()))
		if err != nil {
			return nil, err
		}
		if err := addFile(tarball, name, mode, content); err != nil {
			return nil, err
		}
	}
	if err := tarball.Close(); err != nil {
		return nil, fmt.Errorf("end of layer: %w", err)
	}
	return layer.Bytes(), nil
}

// read gives a file's content and its mode reduced to 0755 or 0644.
func read(name string, limit int64) ([]byte, int64, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, 0, fmt.Errorf("image content: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("image content: %s is no regular file", name)
	}
	if info.Size() > limit {
		return nil, 0, fmt.Errorf("image content: with %s the layer is larger than %d bytes", name, maxLayer)
	}
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, 0, fmt.Errorf("image content: %w", err)
	}
	if info.Mode()&0o111 != 0 {
		return content, 0o755, nil
	}
	return content, 0o644, nil
}

func addFile(tarball *tar.Writer, name string, mode int64, content []byte) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content)), ModTime: epoch}
	if err := tarball.WriteHeader(header); err != nil {
		return fmt.Errorf("archive entry %s: %w", name, err)
	}
	if _, err := tarball.Write(content); err != nil {
		return fmt.Errorf("archive entry %s: %w", name, err)
	}
	return nil
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
