//go:build linux

package local

import (
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"time"

	"github.com/sluicehq/sluice/test/cluster/image/archive"
	"github.com/sluicehq/sluice/test/cluster/internal/state"
)

// importPause gives containerd the image that holds pods' namespaces.
func (b *boot) importPause(ctx context.Context) error {
	file := b.folder.Path("pause.tar")
	err := archive.WriteFile(file, archive.Image{
		Name: pauseImage, User: "65535:65535", Entrypoint: []string{"/pause"},
		Files: []archive.File{{Path: "pause", Source: b.binaries["pause"]}},
	})
	if err != nil {
		return err
	}
	err = b.wait(ctx, "containerd", func(context.Context) error {
		connection, err := net.DialTimeout("unix", containerdSocket(b.folder), time.Second)
		if err != nil {
			return err
		}
		return connection.Close()
	})
	if err != nil {
		return err
	}
	return load(ctx, b.folder, file, io.Discard)
}

// LoadImage gives the cluster the images of a docker-archive or OCI archive.
func LoadImage(ctx context.Context, name, file string, progress io.Writer) error {
	folder, err := running(name)
	if err != nil {
		return err
	}
	return load(ctx, folder, file, progress)
}

func load(ctx context.Context, folder *state.Folder, file string, progress io.Writer) error {
	command := exec.CommandContext(ctx, "ctr", "--address", containerdSocket(folder), "--namespace", "k8s.io", "images", "import", file)
	text, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("load image %s: %w: %s", file, err, strings.TrimSpace(string(text)))
	}
	fmt.Fprintln(progress, strings.TrimSpace(string(text)))
	return nil
}

func containerdSocket(folder *state.Folder) string { return folder.Path("containerd.sock") }
