package render

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"

	"github.com/sluicehq/sluice/gitsync/fetch"
)

// Limits bound a build. The zero value means DefaultLimits.
type Limits struct {
	// Objects that a build may yield.
	Objects int
	// Reads of files that a build may do.
	Reads int
	// Bytes that all of them together may have.
	Bytes int64
	// FileBytes that one of them may have.
	FileBytes int64
	// Time that a build may take.
	Time time.Duration
}

// DefaultLimits are far above what people keep in one folder, and far below what would hurt.
var DefaultLimits = Limits{Objects: 10_000, Reads: 100_000, Bytes: 128 << 20, FileBytes: 8 << 20, Time: time.Minute}

// Result is what a folder of a commit renders to. It is shared and must not be changed.
type Result struct {
	// Objects in the order of the build. Those of namespaced kinds may be without a namespace.
	Objects []*unstructured.Unstructured
	// Digest is the same for the same objects, whatever their order.
	Digest string
	// Inputs are all that the result rests on.
	Inputs Inputs
}

// building is held while kustomize builds: its schema is one for the whole process.
var building sync.Mutex

// Render renders the folder at dir, from the root of the repository, of the commit whose tree is root. Every error is
// an *Error.
func Render(ctx context.Context, objects Objects, root, dir string, limits Limits) (*Result, error) {
	if limits == (Limits{}) {
		limits = DefaultLimits
	}
	building.Lock()
	defer building.Unlock()
	ctx, cancel := context.WithTimeout(ctx, limits.Time)
	defer cancel()
	files := newFileSystem(ctx, objects, root, limits)
	result, err := files.render(inside(dir))
	if files.failure != nil {
		err = files.failure
	}
	if err != nil {
		return nil, explain(inside(dir), err)
	}
	result.Inputs = files.inputs
	return result, nil
}

func (f *fileSystem) render(dir string) (*Result, error) {
	found, err := f.ask(presence, dir)
	if err != nil {
		return nil, err
	}
	if found == nil || found.mode != fetch.Dir {
		return nil, &Error{Kind: PathNotFound, File: dir, Text: "no such folder at this commit: check source.path"}
	}
	// From here on without links, so that what a kustomization names is relative to where it really is.
	dir = path.Clean("/" + found.path)[1:]
	file, err := f.kustomizationFile(dir)
	if err != nil {
		return nil, err
	}
	g := &guard{files: f, visited: map[string]bool{}}
	if file != "" {
		err = g.kustomization(dir, 0)
	} else {
		var some bool
		if some, err = f.plain(dir); err == nil && !some {
			return finish(nil, f.limits)
		}
		if err == nil {
			err = g.manifests(f, dir)
		}
	}
	if err != nil {
		return nil, err
	}
	built, err := f.build(dir, g.openAPI)
	if err != nil {
		return nil, err
	}
	objects, err := convert(built)
	if err != nil {
		return nil, err
	}
	return finish(objects, f.limits)
}

// manifests checks the kustomization that plain made.
func (g *guard) manifests(f *fileSystem, dir string) error {
	var k types.Kustomization
	if err := k.Unmarshal(f.virtual[path.Join("/", dir, "kustomization.yaml")]); err != nil {
		return err
	}
	g.visited[dir] = true
	return check{guard: g, dir: dir, file: dir}.resources(&k)
}

// build runs kustomize. A panic in it becomes an error: what it reads is not trusted.
func (f *fileSystem) build(dir string, ownSchema bool) (built resmap.ResMap, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = invalid(dir, "kustomize panicked: %s", shorten(fmt.Sprint(p)))
		}
		if ownSchema {
			resetSchema()
		}
	}()
	if err := loadSchema(); err != nil {
		return nil, err
	}
	options := krusty.MakeDefaultOptions()
	// Everything that the file system shows is in the repository.
	options.LoadRestrictions = types.LoadRestrictionsNone
	options.PluginConfig = types.DisabledPluginConfig()
	return krusty.MakeKustomizer(options).Run(f, path.Join("/", dir))
}

// convert makes objects of what kustomize built, with numbers as the API machinery has them.
func convert(built resmap.ResMap) ([]*unstructured.Unstructured, error) {
	objects := make([]*unstructured.Unstructured, 0, built.Size())
	for _, resource := range built.Resources() {
		data, err := resource.MarshalJSON()
		if err != nil {
			return nil, err
		}
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(data); err != nil {
			return nil, invalid("", "%s: %s", resource.CurId(), shorten(err.Error()))
		}
		objects = append(objects, object)
	}
	return objects, nil
}

// finish checks the objects and makes the result.
func finish(objects []*unstructured.Unstructured, limits Limits) (*Result, error) {
	if len(objects) > limits.Objects {
		return nil, &Error{Kind: TooLarge, Text: fmt.Sprintf("%d objects, more than the %d that are allowed: split "+
			"the folder among several GitSyncs", len(objects), limits.Objects)}
	}
	seen := map[string]bool{}
	lines := make([]string, 0, len(objects))
	for _, object := range objects {
		name := describe(object)
		switch {
		case object.GetName() == "" && object.GetGenerateName() != "":
			return nil, invalid("", "%s has generateName: an object that is kept in Git needs a name", name)
		case object.GetName() == "":
			return nil, invalid("", "%s has no metadata.name", name)
		case seen[name]:
			return nil, invalid("", "%s is there twice", name)
		}
		seen[name] = true
		// Nothing that the API server fills in may come from Git.
		unstructured.RemoveNestedField(object.Object, "status")
		for _, field := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"} {
			unstructured.RemoveNestedField(object.Object, "metadata", field)
		}
		line, err := json.Marshal(object.Object)
		if err != nil {
			return nil, err
		}
		lines = append(lines, name+"\x00"+string(line))
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return &Result{Objects: objects, Digest: "sha256:" + hex.EncodeToString(sum[:])}, nil
}

// describe names an object as kind.group/namespace/name.
func describe(object *unstructured.Unstructured) string {
	gk := object.GroupVersionKind().GroupKind()
	return gk.String() + "/" + object.GetNamespace() + "/" + object.GetName()
}
