package changeset

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Parts says in which part of a stored inventory each object is.
type Parts map[ID]int

// Encode writes an inventory as texts, one entry a line, sorted. An object stays in the part that it is in, so that no
// crash between the writing of two parts can lose it; new ones go where there is room, a part being full from maxBytes
// on. There is always one text. parts is brought up to date.
func Encode(inventory map[ID]Entry, parts Parts, maxBytes int) ([]string, error) {
	maps.DeleteFunc(parts, func(id ID, _ int) bool {
		_, known := inventory[id]
		return !known
	})
	lines, sizes := [][]string{nil}, []int{0}
	for part := range maps.Values(parts) {
		for len(lines) <= part {
			lines, sizes = append(lines, nil), append(sizes, 0)
		}
	}
	var fresh []ID
	put := func(id ID, part int) error {
		line, err := json.Marshal(inventory[id])
		if err != nil {
			return fmt.Errorf("inventory: %s: %w", id, err)
		}
		lines[part] = append(lines[part], string(line)+"\n")
		sizes[part] += len(line) + 1
		return nil
	}
	for _, id := range slices.SortedFunc(maps.Keys(inventory), Compare) {
		part, placed := parts[id]
		if !placed {
			fresh = append(fresh, id)
		} else if err := put(id, part); err != nil {
			return nil, err
		}
	}
	for _, id := range fresh {
		part := slices.IndexFunc(sizes, func(size int) bool { return size < maxBytes })
		if part < 0 {
			part = len(sizes)
			lines, sizes = append(lines, nil), append(sizes, 0)
		}
		if err := put(id, part); err != nil {
			return nil, err
		}
		parts[id] = part
	}
	texts := make([]string, len(lines))
	for i := range lines {
		texts[i] = strings.Join(lines[i], "")
	}
	return texts, nil
}

// Decode reads what Encode wrote. An object that two texts hold is taken from the first that knows its UID.
func Decode(texts []string) (map[ID]Entry, Parts, error) {
	inventory, parts := map[ID]Entry{}, Parts{}
	for part, text := range texts {
		for line := range strings.Lines(text) {
			if strings.TrimSpace(line) == "" {
				continue
			}
			var entry Entry
			if err := json.Unmarshal([]byte(line), &entry); err != nil {
				return nil, nil, fmt.Errorf("inventory: part %d is damaged: %w", part, err)
			}
			if entry.Kind == "" || entry.Name == "" {
				return nil, nil, fmt.Errorf("inventory: part %d is damaged: an entry has no kind or no name", part)
			}
			if known, twice := inventory[entry.ID]; !twice || known.UID == "" {
				inventory[entry.ID], parts[entry.ID] = entry, part
			}
		}
	}
	return inventory, parts, nil
}
