package crd

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	crdvalidation "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

const crdFolder = "../../../config/crd"

// definition is a CustomResourceDefinition and what the API server makes of it to judge objects.
type definition struct {
	crd        *apiextensions.CustomResourceDefinition
	props      *apiextensions.JSONSchemaProps
	structural *schema.Structural
	validator  validation.SchemaValidator
	rules      *cel.Validator
}

// loadAll reads every definition in config/crd, by kind.
func loadAll(t *testing.T) map[string]*definition {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(crdFolder, "sluice.dev_*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no definitions in %s: %v", crdFolder, err)
	}
	all := map[string]*definition{}
	for _, file := range files {
		d := load(t, file)
		all[d.crd.Spec.Names.Kind] = d
	}
	return all
}

func load(t *testing.T, file string) *definition {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var v1 apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(data, &v1); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	// The API server sets this when it stores the object, before it validates.
	v1.Status.StoredVersions = []string{v1.Spec.Versions[0].Name}
	d := &definition{crd: &apiextensions.CustomResourceDefinition{}}
	apiextensionsv1.SetDefaults_CustomResourceDefinition(&v1)
	apiextensionsv1.SetDefaults_CustomResourceDefinitionSpec(&v1.Spec)
	if err := apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(&v1, d.crd, nil); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	served, err := apiextensions.GetSchemaForVersion(d.crd, "v1alpha1")
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	d.props = served.OpenAPIV3Schema
	if d.structural, err = schema.NewStructural(d.props); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if d.validator, _, err = validation.NewSchemaValidator(d.props); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	d.rules = cel.NewValidator(d.structural, true, celconfig.PerCallLimit)
	return d
}

// problems are the reasons for which the API server would refuse the object, as it prints them: those of the schema, of
// its lists, of its CEL rules, and fields that it does not know. old is nil for a creation.
func (d *definition) problems(ctx context.Context, object, old map[string]any) []string {
	var errs field.ErrorList
	unknown := pruning.PruneWithOptions(cloned(object), d.structural, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	var texts []string
	for _, path := range unknown {
		texts = append(texts, fmt.Sprintf("unknown field %q", path))
	}
	if old == nil {
		errs = validation.ValidateCustomResource(nil, object, d.validator)
	} else {
		errs = validation.ValidateCustomResourceUpdate(nil, object, old, d.validator)
	}
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, d.structural, object)...)
	// As in the API server, rules are not evaluated on objects that do not fit the schema.
	if len(errs) == 0 {
		var previous any
		if old != nil {
			previous = old
		}
		found, _ := d.rules.Validate(ctx, nil, d.structural, object, previous, celconfig.RuntimeCELCostBudget)
		errs = append(errs, found...)
	}
	for _, err := range errs {
		texts = append(texts, err.Error())
	}
	return texts
}

// row is one object of a table: a base with a patch, and what the API server must say of it.
type row struct {
	name string
	// patch is a merge patch (RFC 7386) in YAML over the base.
	patch string
	// from, for an update, is the merge patch that makes the old object from the base.
	from *string
	// wants are parts of the refusal, the first of which names the field; none means that the object is good.
	wants []string
}

// good and bad make rows of creations.
func good(name, patch string) row { return row{name: name, patch: patch} }

func bad(name, patch string, wants ...string) row { return row{name: name, patch: patch, wants: wants} }

// updated makes the row an update from the base with another patch.
func (r row) updated(from string) row {
	r.from = &from
	return r
}

// table is rows of one kind over one base.
type table struct {
	name, kind, base string
	rows             []row
}

// check checks every row.
func (tb table) check(t *testing.T, d *definition) {
	t.Helper()
	for _, r := range tb.rows {
		t.Run(r.name, func(t *testing.T) { checkRow(t, r, tb.problems(t, d, r)) })
	}
}

// problems are what the API server says of a row.
func (tb table) problems(t *testing.T, d *definition, r row) []string {
	t.Helper()
	object := patched(t, tb.base, r.patch)
	var old map[string]any
	if r.from != nil {
		old = patched(t, tb.base, *r.from)
	}
	return d.problems(t.Context(), object, old)
}

func checkRow(t *testing.T, r row, problems []string) {
	t.Helper()
	if len(r.wants) == 0 {
		if len(problems) > 0 {
			t.Errorf("refused a good object:\n%s", strings.Join(problems, "\n"))
		}
		return
	}
	if len(problems) == 0 {
		t.Fatal("accepted a bad object")
	}
	for _, problem := range problems {
		if !slices.ContainsFunc(r.wants, func(want string) bool { return !strings.Contains(problem, want) }) {
			return
		}
	}
	t.Errorf("no refusal has all of %q:\n%s", r.wants, strings.Join(problems, "\n"))
}

// patched is the base with the merge patch applied.
func patched(t *testing.T, base, patch string) map[string]any {
	t.Helper()
	return merged(parsed(t, base), parsed(t, patch))
}

func parsed(t *testing.T, text string) map[string]any {
	t.Helper()
	var object map[string]any
	// Numbers become int64 where they are whole, as in the API server.
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	return whole(object).(map[string]any)
}

// whole turns float64 into int64 where nothing is lost.
func whole(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, item := range v {
			v[key] = whole(item)
		}
	case []any:
		for i, item := range v {
			v[i] = whole(item)
		}
	case float64:
		if v == float64(int64(v)) {
			return int64(v)
		}
	}
	return value
}

func merged(base, patch map[string]any) map[string]any {
	result := maps.Clone(base)
	if result == nil {
		result = map[string]any{}
	}
	for key, value := range patch {
		below, isMap := value.(map[string]any)
		switch {
		case value == nil:
			delete(result, key)
		case isMap:
			had, _ := result[key].(map[string]any)
			result[key] = merged(had, below)
		default:
			result[key] = value
		}
	}
	return result
}

func cloned(value map[string]any) map[string]any { return copied(value).(map[string]any) }

func copied(value any) any {
	switch v := value.(type) {
	case map[string]any:
		result := make(map[string]any, len(v))
		for key, item := range v {
			result[key] = copied(item)
		}
		return result
	case []any:
		result := make([]any, len(v))
		for i, item := range v {
			result[i] = copied(item)
		}
		return result
	}
	return value
}

// TestDefinitionsAreValid runs the API server's whole validation of definitions: structural, with CEL rules that compile
// and stay within the cost limits.
func TestDefinitionsAreValid(t *testing.T) {
	for kind, d := range loadAll(t) {
		t.Run(kind, func(t *testing.T) {
			for _, err := range crdvalidation.ValidateCustomResourceDefinition(t.Context(), d.crd) {
				t.Error(err)
			}
		})
	}
}
