package change

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Image is the image of a container.
type Image struct {
	// Container is its name; init containers count too.
	Container string
	// Image that it is to run.
	Image string
	// Before is the image that it ran, where a change is told; empty for a container that was not there.
	Before string
}

// String tells a change, such as "web: shop/web:1 -> shop/web:2".
func (i Image) String() string {
	switch {
	case i.Before == "":
		return i.Container + ": " + i.Image
	case i.Image == "":
		return i.Container + ": " + i.Before + " -> none"
	}
	return i.Container + ": " + i.Before + " -> " + i.Image
}

// SetImages sets images of containers in the pod template and returns those that changed and what they are set on, such
// as "Rollout demo/web". The error is a RefusedError where a container is not there, or every image is as it is to be.
func SetImages(ctx context.Context, c client.Client, key client.ObjectKey, images []Image) (changes []Image, on string, err error) {
	const doing = "set an image"
	err = again(func() error {
		s, err := read(ctx, c, doing, key)
		if err != nil {
			return err
		}
		if err := keptInGit(ctx, c, doing, s.holder, "change the image", ""); err != nil {
			return err
		}
		on = describe(s.holder)
		changed := s.holder.DeepCopy()
		if changes, err = setImages(changed, images); err != nil {
			return err
		}
		return save(ctx, c, changed, s.holder)
	})
	return changes, on, err
}

func setImages(holder *unstructured.Unstructured, images []Image) ([]Image, error) {
	template, _, _ := unstructured.NestedFieldNoCopy(holder.Object, "spec", "template")
	all := containers(template)
	var changes []Image
	for _, image := range images {
		i := slices.IndexFunc(all, func(c map[string]any) bool { return c["name"] == image.Container })
		if i < 0 {
			return nil, refuse("%s has no container %q; it has %s", describe(holder), image.Container, strings.Join(names(all), ", "))
		}
		before, _ := all[i]["image"].(string)
		if before == image.Image {
			continue
		}
		all[i]["image"] = image.Image
		changes = append(changes, Image{Container: image.Container, Image: image.Image, Before: before})
	}
	if len(changes) == 0 {
		return nil, refuse("nothing to set: %s has these images already", describe(holder))
	}
	return changes, nil
}

// Containers returns the names of the containers of the Rollout's pod template, init containers too, in order.
func Containers(ctx context.Context, c client.Client, key client.ObjectKey) ([]string, error) {
	s, err := read(ctx, c, "look", key)
	if err != nil {
		return nil, err
	}
	return names(containers(s.template())), nil
}

// containers are the containers of a template, those that run first and last; they are the template's own.
func containers(template any) []map[string]any {
	object, _ := template.(map[string]any)
	spec, _ := object["spec"].(map[string]any)
	var out []map[string]any
	for _, field := range []string{"initContainers", "containers"} {
		list, _ := spec[field].([]any)
		for _, entry := range list {
			if container, ok := entry.(map[string]any); ok {
				out = append(out, container)
			}
		}
	}
	return out
}

func names(containers []map[string]any) []string {
	out := make([]string, 0, len(containers))
	for _, c := range containers {
		out = append(out, fmt.Sprint(c["name"]))
	}
	return out
}

// imageChanges tells which images differ between two templates.
func imageChanges(from, to map[string]any) []Image {
	var out []Image
	before := map[string]string{}
	for _, c := range containers(from) {
		before[fmt.Sprint(c["name"])], _ = c["image"].(string)
	}
	for _, c := range containers(to) {
		name := fmt.Sprint(c["name"])
		image, _ := c["image"].(string)
		if before[name] != image {
			out = append(out, Image{Container: name, Image: image, Before: before[name]})
		}
		delete(before, name)
	}
	for _, c := range containers(from) {
		name := fmt.Sprint(c["name"])
		if image, gone := before[name]; gone {
			out = append(out, Image{Container: name, Before: image})
		}
	}
	return out
}
