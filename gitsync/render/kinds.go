package render

import (
	_ "embed"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/openapi"
	"sigs.k8s.io/yaml"
)

// kindsFile is where a build sees kindsConfig; the commit cannot reach it.
const kindsFile = "/.sluice/kinds.yaml"

// kindsConfig tells kustomize's transformers where the kinds of ours, and the routes of the Gateway API, hold names,
// labels and replicas.
//
//go:embed kinds.yaml
var kindsConfig []byte

// kindsSchema tells kustomize how lists in the kinds of ours are merged, and which kinds have no namespace.
//
//go:embed kinds.openapi.json
var kindsSchema []byte

// withKinds adds kindsFile to the configurations of a kustomization. One that says nothing, or that is malformed, stays
// as it is: kustomize explains it better.
func withKinds(kustomization []byte) []byte {
	var fields map[string]any
	if err := yaml.UnmarshalStrict(kustomization, &fields); err != nil {
		return kustomization
	}
	configurations, isList := fields["configurations"].([]any)
	if _, set := fields["configurations"]; set && !isList {
		return kustomization
	}
	says := false
	for name := range fields {
		says = says || !slices.Contains([]string{"apiVersion", "kind", "metadata"}, name)
	}
	if !says {
		return kustomization
	}
	fields["configurations"] = append(slices.Clone(configurations), kindsFile)
	out, err := yaml.Marshal(fields)
	if err != nil {
		return kustomization
	}
	return out
}

// schemaLoaded is guarded by building, as is all of kustomize's schema.
var schemaLoaded bool

// loadSchema makes the kinds of ours known. It is called with building held.
func loadSchema() error {
	if schemaLoaded {
		return nil
	}
	if err := openapi.AddSchema(kindsSchema); err != nil {
		return err
	}
	schemaLoaded = true
	return nil
}

// resetSchema forgets what a kustomization's own openapi field brought in: kustomize keeps it for the whole process.
// It is called with building held.
func resetSchema() {
	openapi.ResetOpenAPI()
	schemaLoaded = false
}
