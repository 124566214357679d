package render

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"

	"github.com/sluicehq/sluice/gitsync/fetch"
)

// question is what a build asked about a path.
type question struct {
	about aspect
	path  string
}

type aspect byte

const (
	// presence: whether something is there, and where it really is.
	presence aspect = iota
	// content: what is in a file.
	content
	// names: which names a folder has.
	names
)

// Inputs are all questions that a build asked of a commit, with the answers.
type Inputs map[question]string

// Same tells whether a commit gives the same answers. An error counts as no.
func (in Inputs) Same(objects Objects, root string) bool {
	t := newTree(objects, root)
	for q, before := range in {
		now, err := t.answer(q)
		if err != nil || now != before {
			return false
		}
	}
	return true
}

// answer answers a question, as a text that is the same if and only if what a build would see is the same.
func (t *tree) answer(q question) (string, error) {
	found, err := t.find(q.path)
	if err != nil {
		return "", err
	}
	return t.describe(q.about, found)
}

func (t *tree) describe(about aspect, found *node) (string, error) {
	switch {
	case found == nil:
		return "missing", nil
	case about == content && found.mode == fetch.File:
		return "content " + found.hash, nil
	case about == names && found.mode == fetch.Dir:
		folder, err := t.folder(found.hash)
		if err != nil {
			return "", err
		}
		sum := sha256.New()
		for _, name := range slices.Sorted(maps.Keys(folder)) {
			// The mode of an entry is seen by who lists, its content only by who reads it.
			_, _ = sum.Write([]byte(name + "\x00" + string(rune('0'+int(folder[name].Mode))) + "\n"))
		}
		return "names " + hex.EncodeToString(sum.Sum(nil)), nil
	case found.mode == fetch.Dir:
		return "folder at " + found.path, nil
	case found.mode == fetch.File:
		return "file at " + found.path, nil
	default:
		return "other at " + found.path, nil
	}
}
