// Package gatewayapi finds the definitions of the Gateway API in its Go module.
package gatewayapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/sluicehq/sluice/test/cluster/internal/manifests"
)

// Folder gives the folder of the Gateway API's CRDs in the version that the
// module gatewayapi in the source folder requires.
func Folder(ctx context.Context, source string, experimental bool) (string, error) {
	command := exec.CommandContext(ctx, "go", "mod", "download", "-json", "sigs.k8s.io/gateway-api")
	command.Dir = filepath.Join(source, "gatewayapi")
	command.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	var failure bytes.Buffer
	command.Stderr = &failure
	output, err := command.Output()
	var module struct{ Dir, Error string }
	if decodeErr := json.Unmarshal(output, &module); decodeErr != nil && err == nil {
		err = decodeErr
	}
	if err != nil {
		return "", fmt.Errorf("gateway API: %w: %s%s", err, module.Error, strings.TrimSpace(failure.String()))
	}
	channel := "standard"
	if experimental {
		channel = "experimental"
	}
	return filepath.Join(module.Dir, "config", "crd", channel), nil
}

// Definitions reads the objects in that folder.
func Definitions(ctx context.Context, source string, experimental bool) ([]manifests.Object, error) {
	folder, err := Folder(ctx, source, experimental)
	if err != nil {
		return nil, err
	}
	names, err := filepath.Glob(filepath.Join(folder, "gateway.networking.*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("gateway API: %w", err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("gateway API: %s holds no definitions", folder)
	}
	var objects []manifests.Object
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("gateway API: %w", err)
		}
		more, err := manifests.Split(name, content)
		if err != nil {
			return nil, err
		}
		objects = append(objects, more...)
	}
	return objects, nil
}
