package crd

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	crdvalidation "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"sigs.k8s.io/yaml"

	"github.com/sluicehq/sluice/config/crd"
)

const crdFolder = "../../../config/crd"

// loadAll is every definition in config/crd, by kind.
func loadAll(t *testing.T) map[string]*crd.Definition {
	t.Helper()
	all, err := crd.Load()
	if err != nil || len(all) == 0 {
		t.Fatalf("no definitions in %s: %v", crdFolder, err)
	}
	return all
}

// problems are the reasons for which the API server would refuse the object. old is nil for a creation.
func problems(ctx context.Context, d *crd.Definition, object, old map[string]any) []string {
	errs := d.Check(ctx, object)
	if old != nil {
		errs = d.CheckUpdate(ctx, object, old)
	}
	texts := make([]string, len(errs))
	for i, err := range errs {
		texts[i] = err.Error()
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
func (tb table) check(t *testing.T, d *crd.Definition) {
	t.Helper()
	for _, r := range tb.rows {
		t.Run(r.name, func(t *testing.T) { checkRow(t, r, tb.problems(t, d, r)) })
	}
}

// problems are what the API server says of a row.
func (tb table) problems(t *testing.T, d *crd.Definition, r row) []string {
	t.Helper()
	object := patched(t, tb.base, r.patch)
	var old map[string]any
	if r.from != nil {
		old = patched(t, tb.base, *r.from)
	}
	return problems(t.Context(), d, object, old)
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

// TestDefinitionsAreValid runs the API server's whole validation of definitions: structural, with CEL rules that compile
// and stay within the cost limits.
func TestDefinitionsAreValid(t *testing.T) {
	for kind, d := range loadAll(t) {
		t.Run(kind, func(t *testing.T) {
			for _, err := range crdvalidation.ValidateCustomResourceDefinition(t.Context(), d.Resource) {
				t.Error(err)
			}
		})
	}
}
