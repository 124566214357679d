package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// finalizer is on a Rollout while routes and Services are driven by a release.
const finalizer = "sluice.dev/rollout"

// ensureFinalizer puts the finalizer on before a release touches anything, and takes it off when all is at rest.
func (r *Reconciler) ensureFinalizer(ctx context.Context, o *observation, engaged bool) error {
	if controllerutil.ContainsFinalizer(o.rollout, finalizer) == engaged {
		return nil
	}
	wanted := slices.DeleteFunc(slices.Clone(o.rollout.Finalizers), func(f string) bool { return f == finalizer })
	if engaged {
		wanted = append(wanted, finalizer)
	}
	return r.patch(ctx, o, kindRollout, o.rollout, map[string]any{"metadata": map[string]any{"finalizers": wanted}})
}

// finalize gives Services and routes back to the user before a Rollout in mid-release goes. It creates nothing. What is
// gone is left alone, with an event.
func (r *Reconciler) finalize(ctx context.Context, ro *v1alpha1.Rollout) error {
	if !controllerutil.ContainsFinalizer(ro, finalizer) {
		return nil
	}
	o, err := understand(ro)
	if err != nil {
		r.event(ro, corev1.EventTypeWarning, eventNotRestored, "routes and Services are left as they are: "+err.Error())
		return r.ensureFinalizer(ctx, &observation{rollout: ro}, false)
	}
	o.seen.State = readState(ro.Name, ro.Status)
	for _, original := range o.seen.State.Originals {
		o.target.Originals[original.Name] = original.Rules
	}
	// Services first: with both selecting every pod, any weight is served.
	for _, role := range []plan.ServiceRole{plan.CanaryService, plan.StableService} {
		if err := r.finalizeService(ctx, o, o.serviceName(role)); err != nil {
			return err
		}
	}
	if err := r.restoreRoutes(ctx, o); err != nil {
		return fmt.Errorf("restore routes: %w", err)
	}
	r.event(ro, corev1.EventTypeNormal, eventRestored, "routes and Services are as they were before the release")
	err = r.ensureFinalizer(ctx, o, false)
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func (r *Reconciler) finalizeService(ctx context.Context, o *observation, name string) error {
	service := &corev1.Service{}
	err := r.live.Get(ctx, types.NamespacedName{Namespace: o.rollout.Namespace, Name: name}, service)
	if err == nil {
		err = r.release(ctx, o, service)
	}
	if apierrors.IsNotFound(err) {
		r.event(o.rollout, corev1.EventTypeWarning, eventNotRestored, fmt.Sprintf("Service %q is gone", name))
		return nil
	}
	if err != nil {
		return errors.Join(fmt.Errorf("restore Service %s", name), err)
	}
	return client.IgnoreNotFound(err)
}
