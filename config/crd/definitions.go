// Package crd holds the definitions of our kinds as they are installed, and what the API server makes of them to judge
// objects, so that objects can be judged without one.
package crd

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

// Files are the definitions, in YAML.
//
//go:embed sluice.dev_*.yaml
var Files embed.FS

// Version is the version of the API that objects are judged in.
const Version = "v1alpha1"

// Definition judges the objects of a kind.
type Definition struct {
	// Resource is the definition as the API server stores it, Schema that of Version.
	Resource *apiextensions.CustomResourceDefinition
	Schema   *apiextensions.JSONSchemaProps

	structural *schema.Structural
	validator  validation.SchemaValidator
	rules      *cel.Validator
}

// Load returns the definitions by kind, which are read once. Its error is a mistake in the files.
func Load() (map[string]*Definition, error) { return all() }

var all = sync.OnceValues(func() (map[string]*Definition, error) {
	names, err := fs.Glob(Files, "*.yaml")
	if err != nil {
		return nil, err
	}
	definitions := make(map[string]*Definition, len(names))
	for _, name := range names {
		kind, d, err := load(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		definitions[kind] = d
	}
	return definitions, nil
})

func load(name string) (string, *Definition, error) {
	data, err := Files.ReadFile(name)
	if err != nil {
		return "", nil, err
	}
	var v1 apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(data, &v1); err != nil {
		return "", nil, err
	}
	// The API server sets this when it stores a definition, before it validates it.
	v1.Status.StoredVersions = []string{Version}
	apiextensionsv1.SetDefaults_CustomResourceDefinition(&v1)
	apiextensionsv1.SetDefaults_CustomResourceDefinitionSpec(&v1.Spec)
	definition := &apiextensions.CustomResourceDefinition{}
	if err := apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(&v1, definition, nil); err != nil {
		return "", nil, err
	}
	served, err := apiextensions.GetSchemaForVersion(definition, Version)
	if err != nil {
		return "", nil, err
	}
	d := &Definition{Resource: definition, Schema: served.OpenAPIV3Schema}
	if d.structural, err = schema.NewStructural(d.Schema); err != nil {
		return "", nil, err
	}
	if d.validator, _, err = validation.NewSchemaValidator(d.Schema); err != nil {
		return "", nil, err
	}
	d.rules = cel.NewValidator(d.structural, true, celconfig.PerCallLimit)
	return definition.Spec.Names.Kind, d, nil
}

// Check returns the reasons for which the API server would refuse to create an object: those of the schema, of its
// lists, of its CEL rules, and fields that it does not know. The object is JSON values, whose whole numbers are int64,
// and it is not changed.
func (d *Definition) Check(ctx context.Context, object map[string]any) field.ErrorList {
	return d.check(ctx, object, nil, validation.ValidateCustomResource(nil, object, d.validator))
}

// CheckUpdate returns the reasons for which the API server would refuse to make one object of another; see Check.
func (d *Definition) CheckUpdate(ctx context.Context, object, old map[string]any) field.ErrorList {
	return d.check(ctx, object, old, validation.ValidateCustomResourceUpdate(nil, object, old, d.validator))
}

// check adds to what the schema says of an object. old is nil for a creation.
func (d *Definition) check(ctx context.Context, object map[string]any, old any, found field.ErrorList) field.ErrorList {
	var errs field.ErrorList
	tracked := schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	for _, path := range pruning.PruneWithOptions(runtime.DeepCopyJSON(object), d.structural, true, tracked) {
		errs = append(errs, field.Forbidden(unknownField(path), "there is no such field"))
	}
	found = append(found, listtype.ValidateListSetsAndMaps(nil, d.structural, object)...)
	// As in the API server, rules are not evaluated on objects that do not fit the schema.
	if len(found) == 0 {
		found, _ = d.rules.Validate(ctx, nil, d.structural, object, old, celconfig.RuntimeCELCostBudget)
	}
	return append(errs, found...)
}

// unknownField is a path that is written out already.
func unknownField(path string) *field.Path { return field.NewPath(path) }
