package apply

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/gitsync/changeset"
)

// Object is an object of Git, ready to be applied.
type Object struct {
	ID changeset.ID
	// Content is what is applied, without the commit. It must not be changed.
	Content *unstructured.Unstructured
	// Hash is the digest of Content.
	Hash string
}

// Problem is an object that cannot be applied as it is.
type Problem struct {
	ID   changeset.ID
	Text string
}

// Prepare makes rendered objects ready: those of namespaced kinds get the namespace if they have none, and all of them
// the label with the owner's name. Problems are reported per object; what they are about is among the objects
// nevertheless, so that nobody takes it for gone from Git.
func Prepare(
	rendered []*unstructured.Unstructured, mapper meta.RESTMapper, namespace, owner string,
) ([]Object, []Problem) {
	scopes := definedScopes(rendered)
	objects := make([]Object, 0, len(rendered))
	var problems []Problem
	seen := map[changeset.ID]bool{}
	for _, original := range rendered {
		content := original.DeepCopy()
		namespaced, err := isNamespaced(content.GroupVersionKind(), mapper, scopes)
		switch {
		case !namespaced:
			content.SetNamespace("")
		case content.GetNamespace() == "":
			content.SetNamespace(namespace)
		}
		id := IDOf(content)
		if err != nil {
			problems = append(problems, Problem{ID: id, Text: err.Error()})
		}
		if seen[id] {
			problems = append(problems, Problem{ID: id, Text: "is there twice once its namespace is filled in"})
			continue
		}
		seen[id] = true
		setOwner(content, owner)
		if err := normalize(content); err != nil {
			problems = append(problems, Problem{ID: id, Text: err.Error()})
		}
		hash, err := digest(content)
		if err != nil {
			problems = append(problems, Problem{ID: id, Text: err.Error()})
		}
		objects = append(objects, Object{ID: id, Content: content, Hash: hash})
	}
	return objects, problems
}

// IDOf returns the identity of an object.
func IDOf(o *unstructured.Unstructured) changeset.ID {
	gvk := o.GroupVersionKind()
	return changeset.ID{Group: gvk.Group, Kind: gvk.Kind, Namespace: o.GetNamespace(), Name: o.GetName()}
}

// definedScopes returns which kinds are namespaced of those that the CustomResourceDefinitions in the set define: the
// API server may not have them yet.
func definedScopes(rendered []*unstructured.Unstructured) map[schema.GroupKind]bool {
	scopes := map[schema.GroupKind]bool{}
	for _, o := range rendered {
		if o.GetKind() != "CustomResourceDefinition" {
			continue
		}
		group, _, _ := unstructured.NestedString(o.Object, "spec", "group")
		kind, _, _ := unstructured.NestedString(o.Object, "spec", "names", "kind")
		scope, _, _ := unstructured.NestedString(o.Object, "spec", "scope")
		scopes[schema.GroupKind{Group: group, Kind: kind}] = scope != "Cluster"
	}
	return scopes
}

// isNamespaced tells whether a kind is namespaced. An unknown kind counts as such, with an error.
func isNamespaced(
	gvk schema.GroupVersionKind, mapper meta.RESTMapper, scopes map[schema.GroupKind]bool,
) (bool, error) {
	if namespaced, ok := scopes[gvk.GroupKind()]; ok {
		return namespaced, nil
	}
	mapping, err := mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		if meta.IsNoMatchError(err) {
			return true, fmt.Errorf("the cluster does not know %s of %s: install its CustomResourceDefinition",
				gvk.Kind, gvk.GroupVersion())
		}
		return true, fmt.Errorf("cannot find out what %s of %s is: %w", gvk.Kind, gvk.GroupVersion(), err)
	}
	return mapping.Scope.Name() == meta.RESTScopeNameNamespace, nil
}

// setOwner labels the object as the owner's, and takes away annotations that only this package sets.
func setOwner(o *unstructured.Unstructured, owner string) {
	labels := o.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[v1alpha1.LabelGitSync] = owner
	o.SetLabels(labels)
	annotations := o.GetAnnotations()
	if _, set := annotations[v1alpha1.AnnotationCommit]; set {
		delete(annotations, v1alpha1.AnnotationCommit)
		o.SetAnnotations(annotations)
	}
}

// normalize writes an object as the API server stores it, where server-side apply would not keep it equal.
func normalize(o *unstructured.Unstructured) error {
	if o.GroupVersionKind() != (schema.GroupVersionKind{Version: "v1", Kind: "Secret"}) {
		return nil
	}
	// stringData is never stored, so that what was applied through it would not be owned.
	texts, found, err := unstructured.NestedStringMap(o.Object, "stringData")
	if err != nil {
		return errors.New("stringData must hold texts only")
	}
	if !found {
		return nil
	}
	data, _, err := unstructured.NestedMap(o.Object, "data")
	if err != nil {
		return errors.New("data must be an object")
	}
	if data == nil {
		data = map[string]any{}
	}
	for key, text := range texts {
		data[key] = base64.StdEncoding.EncodeToString([]byte(text))
	}
	unstructured.RemoveNestedField(o.Object, "stringData")
	return unstructured.SetNestedMap(o.Object, data, "data")
}

func digest(o *unstructured.Unstructured) (string, error) {
	data, err := json.Marshal(o.Object)
	if err != nil {
		return "", fmt.Errorf("cannot be written as JSON: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16]), nil
}

// maxLabel is how long a label's value may be.
const maxLabel = 63

// OwnerLabel returns the value of the label that names a GitSync on its objects.
func OwnerLabel(namespace, name string) string {
	value := namespace + "." + name
	if len(value) <= maxLabel {
		return value
	}
	sum := sha256.Sum256([]byte(value))
	return value[:maxLabel-11] + "." + hex.EncodeToString(sum[:5])
}

// WithCommit returns the content with the commit on it.
func WithCommit(content *unstructured.Unstructured, commit string) *unstructured.Unstructured {
	content = content.DeepCopy()
	annotations := content.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[v1alpha1.AnnotationCommit] = commit
	content.SetAnnotations(annotations)
	return content
}
