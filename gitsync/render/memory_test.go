package render_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/gitsync/fetch"
)

// commit is a commit in memory. Its files are given by path; a content that begins with "-> " makes a link.
type commit struct {
	trees map[string][]fetch.Entry
	blobs map[string][]byte
	root  string
	reads int
}

func newCommit(files map[string]string) *commit {
	c := &commit{trees: map[string][]fetch.Entry{}, blobs: map[string][]byte{}}
	c.root = c.folder(files)
	return c
}

func hash(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:20])
}

func (c *commit) folder(files map[string]string) string {
	below := map[string]map[string]string{}
	var entries []fetch.Entry
	for name, content := range files {
		if dir, rest, found := strings.Cut(name, "/"); found {
			if below[dir] == nil {
				below[dir] = map[string]string{}
			}
			below[dir][rest] = content
			continue
		}
		entry := fetch.Entry{Name: name, Mode: fetch.File}
		if target, isLink := strings.CutPrefix(content, "-> "); isLink {
			content, entry.Mode = target, fetch.Symlink
		}
		entry.Hash = hash("blob", content)
		c.blobs[entry.Hash] = []byte(content)
		entries = append(entries, entry)
	}
	for name, files := range below {
		entries = append(entries, fetch.Entry{Name: name, Mode: fetch.Dir, Hash: c.folder(files)})
	}
	slices.SortFunc(entries, func(a, b fetch.Entry) int { return strings.Compare(a.Name, b.Name) })
	h := hash("tree", fmt.Sprint(entries))
	c.trees[h] = entries
	return h
}

func (c *commit) Tree(h string) ([]fetch.Entry, error) {
	entries, ok := c.trees[h]
	if !ok {
		return nil, fmt.Errorf("no tree %s", h)
	}
	return entries, nil
}

func (c *commit) Blob(h string, limit int64) ([]byte, error) {
	c.reads++
	data, ok := c.blobs[h]
	switch {
	case !ok:
		return nil, fmt.Errorf("no blob %s", h)
	case int64(len(data)) > limit:
		return nil, fmt.Errorf("%d bytes, more than the %d that are allowed", len(data), limit)
	}
	return data, nil
}

// with returns the files with some of them changed; an empty content removes a file.
func with(files, changes map[string]string) map[string]string {
	out := maps.Clone(files)
	for name, content := range changes {
		if content == "" {
			delete(out, name)
		} else {
			out[name] = content
		}
	}
	return out
}
