// Package manifests holds the objects that make a bare API server into the
// cluster that Sluice's tests expect, and splits YAML files into objects.
package manifests

import (
	"embed"
	"fmt"
	"regexp"
	"strings"
)

//go:embed files
var files embed.FS

// Object is one YAML document with what is needed to address it.
type Object struct {
	APIVersion, Kind, Namespace, Name string
	// YAML is the whole document.
	YAML []byte
}

// String names the object for messages.
func (o Object) String() string {
	if o.Namespace == "" {
		return o.Kind + " " + o.Name
	}
	return o.Kind + " " + o.Namespace + "/" + o.Name
}

// Read gives the objects of one of our own files, as in "gateway".
func Read(name string) ([]Object, error) {
	content, err := files.ReadFile("files/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("manifests: %w", err)
	}
	return Split(name+".yaml", content)
}

// Text gives one of our own files as it is.
func Text(name string) ([]byte, error) {
	content, err := files.ReadFile("files/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("manifests: %w", err)
	}
	return content, nil
}

var (
	separator = regexp.MustCompile(`(?m)^---[ \t]*$`)
	// These read block-style YAML as kubectl and controller-gen write it: that
	// is all that is fed to them, and no YAML parser is needed.
	topLevel = regexp.MustCompile(`(?m)^(apiVersion|kind):[ \t]*["']?([^"'\s]+)`)
	metadata = regexp.MustCompile(`(?m)^metadata:[ \t]*\n((?:[ \t#].*\n|\n)*)`)
	identity = regexp.MustCompile(`(?m)^  (name|namespace):[ \t]*["']?([^"'\s]+)`)
)

// Split gives the objects in a YAML file; the file's name is for errors only.
func Split(file string, content []byte) ([]Object, error) {
	var objects []Object
	for _, document := range separator.Split(string(content), -1) {
		if blank(document) {
			continue
		}
		object := Object{YAML: []byte(document)}
		for _, match := range topLevel.FindAllStringSubmatch(document, -1) {
			switch match[1] {
			case "apiVersion":
				object.APIVersion = match[2]
			case "kind":
				object.Kind = match[2]
			}
		}
		if block := metadata.FindStringSubmatch(document + "\n"); block != nil {
			for _, match := range identity.FindAllStringSubmatch(block[1], -1) {
				switch match[1] {
				case "name":
					object.Name = match[2]
				case "namespace":
					object.Namespace = match[2]
				}
			}
		}
		if object.APIVersion == "" || object.Kind == "" || object.Name == "" {
			return nil, fmt.Errorf("manifests: document %d of %s has no apiVersion, kind or name", len(objects)+1, file)
		}
		objects = append(objects, object)
	}
	return objects, nil
}

func blank(document string) bool {
	for line := range strings.Lines(document) {
		if text := strings.TrimSpace(line); text != "" && !strings.HasPrefix(text, "#") {
			return false
		}
	}
	return true
}
