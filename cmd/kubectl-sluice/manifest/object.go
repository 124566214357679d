package manifest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Object is an object of a file.
type Object struct {
	// File that it is in, as it was named, and the number of the line at which it begins, from 1.
	File string
	Line int
	// Content is the object as JSON values, whose whole numbers are int64.
	Content map[string]any

	node *yaml.Node
	// offset is how many lines of the file come before those that node counts.
	offset int
}

// APIVersion of the object; empty where it has none.
func (o *Object) APIVersion() string { return o.text("apiVersion") }

// Kind of the object; empty where it has none.
func (o *Object) Kind() string { return o.text("kind") }

// Group is the API group, which is empty for the core kinds.
func (o *Object) Group() string {
	group, _, found := strings.Cut(o.APIVersion(), "/")
	if !found {
		return ""
	}
	return group
}

// Name is metadata.name.
func (o *Object) Name() string { return o.text("metadata", "name") }

// Namespace is metadata.namespace; empty where it has none.
func (o *Object) Namespace() string { return o.text("metadata", "namespace") }

// MayShareNamespace says whether objects with these namespaces may be in the same one: where one names none, it goes
// wherever it is applied.
func MayShareNamespace(a, b string) bool { return a == b || a == "" || b == "" }

// String names the object for people.
func (o *Object) String() string {
	name := o.Name()
	if name == "" {
		name = "without a name"
	}
	return o.Kind() + " " + name
}

func (o *Object) text(path ...string) string {
	text, _ := o.At(path...).(string)
	return text
}

// At is the value at a path of fields; nil where there is none.
func (o *Object) At(path ...string) any {
	var value any = o.Content
	for _, name := range path {
		fields, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = fields[name]
	}
	return value
}

// Decode reads the object into a typed one. Fields that the type does not have are left out.
func (o *Object) Decode(into any) error {
	data, err := json.Marshal(o.Content)
	if err != nil {
		return fmt.Errorf("%s: %w", o, err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", o, err)
	}
	return nil
}

// LineOf is the line of the field at a path such as spec.steps[0].pause, or of the nearest one above it that is there.
// Keys that have dots stand in brackets, with or without quotes: metadata.labels[app.kubernetes.io/name].
func (o *Object) LineOf(path string) int {
	node, line := o.node, o.Line
	for _, part := range split(path) {
		key, below := child(node, part)
		if below == nil {
			break
		}
		node, line = below, key.Line+o.offset
	}
	return line
}

// child is the node below, and the one that has its line: the key of a field, or the element itself.
func child(node *yaml.Node, part string) (key, below *yaml.Node) {
	if node != nil && node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node == nil {
		return nil, nil
	}
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == part {
				return node.Content[i], node.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(part); err == nil && i >= 0 && i < len(node.Content) {
			return node.Content[i], node.Content[i]
		}
	default: // has nothing below it
	}
	return nil, nil
}

// split cuts a path into the names of fields, the numbers of elements and keys.
func split(path string) []string {
	var parts []string
	for path != "" {
		if rest, ok := strings.CutPrefix(path, "["); ok {
			inside, after, _ := strings.Cut(rest, "]")
			parts = append(parts, strings.Trim(inside, `"'`))
			path = strings.TrimPrefix(after, ".")
			continue
		}
		end := strings.IndexAny(path, ".[")
		if end < 0 {
			return append(parts, path)
		}
		parts = append(parts, path[:end])
		path = strings.TrimPrefix(path[end:], ".")
	}
	return parts
}
