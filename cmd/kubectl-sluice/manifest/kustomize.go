package manifest

import (
	"os"
	"path/filepath"

	sigsyaml "sigs.k8s.io/yaml"
)

// kustomizations are the names under which kustomize looks for its file.
var kustomizations = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// patchesIn are the files that the kustomization of a folder names as patches, where there is one that can be read.
func patchesIn(folder string) []string {
	var files []string
	for _, name := range kustomizations {
		// The person who runs this names the folder. What is too large to be a kustomization is none.
		file := filepath.Join(folder, name)
		if info, err := os.Stat(file); err != nil || info.Size() > maxBytes {
			continue
		}
		data, err := os.ReadFile(filepath.Clean(file))
		if err != nil {
			continue
		}
		var kustomization struct {
			Patches []struct {
				Path string `json:"path"`
			} `json:"patches"`
			PatchesJSON6902 []struct {
				Path string `json:"path"`
			} `json:"patchesJson6902"`
			PatchesStrategicMerge []string `json:"patchesStrategicMerge"`
		}
		if sigsyaml.Unmarshal(data, &kustomization) != nil {
			continue
		}
		for _, patch := range append(kustomization.Patches, kustomization.PatchesJSON6902...) {
			files = append(files, filepath.Join(folder, patch.Path))
		}
		for _, patch := range kustomization.PatchesStrategicMerge {
			files = append(files, filepath.Join(folder, patch))
		}
	}
	return files
}
