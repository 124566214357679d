package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// The namespaces of the controller and of the demo, and the field manager that the demo applies as.
const (
	controllerNamespace = "sluice-system"
	demoNamespace       = "demo"
	fieldManager        = "sluice-demo"
)

//go:embed setup
var setup embed.FS

// installController applies config/default and waits for the controller.
func (c *cluster) installController(ctx context.Context, repository string) error {
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).
		Run(filesys.MakeFsOnDisk(), filepath.Join(repository, "config", "default"))
	if err != nil {
		return fmt.Errorf("build config/default: %w", err)
	}
	manifests, err := built.AsYaml()
	if err != nil {
		return fmt.Errorf("build config/default: %w", err)
	}
	if err := c.apply(ctx, manifests); err != nil {
		return fmt.Errorf("install the controller: %w", err)
	}
	return await(ctx, "the controller to be available", 2*time.Minute, func(ctx context.Context) (bool, string, error) {
		var deployment appsv1.Deployment
		if err := c.client.Get(ctx, client.ObjectKey{Namespace: controllerNamespace, Name: "sluice"}, &deployment); err != nil {
			return false, "", err
		}
		status := deployment.Status
		return status.ObservedGeneration >= deployment.Generation && status.AvailableReplicas == *deployment.Spec.Replicas,
			fmt.Sprintf("%d of %d pods available", status.AvailableReplicas, *deployment.Spec.Replicas), nil
	})
}

// applySetup applies a file of the folder setup.
func (c *cluster) applySetup(ctx context.Context, name string) error {
	manifests, err := setup.ReadFile("setup/" + name)
	if err != nil {
		return fmt.Errorf("setup: %w", err)
	}
	if err := c.apply(ctx, manifests); err != nil {
		return fmt.Errorf("setup/%s: %w", name, err)
	}
	return nil
}

// apply applies every object of the YAML by server-side apply, the ones that others need first.
func (c *cluster) apply(ctx context.Context, manifests []byte) error {
	objects, err := decode(manifests)
	if err != nil {
		return err
	}
	for _, object := range objects {
		err := await(ctx, "the kind "+object.GetKind()+" to be served", 30*time.Second, func(ctx context.Context) (bool, string, error) {
			err := c.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), client.FieldOwner(fieldManager), client.ForceOwnership)
			if meta.IsNoMatchError(err) {
				return false, err.Error(), nil
			}
			return err == nil, "", err
		})
		if err != nil {
			return fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
	return nil
}

// decode reads a stream of YAML documents, CustomResourceDefinitions and Namespaces first, in their order otherwise.
func decode(manifests []byte) ([]*unstructured.Unstructured, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifests), 4096)
	var objects []*unstructured.Unstructured
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("manifest %d: %w", len(objects), err)
		}
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
	rank := func(o *unstructured.Unstructured) int {
		if o.GetKind() == "CustomResourceDefinition" || o.GetKind() == "Namespace" {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(objects, func(a, b *unstructured.Unstructured) int { return rank(a) - rank(b) })
	return objects, nil
}
