package render

import (
	"maps"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/sluicehq/sluice/gitsync/fetch"
)

// plain makes a kustomization of a folder that has none: its manifests and those of its sub-folders. It returns false
// if there are none.
func (f *fileSystem) plain(dir string) (bool, error) {
	var resources []string
	if err := f.gather(dir, "", &resources); err != nil || len(resources) == 0 {
		return false, err
	}
	kustomization, err := yaml.Marshal(map[string]any{"resources": resources, "configurations": []string{kindsFile}})
	if err != nil {
		return false, err
	}
	f.virtual[path.Join("/", dir, "kustomization.yaml")] = kustomization
	return true, nil
}

// gather adds the manifests below a folder, as paths from dir.
func (f *fileSystem) gather(dir, below string, resources *[]string) error {
	folder, where, err := f.list(path.Join(dir, below))
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(folder)) {
		if strings.HasPrefix(name, ".") {
			continue
		}
		relative, entry := path.Join(below, name), folder[name]
		switch {
		case entry.Mode == fetch.Dir:
			if err := f.gatherFolder(dir, relative, resources); err != nil {
				return err
			}
		case !isManifest(name):
		case entry.Mode == fetch.Symlink:
			found, err := f.ask(presence, path.Join(dir, relative))
			if err != nil {
				return err
			}
			if found == nil || found.mode != fetch.File {
				return invalid(path.Join(where, name), "is a symbolic link that leads to no file")
			}
			*resources = append(*resources, relative)
		case entry.Mode == fetch.File:
			*resources = append(*resources, relative)
		}
	}
	return nil
}

// gatherFolder adds a sub-folder: as a whole if it has a kustomization of its own.
func (f *fileSystem) gatherFolder(dir, relative string, resources *[]string) error {
	own, err := f.kustomizationFile(path.Join(dir, relative))
	if err != nil {
		return err
	}
	if own == "" {
		return f.gather(dir, relative, resources)
	}
	*resources = append(*resources, relative)
	return nil
}

func isManifest(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(name))
}
