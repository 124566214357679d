package render_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/gitsync/render"
)

// FuzzPaths: whatever a kustomization, a link and the path of a GitSync say, a build ends with a result or with an
// *Error, reads nothing outside of the commit, and rests on its inputs alone.
func FuzzPaths(f *testing.F) {
	for _, seed := range [][3]string{
		{"app", "a.yaml", "../b/c.yaml"},
		{"../app", "../../etc/passwd", "/etc/passwd"},
		{"app/./../app//", "https://example.com/x", "x/../../y"},
		{"app/link", "link", "link"},
		{".", "./../app", "."},
		{"\x00", "a\x00b", "\xff"},
		{"app", "link/..", "../b"},
		{"app", "key=../b/c.yaml", "c.yaml"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	const one = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n"
	f.Fuzz(func(t *testing.T, dir, resource, target string) {
		if strings.ContainsAny(resource, "\n\r") {
			return
		}
		quoted := "'" + strings.ReplaceAll(resource, "'", "''") + "'"
		files := map[string]string{
			"app/kustomization.yaml": "resources: [" + quoted + "]\nconfigMapGenerator: [{name: x, files: [" + quoted + "]}]",
			"app/a.yaml":             one,
			"app/link":               "-> " + target,
			"b/c.yaml":               one,
		}
		c := newCommit(files)
		result, err := render.Render(t.Context(), c, c.root, dir, render.Limits{})
		if err != nil {
			if _, ok := errors.AsType[*render.Error](err); !ok {
				t.Fatalf("error of type %T: %v", err, err)
			}
			return
		}
		if !result.Inputs.Same(c, c.root) {
			t.Fatal("the inputs are not those of the commit that was rendered")
		}
	})
}
