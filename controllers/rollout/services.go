package rollout

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// pin points a Service at one revision.
func (r *Reconciler) pin(ctx context.Context, o *observation, a plan.PinService) error {
	if a.Service == plan.CanaryService && o.drives.OwnCanaryService && o.services[a.Service] == nil && !o.foreignCanary {
		return r.makeOwnService(ctx, o, a.Revision)
	}
	service, err := o.service(a.Service)
	if err != nil {
		return err
	}
	if service.Spec.Selector[v1alpha1.LabelPodTemplateHash] == a.Revision {
		return nil
	}
	o.services[a.Service], err = r.patchSelector(ctx, o, service, a.Revision)
	return err
}

// unpin lets a Service select every pod of the Rollout again, and gives the selector back to whoever owned it.
func (r *Reconciler) unpin(ctx context.Context, o *observation, a plan.UnpinService) error {
	service, err := o.service(a.Service)
	if err != nil {
		return err
	}
	o.services[a.Service], err = r.release(ctx, o, service)
	return err
}

func (r *Reconciler) release(ctx context.Context, o *observation, service *corev1.Service) (*corev1.Service, error) {
	if service.Spec.Selector[v1alpha1.LabelPodTemplateHash] != "" {
		stored, err := r.patchSelector(ctx, o, service, nil)
		if err != nil {
			return service, err
		}
		service = stored
	}
	return r.giveSelectorBack(ctx, o, service)
}

// patchSelector writes the hash into the selector; nil takes it out. The owners of the selector are noted with it.
func (r *Reconciler) patchSelector(ctx context.Context, o *observation, service *corev1.Service, hash any) (*corev1.Service, error) {
	owners, err := json.Marshal(selectorOwners(service))
	if err != nil {
		return service, fmt.Errorf("note the owners of the selector of Service %s: %w", service.Name, err)
	}
	return r.patchService(ctx, o, service, map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{annotationSelectorOwners: string(owners)}},
		"spec":     map[string]any{"selector": map[string]any{v1alpha1.LabelPodTemplateHash: hash}},
	})
}

// patchService returns the Service as it is stored, or the given one where that fails.
func (r *Reconciler) patchService(ctx context.Context, o *observation, service *corev1.Service, change map[string]any) (*corev1.Service, error) {
	stored := &corev1.Service{}
	if err := r.patch(ctx, o, kindService, service, stored, change); err != nil {
		return service, err
	}
	return stored, nil
}

// giveSelectorBack ends what patchSelector began, where the Service still carries the note of it.
func (r *Reconciler) giveSelectorBack(ctx context.Context, o *observation, service *corev1.Service) (*corev1.Service, error) {
	if _, noted := service.Annotations[annotationSelectorOwners]; !noted {
		return service, nil
	}
	entries, err := selectorField.GiveBack(service.ManagedFields, v1alpha1.ManagerController, selectorOwners(service), false)
	if err != nil {
		return service, fmt.Errorf("give the selector of Service %s back: %w", service.Name, err)
	}
	return r.patchService(ctx, o, service, map[string]any{"metadata": map[string]any{
		"annotations": map[string]any{annotationSelectorOwners: nil}, "managedFields": entries,
	}})
}

// tidyServices ends an unpinning that was interrupted between its two writes.
func (r *Reconciler) tidyServices(ctx context.Context, o *observation) error {
	for _, seen := range o.services {
		_, noted := seen.Annotations[annotationSelectorOwners]
		if !noted || seen.Spec.Selector[v1alpha1.LabelPodTemplateHash] != "" {
			continue
		}
		service := &corev1.Service{} // read live, for the managed fields
		if err := r.live.Get(ctx, client.ObjectKeyFromObject(seen), service); err != nil {
			return fmt.Errorf("get Service %s: %w", seen.Name, err)
		}
		if service.Spec.Selector[v1alpha1.LabelPodTemplateHash] != "" {
			continue
		}
		if _, err := r.giveSelectorBack(ctx, o, service); err != nil {
			return err
		}
	}
	return nil
}

// service is the Service as it was observed. A missing one is a NotFound error.
func (o *observation) service(role plan.ServiceRole) (*corev1.Service, error) {
	if service := o.services[role]; service != nil {
		return service, nil
	}
	return nil, apierrors.NewNotFound(corev1.Resource("services"), o.serviceName(role))
}

// patch is a merge patch of an object on the condition that it is the one that was observed. stored, which must be
// empty, becomes the object as it is stored.
func (r *Reconciler) patch(
	ctx context.Context, o *observation, kind objectKind, object, stored client.Object, change map[string]any,
) error {
	metadata, _ := change["metadata"].(map[string]any)
	if metadata == nil {
		metadata = map[string]any{}
		change["metadata"] = metadata
	}
	metadata["resourceVersion"], metadata["uid"] = object.GetResourceVersion(), object.GetUID()
	content, err := json.Marshal(change)
	if err != nil {
		return fmt.Errorf("encode patch: %w", err)
	}
	stored.SetNamespace(object.GetNamespace())
	stored.SetName(object.GetName())
	err = r.client.Patch(ctx, stored, client.RawPatch(types.MergePatchType, content), client.FieldOwner(v1alpha1.ManagerController))
	if err != nil {
		return fmt.Errorf("patch %s %s: %w", kind, object.GetName(), err)
	}
	if object.GetResourceVersion() != stored.GetResourceVersion() {
		r.written.remember(client.ObjectKeyFromObject(o.rollout), kind, stored, r.clock.Now())
	}
	return nil
}
