package apply

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/gitsync/changeset"
)

// Cluster is a cluster as one account sees it. It may be used by many goroutines.
type Cluster struct {
	objects dynamic.Interface
	mapper  meta.RESTMapper
}

// Overlay returns desired with those parts of live in it that something else than Git drives. live is nil if there is
// no such object. It changes neither.
type Overlay func(desired, live map[string]any) map[string]any

// Account returns the user name of a service account.
func Account(namespace, name string) string { return "system:serviceaccount:" + namespace + ":" + name }

// Impersonate returns a configuration that acts as a service account.
func Impersonate(config *rest.Config, namespace, name string) *rest.Config {
	config = rest.CopyConfig(config)
	config.Impersonate = rest.ImpersonationConfig{UserName: Account(namespace, name)}
	return config
}

// NewCluster returns a Cluster. The HTTP client must act as the configuration says.
func NewCluster(config *rest.Config, client *http.Client, mapper meta.RESTMapper) (*Cluster, error) {
	objects, err := dynamic.NewForConfigAndClient(config, client)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return &Cluster{objects: objects, mapper: mapper}, nil
}

// resource returns the client for the kind of an object.
func (c *Cluster) resource(id changeset.ID, version string) (dynamic.ResourceInterface, error) {
	mapping, err := c.mapper.RESTMapping(schema.GroupKind{Group: id.Group, Kind: id.Kind}, version)
	if err != nil {
		return nil, err
	}
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		return c.objects.Resource(mapping.Resource).Namespace(id.Namespace), nil
	}
	return c.objects.Resource(mapping.Resource), nil
}

// Get reads an object. It returns nil if there is none, or no such kind.
func (c *Cluster) Get(ctx context.Context, id changeset.ID, version string) (*unstructured.Unstructured, error) {
	resource, err := c.resource(id, version)
	if meta.IsNoMatchError(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	live, err := resource.Get(ctx, id.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return live, nil
}

// Request says what is applied and how.
type Request struct {
	ID changeset.ID
	// Content is what is wanted; it is not changed.
	Content *unstructured.Unstructured
	// Owner is the value of our label.
	Owner string
	// HeldBy names another GitSync that holds the object, too; empty if there is none. An object that carries the
	// other's label is not touched.
	HeldBy string
	// Overlay may be nil.
	Overlay Overlay
	// Compare says that the object is only applied if a dry run shows that this would change it.
	Compare bool
	// Report says that nothing is written.
	Report bool
}

// Outcome is what became of a Request.
type Outcome struct {
	// Live is the object as it is afterwards; nil if there is none.
	Live *unstructured.Unstructured
	// Created, Changed say what was done; with Report, what would have been.
	Created, Changed bool
}

// maxConflicts is how often an object is read again when it changes while it is being written.
const maxConflicts = 5

// Apply brings one object to what is wanted.
func (c *Cluster) Apply(ctx context.Context, r Request) (Outcome, error) {
	resource, err := c.resource(r.ID, r.Content.GroupVersionKind().Version)
	if err != nil {
		return Outcome{}, err
	}
	for attempt := 0; ; attempt++ {
		outcome, err := applyOnce(ctx, resource, r)
		if attempt < maxConflicts && (apierrors.IsConflict(err) || errors.Is(err, errChanged)) {
			continue
		}
		return outcome, err
	}
}

// errChanged says that the object was changed by us and is to be read again.
var errChanged = errors.New("the object changes too often to be written")

func applyOnce(ctx context.Context, resource dynamic.ResourceInterface, r Request) (Outcome, error) {
	live, err := resource.Get(ctx, r.ID.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return create(ctx, resource, r)
	}
	if err != nil {
		return Outcome{}, err
	}
	if err := mayTouch(live, r); err != nil {
		return Outcome{}, err
	}
	wanted := r.Content
	if r.Overlay != nil {
		wanted = &unstructured.Unstructured{Object: r.Overlay(r.Content.Object, live.Object)}
	}
	wanted = wanted.DeepCopy()
	wanted.SetResourceVersion(live.GetResourceVersion())
	takeOver, err := takeOverPatch(live)
	if err != nil {
		return Outcome{}, err
	}
	if r.Compare || r.Report {
		trial, err := patch(ctx, resource, wanted, true)
		if err != nil {
			return Outcome{}, err
		}
		if takeOver == nil && sameContent(live, trial) {
			return Outcome{Live: live}, nil
		}
		if r.Report {
			return Outcome{Live: live, Changed: true}, nil
		}
	}
	if takeOver != nil {
		if _, err := resource.Patch(ctx, r.ID.Name, types.JSONPatchType, takeOver, metav1.PatchOptions{
			FieldManager: v1alpha1.ManagerGitSync,
		}); err != nil {
			return Outcome{}, err
		}
		return Outcome{}, errChanged
	}
	after, err := patch(ctx, resource, wanted, false)
	if err != nil {
		return Outcome{}, err
	}
	return Outcome{Live: after, Changed: !sameContent(live, after)}, nil
}

func create(ctx context.Context, resource dynamic.ResourceInterface, r Request) (Outcome, error) {
	if r.Report {
		return Outcome{Created: true}, nil
	}
	wanted := r.Content
	if r.Overlay != nil {
		wanted = &unstructured.Unstructured{Object: r.Overlay(r.Content.Object, nil)}
	}
	after, err := patch(ctx, resource, wanted, false)
	if err != nil {
		return Outcome{}, err
	}
	return Outcome{Live: after, Created: true}, nil
}

// HeldError says that an object belongs to another GitSync that still holds it.
type HeldError struct{ By string }

// Error implements error.
func (e *HeldError) Error() string {
	return fmt.Sprintf("belongs to the GitSync %s, which holds it, too: remove it from one of the two", e.By)
}

// mayTouch refuses objects that another GitSync holds, and those that are on their way out.
func mayTouch(live *unstructured.Unstructured, r Request) error {
	owner := live.GetLabels()[v1alpha1.LabelGitSync]
	if owner != "" && owner != r.Owner && r.HeldBy != "" {
		return &HeldError{By: r.HeldBy}
	}
	if live.GetDeletionTimestamp() != nil {
		return ErrTerminating
	}
	return nil
}

// ErrTerminating says that an object is being deleted and will be created anew when it is gone.
var ErrTerminating = errors.New("is being deleted; it is created anew when it is gone")

func patch(
	ctx context.Context, resource dynamic.ResourceInterface, wanted *unstructured.Unstructured, dryRun bool,
) (*unstructured.Unstructured, error) {
	data, err := wanted.MarshalJSON()
	if err != nil {
		return nil, err
	}
	options := metav1.PatchOptions{
		FieldManager:    v1alpha1.ManagerGitSync,
		Force:           new(true),
		FieldValidation: metav1.FieldValidationStrict,
	}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	return resource.Patch(ctx, wanted.GetName(), types.ApplyPatchType, data, options)
}

// Delete deletes an object in the background, only if it still is the one with this UID. That it is gone, or another
// one, is no error.
func (c *Cluster) Delete(ctx context.Context, id changeset.ID, version, uid string) error {
	resource, err := c.resource(id, version)
	if meta.IsNoMatchError(err) {
		return nil
	}
	if err != nil {
		return err
	}
	err = resource.Delete(ctx, id.Name, metav1.DeleteOptions{
		Preconditions:     &metav1.Preconditions{UID: new(types.UID(uid))},
		PropagationPolicy: new(metav1.DeletePropagationBackground),
	})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}
