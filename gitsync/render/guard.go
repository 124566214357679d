package render

import (
	"bytes"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/sluicehq/sluice/gitsync/fetch"
)

// remoteForm matches what kustomize would take for the address of a file or a repository elsewhere: it fetches those
// by itself, past the file system that it is given.
var remoteForm = regexp.MustCompile(`(?i)^\s*(git::)?([a-z][a-z0-9+.-]*://|https?:|[a-z][a-z0-9-]*@|github\.com[:/])`)

// maxDepth bounds how deep kustomizations may name others.
const maxDepth = 50

// guard looks through all kustomizations of a build before kustomize does. It refuses what leads out of the repository
// or runs programs, and says which file is missing or malformed, in words.
type guard struct {
	files   *fileSystem
	visited map[string]bool
	// openAPI is set where a kustomization replaces kustomize's schema.
	openAPI bool
}

// kustomization checks the kustomization in a folder and all that it names.
func (g *guard) kustomization(dir string, depth int) error {
	if depth > maxDepth {
		return refused(dir, "kustomizations name each other more than %d deep", maxDepth)
	}
	if g.visited[dir] {
		return nil
	}
	g.visited[dir] = true
	file, err := g.files.kustomizationFile(dir)
	if err != nil {
		return err
	}
	if file == "" {
		return invalid(dir, "has no kustomization.yaml")
	}
	data, err := g.files.read(file)
	if err != nil {
		return err
	}
	var k types.Kustomization
	if err := k.Unmarshal(data); err != nil {
		return invalid(file, "%s", shorten(err.Error()))
	}
	k.FixKustomization()
	c := check{guard: g, dir: dir, file: file, depth: depth}
	for _, step := range []func(*types.Kustomization) error{
		c.programs, c.resources, c.patches, c.generated, c.settings, c.plugins,
	} {
		if err := step(&k); err != nil {
			return err
		}
	}
	return nil
}

// kustomizationFile returns the path of a folder's kustomization, or nothing.
func (f *fileSystem) kustomizationFile(dir string) (string, error) {
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		file := path.Join(dir, name)
		found, err := f.ask(presence, file)
		if err != nil {
			return "", err
		}
		if found != nil && found.mode == fetch.File {
			return file, nil
		}
	}
	return "", nil
}

// check looks through one kustomization.
type check struct {
	guard *guard
	// dir is its folder and file its path; depth is how many others led to it.
	dir, file string
	depth     int
}

// programs refuses what needs a program.
func (c check) programs(k *types.Kustomization) error {
	if len(k.HelmCharts) > 0 || len(k.HelmChartInflationGenerator) > 0 {
		return refused(c.file, "helmCharts need the helm program, which is not run: commit what the chart renders to")
	}
	return nil
}

// resources checks resources, components and CRDs.
func (c check) resources(k *types.Kustomization) error {
	for _, name := range k.Resources {
		found, err := c.local("resources", name)
		if err != nil {
			return err
		}
		if found.mode == fetch.Dir {
			err = c.guard.kustomization(found.path, c.depth+1)
		} else {
			err = c.guard.manifest(found.path)
		}
		if err != nil {
			return err
		}
	}
	for _, name := range k.Components {
		found, err := c.local("components", name)
		if err != nil {
			return err
		}
		if found.mode != fetch.Dir {
			return invalid(c.file, "components: %s is not a folder", name)
		}
		if err := c.guard.kustomization(found.path, c.depth+1); err != nil {
			return err
		}
	}
	return c.localFiles("crds", k.Crds)
}

// patches checks patches and replacements.
func (c check) patches(k *types.Kustomization) error {
	var names []string
	for _, patch := range slices.Concat(k.Patches, k.PatchesJson6902) { //nolint:staticcheck // Old, and in use.
		if patch.Path != "" {
			names = append(names, patch.Path)
		}
	}
	for _, patch := range k.PatchesStrategicMerge { //nolint:staticcheck // Old, and in use.
		if !strings.Contains(string(patch), "\n") {
			names = append(names, string(patch))
		}
	}
	if err := c.localFiles("patches", names); err != nil {
		return err
	}
	names = nil
	for _, replacement := range k.Replacements {
		if replacement.Path != "" {
			names = append(names, replacement.Path)
		}
	}
	return c.localFiles("replacements", names)
}

// generated checks the files of generated ConfigMaps and Secrets.
func (c check) generated(k *types.Kustomization) error {
	var sources []types.KvPairSources
	for _, g := range k.ConfigMapGenerator {
		sources = append(sources, g.KvPairSources)
	}
	for _, g := range k.SecretGenerator {
		sources = append(sources, g.KvPairSources)
	}
	var names []string
	for _, source := range sources {
		names = append(names, source.EnvSources...)
		for _, entry := range source.FileSources {
			if _, name, found := strings.Cut(entry, "="); found {
				entry = name
			}
			names = append(names, entry)
		}
	}
	return c.localFiles("configMapGenerator and secretGenerator", names)
}

