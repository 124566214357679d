package crd

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	crdvalidation "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
)

// allTables are the tables of all kinds.
func allTables() []table {
	return slices.Concat(rolloutTables, canaryTables, blueGreenTables, rolloutStatusTables, analysisTables, gitSyncTables)
}

// TestTables checks every row of every table.
func TestTables(t *testing.T) {
	all := loadAll(t)
	for _, tb := range allTables() {
		t.Run(tb.name, func(t *testing.T) { tb.check(t, all[tb.kind]) })
	}
}

// TestEveryRuleRefusesSomething holds the tables to have a bad object for every CEL rule: a rule that refuses nothing
// may as well not be there, and nobody has read its message.
func TestEveryRuleRefusesSomething(t *testing.T) {
	said := map[string]string{}
	all := loadAll(t)
	for _, tb := range allTables() {
		for _, r := range tb.rows {
			if len(r.wants) > 0 {
				said[tb.kind] += strings.Join(tb.problems(t, all[tb.kind], r), "\n") + "\n"
			}
		}
	}
	for kind, d := range all {
		walk(d.Schema, crdvalidation.RootCELContext(d.Schema), "", func(path string, props *apiextensions.JSONSchemaProps, _ *crdvalidation.CELSchemaContext) {
			for _, rule := range props.XValidations {
				if !strings.Contains(said[kind], rule.Message) {
					t.Errorf("%s %s: no bad object is refused with %q", kind, path, rule.Message)
				}
			}
		})
	}
}

// TestEveryFieldIsExplained holds every field to a text for kubectl explain.
func TestEveryFieldIsExplained(t *testing.T) {
	for kind, d := range loadAll(t) {
		walk(d.Schema, crdvalidation.RootCELContext(d.Schema), "", func(path string, props *apiextensions.JSONSchemaProps, _ *crdvalidation.CELSchemaContext) {
			for name, below := range props.Properties {
				if below.Description == "" && path+"."+name != ".metadata" {
					t.Errorf("%s %s.%s has no description", kind, path, name)
				}
			}
		})
	}
}
