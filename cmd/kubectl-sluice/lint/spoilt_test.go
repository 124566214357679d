package lint

import (
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sluicehq/sluice/cmd/kubectl-sluice/manifest"
)

// values are what may stand where something else is expected.
var values = []any{
	nil, "", "text", "99999999999999999999", int64(0), int64(-1), int64(math.MaxInt64), 2.5, true,
	[]any{},
	[]any{nil},
	[]any{"x", int64(1)},
	map[string]any{},
	map[string]any{"name": int64(1)},
	map[string]any{"": nil},
	map[string]any{"name": "shop"},
}

// TestSpoiltObjects puts values where they do not belong, and holds that nothing falls over and every finding has a place.
func TestSpoiltObjects(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		file := rapid.SampledFrom(files).Draw(rt, "file")
		objects, problems, err := manifest.Read([]string{file}, false, strings.NewReader(""))
		if err != nil {
			rt.Fatal(err)
		}
		for range rapid.IntRange(1, 3).Draw(rt, "times") {
			spoil(rt, objects[rapid.IntRange(0, len(objects)-1).Draw(rt, "object")].Content)
		}
		found, err := Check(t.Context(), objects, problems)
		if err != nil {
			rt.Fatal(err)
		}
		for _, f := range found {
			if f.Line < 1 || f.Message == "" || f.Rule == "" {
				rt.Fatalf("%+v", f)
			}
		}
	})
}

// spoil puts a value somewhere below.
func spoil(t *rapid.T, below any) {
	switch below := below.(type) {
	case map[string]any:
		if len(below) == 0 {
			return
		}
		key := rapid.SampledFrom(slices.Sorted(maps.Keys(below))).Draw(t, "key")
		if rapid.IntRange(0, 3).Draw(t, "here") == 0 {
			below[key] = rapid.SampledFrom(values).Draw(t, "value")
			return
		}
		spoil(t, below[key])
	case []any:
		if len(below) == 0 {
			return
		}
		i := rapid.IntRange(0, len(below)-1).Draw(t, "index")
		if rapid.IntRange(0, 3).Draw(t, "here") == 0 {
			below[i] = rapid.SampledFrom(values).Draw(t, "value")
			return
		}
		spoil(t, below[i])
	}
}
