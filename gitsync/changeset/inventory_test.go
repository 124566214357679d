package changeset_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluicehq/sluice/gitsync/changeset"
)

// TestNoCrashLosesAnObject: inventories that grow, shrink and change are written part by part, the first part last, with
// a crash after any write. What is read then holds every object that was in both the old and the new one.
func TestNoCrashLosesAnObject(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const limit = 400
		inventory, parts, stored := map[changeset.ID]changeset.Entry{}, changeset.Parts{}, []string{""}
		for range rapid.IntRange(1, 6).Draw(t, "rounds") {
			before := maps.Clone(inventory)
			for i := range 12 {
				id := configMap(fmt.Sprint("o", i))
				switch rapid.IntRange(0, 3).Draw(t, id.Name) {
				case 0:
					delete(inventory, id)
				case 1:
					inventory[id] = changeset.Entry{ID: id, Version: "v1", UID: "u", Hash: rapid.StringN(0, 80, 80).Draw(t, "hash")}
				}
			}
			texts, err := changeset.Encode(inventory, parts, limit)
			if err != nil {
				t.Fatal(err)
			}
			for part := len(texts) - 1; part >= 0; part-- {
				count := len(stored)
				if part == 0 {
					count = len(texts) // The first part says how many there are.
				}
				for len(stored) <= part {
					stored = append(stored, "")
				}
				stored[part] = texts[part]
				read, _, err := changeset.Decode(stored[:max(count, 1)])
				if err != nil {
					t.Fatal(err)
				}
				for id := range before {
					_, still := inventory[id]
					if _, found := read[id]; still && !found {
						t.Fatalf("a crash after part %d loses %s", part, id)
					}
				}
			}
			stored = stored[:len(texts)]
			read, again, err := changeset.Decode(stored)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(inventory, read); diff != "" {
				t.Fatal(diff)
			}
			if diff := cmp.Diff(parts, again); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}

func TestPartsAreBounded(t *testing.T) {
	inventory := map[changeset.ID]changeset.Entry{}
	for i := range 1000 {
		id := configMap(fmt.Sprintf("object-%04d", i))
		inventory[id] = changeset.Entry{ID: id, Version: "v1"}
	}
	texts, err := changeset.Encode(inventory, changeset.Parts{}, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range texts {
		if len(text) > 10_200 {
			t.Errorf("part %d has %d bytes", i, len(text))
		}
	}
	if len(texts) < 5 {
		t.Errorf("%d parts", len(texts))
	}
	if texts, err := changeset.Encode(nil, changeset.Parts{}, 100); err != nil || len(texts) != 1 || texts[0] != "" {
		t.Errorf("an empty one is %q, %v", texts, err)
	}
}

func TestDamagedInventory(t *testing.T) {
	for _, text := range []string{"{", `{"kind":"ConfigMap"}`, "null", "[]", `{"name":"x"}`} {
		if _, _, err := changeset.Decode([]string{text}); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
}

func TestTwoPartsWithOneObject(t *testing.T) {
	id := configMap("a")
	line := func(uid string) string {
		return fmt.Sprintf(`{"kind":"ConfigMap","namespace":"team","name":"a","version":"v1","uid":%q}`, uid)
	}
	for _, texts := range [][]string{{line(""), line("u")}, {line("u"), line("")}, {line("u"), line("v")}} {
		read, _, err := changeset.Decode(texts)
		if err != nil || read[id].UID != "u" {
			t.Errorf("%s: %+v, %v", strings.Join(texts, " "), read, err)
		}
	}
}