// settings checks the files that change how kustomize works.
func (c check) settings(k *types.Kustomization) error {
	if len(k.OpenAPI) > 0 {
		c.guard.openAPI = true
		if name, ok := k.OpenAPI["path"]; ok {
			if err := c.localFiles("openapi", []string{name}); err != nil {
				return err
			}
		}
	}
	return c.localFiles("configurations", k.Configurations)
}

// plugins checks generators, transformers and validators: only kustomize's own, and nothing from elsewhere in their
// configuration.
func (c check) plugins(k *types.Kustomization) error {
	for _, entry := range slices.Concat(k.Generators, k.Transformers, k.Validators) {
		file, data := c.file, []byte(entry)
		if !strings.ContainsAny(entry, "\n{") {
			found, err := c.local("generators, transformers and validators", entry)
			if err != nil {
				return err
			}
			if found.mode != fetch.File {
				return refused(c.file, "%s is a folder: name the files of generators, transformers and validators one "+
					"by one", entry)
			}
			if data, err = c.guard.files.read(found.path); err != nil {
				return err
			}
			file = found.path
		}
		if err := builtinsOnly(file, data); err != nil {
			return err
		}
	}
	return nil
}

// builtinsOnly refuses configuration of plugins that are not kustomize's own, or that fetches something.
func builtinsOnly(file string, data []byte) error {
	return eachDocument(file, data, func(document *yaml.Node) error {
		var head struct {
			APIVersion string `yaml:"apiVersion"`
			Kind       string `yaml:"kind"`
		}
		if err := document.Decode(&head); err != nil {
			return invalid(file, "%s", shorten(err.Error()))
		}
		if head.APIVersion != konfig.BuiltinPluginApiVersion || head.Kind == "HelmChartInflationGenerator" {
			return refused(file, "%s of %q is a plugin, which is not run: only kustomize's own transformers, of "+
				"apiVersion builtin, are", head.Kind, head.APIVersion)
		}
		return noAddresses(file, document)
	})
}

// noAddresses refuses a document that holds the address of something elsewhere.
func noAddresses(file string, n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode && remoteForm.MatchString(n.Value) {
		return refused(file, "%q: a build does not fetch anything", n.Value)
	}
	for _, child := range n.Content {
		if err := noAddresses(file, child); err != nil {
			return err
		}
	}
	return nil
}

// localFiles checks that each name is a file of the repository.
func (c check) localFiles(field string, names []string) error {
	for _, name := range names {
		found, err := c.local(field, name)
		if err != nil {
			return err
		}
		if found.mode != fetch.File {
			return invalid(c.file, "%s: %s is not a file", field, name)
		}
	}
	return nil
}

// local finds what a kustomization names, which must be inside of the repository.
func (c check) local(field, name string) (*node, error) {
	switch {
	case remoteForm.MatchString(name):
		return nil, refused(c.file, "%s: %q is not in the repository: a build does not fetch anything; copy it into "+
			"the repository", field, name)
	case path.IsAbs(name):
		return nil, refused(c.file, "%s: %q must be relative", field, name)
	case climbs(path.Join(c.dir, name)):
		return nil, refused(c.file, "%s: %q leads out of the repository", field, name)
	}
	found, err := c.guard.files.ask(presence, path.Join(c.dir, name))
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, invalid(c.file, "%s: %s does not exist", field, name)
	}
	if found.mode == fetch.Other {
		return nil, refused(c.file, "%s: %s is a submodule, which is not read", field, name)
	}
	return found, nil
}

// climbs tells whether a relative, clean path begins above its root.
func climbs(name string) bool { return name == ".." || strings.HasPrefix(name, "../") }

// manifest checks that a file is YAML, or JSON, and what it holds are objects.
func (g *guard) manifest(file string) error {
	data, err := g.files.read(file)
	if err != nil {
		return err
	}
	return eachDocument(file, data, func(document *yaml.Node) error {
		if document.Kind == yaml.DocumentNode && len(document.Content) > 0 {
			document = document.Content[0]
		}
		if document.Kind == yaml.ScalarNode && document.Tag == "!!null" {
			return nil // A document of comments.
		}
		if document.Kind != yaml.MappingNode {
			return invalid(file, "line %d: is no Kubernetes object", document.Line)
		}
		var missing []string
		for _, field := range []string{"apiVersion", "kind"} {
			if !hasField(document, field) {
				missing = append(missing, field)
			}
		}
		if len(missing) > 0 {
			return invalid(file, "line %d: is no Kubernetes object: %s missing", document.Line,
				strings.Join(missing, " and "))
		}
		return nil
	})
}

func hasField(mapping *yaml.Node, name string) bool {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return mapping.Content[i+1].Value != ""
		}
	}
	return false
}

// eachDocument visits the documents of a YAML file.
func eachDocument(file string, data []byte, visit func(*yaml.Node) error) error {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if err == io.EOF { //nolint:errorlint // The decoder returns it as it is.
			return nil
		}
		if err != nil {
			return invalid(file, "is no YAML: %s", shorten(strings.TrimPrefix(err.Error(), "yaml: ")))
		}
		if err := visit(&document); err != nil {
			return err
		}
	}
}
