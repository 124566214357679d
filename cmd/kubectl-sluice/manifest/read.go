package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/kustomize/kyaml/yaml"
	sigsyaml "sigs.k8s.io/yaml"
)

// The bounds of what is read.
const (
	maxBytes   = 32 << 20
	maxFiles   = 10_000
	maxObjects = 50_000
)

// Stdin is the name under which what comes in through a pipe is read and told of.
const Stdin = "-"

// Problem is something in a file that cannot be read.
type Problem struct {
	File    string
	Line    int
	Message string
}

// Read reads the objects of files, of the .yaml, .yml and .json files of folders, and of in, which is named Stdin. Folders
// are read without those below them, unless recursive is set, and without what is there for kustomize: its own file and
// the patches that it names, which are no whole objects. What is no YAML is a Problem, and the rest is read all the
// same. The error is one of reading, or of too much to read.
func Read(paths []string, recursive bool, in io.Reader) ([]*Object, []Problem, error) {
	r := &reader{left: maxBytes}
	for _, path := range paths {
		if err := r.path(path, recursive, in); err != nil {
			return nil, nil, err
		}
	}
	return r.objects, r.problems, nil
}

type reader struct {
	objects  []*Object
	problems []Problem
	left     int64
	files    int
}

func (r *reader) path(path string, recursive bool, in io.Reader) error {
	if path == Stdin {
		return r.stream("<stdin>", in)
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return r.file(path)
	}
	var patches []string
	return filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != path && !recursive:
			return fs.SkipDir
		case entry.IsDir():
			patches = append(patches, patchesIn(name)...)
			return nil
		case !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name)),
			slices.Contains(kustomizations, entry.Name()), slices.Contains(patches, name):
			return nil
		}
		return r.file(name)
	})
}

func (r *reader) file(name string) error {
	if r.files++; r.files > maxFiles {
		return fmt.Errorf("more than %d files: name a smaller folder", maxFiles)
	}
	// The person who runs this names the file.
	file, err := os.Open(filepath.Clean(name))
	if err != nil {
		return err
	}
	return errors.Join(r.stream(name, file), file.Close())
}

func (r *reader) stream(name string, in io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(in, r.left+1))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if r.left -= int64(len(data)); r.left < 0 {
		return fmt.Errorf("%s: more than %d MiB in all", name, maxBytes>>20)
	}
	for _, doc := range documents(data) {
		r.document(name, doc)
		if len(r.objects) > maxObjects {
			return fmt.Errorf("%s: more than %d objects in all", name, maxObjects)
		}
	}
	return nil
}

// document is a part of a file, after a number of lines.
type document struct {
	text  []byte
	after int
}

// documents cuts a file at the lines that begin with three dashes.
func documents(data []byte) []document {
	var out []document
	current := document{}
	line := 0
	for text := range bytes.Lines(data) {
		line++
		if rest, ok := bytes.CutPrefix(text, []byte("---")); ok && (len(bytes.TrimSpace(rest)) == 0 || rest[0] == ' ' || rest[0] == '\t') {
			out = append(out, current)
			current = document{after: line}
			continue
		}
		current.text = append(current.text, text...)
	}
	return append(out, current)
}

var (
	lineInError = regexp.MustCompile(`line (\d+): ?`)
	noise       = regexp.MustCompile(`^(error converting YAML to JSON: )?(yaml: )?(unmarshal errors:\s*)?`)
)

func (r *reader) document(file string, doc document) {
	if blank(doc.text) {
		return
	}
	data, err := sigsyaml.YAMLToJSONStrict(doc.text)
	if err != nil {
		r.problems = append(r.problems, problemOf(file, doc.after, err))
		return
	}
	var content any
	if err := utiljson.Unmarshal(data, &content); err != nil {
		r.problems = append(r.problems, problemOf(file, doc.after, err))
		return
	}
	var root yaml.Node
	if err := yaml.Unmarshal(doc.text, &root); err != nil {
		r.problems = append(r.problems, problemOf(file, doc.after, err))
		return
	}
	var node *yaml.Node
	if len(root.Content) > 0 {
		node = root.Content[0]
	}
	r.value(file, doc.after, node, content)
}

// value takes an object, or those of a list.
func (r *reader) value(file string, offset int, node *yaml.Node, content any) {
	line := offset + 1
	if node != nil {
		line = node.Line + offset
	}
	fields, ok := content.(map[string]any)
	if content == nil {
		return
	}
	o := &Object{File: file, Line: line, Content: fields, node: node, offset: offset}
	if !ok || o.Kind() == "" || o.APIVersion() == "" {
		r.problems = append(r.problems, Problem{File: file, Line: line, Message: "is no Kubernetes object: it needs apiVersion and kind"})
		return
	}
	items, isList := fields["items"].([]any)
	if !isList || !strings.HasSuffix(o.Kind(), "List") {
		r.objects = append(r.objects, o)
		return
	}
	_, list := child(node, "items")
	for i, item := range items {
		_, below := child(list, strconv.Itoa(i))
		r.value(file, offset, below, item)
	}
}

// blank says that a document has nothing but comments.
func blank(text []byte) bool {
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}

// problemOf reads the line out of an error of the YAML reader, which counts in the document.
func problemOf(file string, offset int, err error) Problem {
	message := noise.ReplaceAllString(err.Error(), "")
	line := offset + 1
	if match := lineInError.FindStringSubmatch(message); match != nil {
		if n, err := strconv.Atoi(match[1]); err == nil {
			line = n + offset
		}
		message = strings.Replace(message, match[0], "", 1)
	}
	message, _, _ = strings.Cut(strings.TrimSpace(message), "\n")
	return Problem{File: file, Line: line, Message: message}
}
