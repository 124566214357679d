package render_test

import (
	"reflect"
	"testing"

	"github.com/sluicehq/sluice/gitsync/render"
)

func equal(a, b any) bool { return reflect.DeepEqual(a, b) }

func TestOnlyChangedInputsAreRendered(t *testing.T) {
	linked := with(app, map[string]string{
		"overlays/prod/kustomization.yaml": overlay + "- path: link.yaml\n",
		"overlays/prod/link.yaml":          "-> ../../patches/extra.yaml",
		"patches/extra.yaml":               patch,
	})
	plain := map[string]string{"overlays/prod/a.yaml": rest, "overlays/prod/sub/b.yaml": rollout, "x": "y"}
	for name, test := range map[string]struct {
		files, changes map[string]string
		want           bool
	}{
		"nothing":                    {app, nil, false},
		"a file beside":              {app, map[string]string{"README.md": "other"}, false},
		"a new folder":               {app, map[string]string{"overlays/dev/kustomization.yaml": overlay}, false},
		"an unnamed file in a base":  {app, map[string]string{"base/unused.yaml": "x"}, false},
		"the overlay":                {app, map[string]string{"overlays/prod/kustomization.yaml": overlay + "nameSuffix: x\n"}, true},
		"a patch":                    {app, map[string]string{"overlays/prod/patch.yaml": patch + "  replicas: 3\n"}, true},
		"a file of the base":         {app, map[string]string{"base/rollout.yaml": rollout + "\n"}, true},
		"a file of a generated one":  {app, map[string]string{"base/token.txt": "other"}, true},
		"a second kustomization":     {app, map[string]string{"base/kustomization.yml": base}, true},
		"what a link leads to":       {linked, map[string]string{"patches/extra.yaml": patch + "  replicas: 4\n"}, true},
		"where a link leads":         {linked, map[string]string{"overlays/prod/link.yaml": "-> patch.yaml"}, true},
		"plain, nothing":             {plain, map[string]string{"x": "z"}, false},
		"plain, a file":              {plain, map[string]string{"overlays/prod/sub/b.yaml": rollout + "\n"}, true},
		"plain, another file":        {plain, map[string]string{"overlays/prod/sub/c.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}"}, true},
		"plain, one less":            {plain, map[string]string{"overlays/prod/sub/b.yaml": ""}, true},
		"plain, now a kustomization": {plain, map[string]string{"overlays/prod/sub/kustomization.yaml": "resources: [b.yaml]"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			cache := render.NewCache(10, render.Limits{})
			before := newCommit(test.files)
			first, built, err := cache.Render(t.Context(), "r", before, before.root, "overlays/prod")
			if err != nil || !built {
				t.Fatalf("built = %t, %v", built, err)
			}
			after := newCommit(with(test.files, test.changes))
			second, built, err := cache.Render(t.Context(), "r", after, after.root, "overlays/prod")
			if test.want && (err != nil) {
				return // It was looked at again; that is what is tested here.
			}
			if err != nil || built != test.want {
				t.Errorf("built = %t, %v; want %t", built, err, test.want)
			}
			if !test.want && second != first {
				t.Error("another result")
			}
		})
	}
}

func TestCacheIsBoundedAndKeepsApart(t *testing.T) {
	cache := render.NewCache(2, render.Limits{})
	c := newCommit(app)
	for range 2 {
		for _, repository := range []string{"a", "b", "c"} {
			if _, built, err := cache.Render(t.Context(), repository, c, c.root, "base"); err != nil || !built {
				t.Errorf("%s: built = %t, %v", repository, built, err)
			}
		}
	}
	if _, built, err := cache.Render(t.Context(), "c", c, c.root, "./base/"); err != nil || built {
		t.Errorf("the latest: built = %t, %v", built, err)
	}
}

func TestAFailureIsNotKept(t *testing.T) {
	cache := render.NewCache(2, render.Limits{})
	good := newCommit(app)
	if _, _, err := cache.Render(t.Context(), "a", good, good.root, "base"); err != nil {
		t.Fatal(err)
	}
	bad := newCommit(with(app, map[string]string{"base/rest.yaml": "{"}))
	if _, _, err := cache.Render(t.Context(), "a", bad, bad.root, "base"); err == nil {
		t.Fatal("no error")
	}
	if _, built, err := cache.Render(t.Context(), "a", good, good.root, "base"); err != nil || built {
		t.Errorf("back to the good one: built = %t, %v", built, err)
	}
}
