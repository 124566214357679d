package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

// finalizer is on a Rollout while something would have to be given back if it were deleted.
const finalizer = "sluice.dev/rollout"

// holds says whether something has to be given back: a Service or a route that a release drives, or pods of a workload.
func (r *Reconciler) holds(o *observation, p plan.Plan) bool {
	d := o.drives
	named := d.StableService != "" || d.CanaryService != "" || d.By == wanted.ByRoutes
	return p.Engaged && named || workloadScaled(o)
}

// ensureFinalizer puts the finalizer on before anything is touched, and takes it off when all is at rest.
func (r *Reconciler) ensureFinalizer(ctx context.Context, o *observation, held bool) error {
	if controllerutil.ContainsFinalizer(o.rollout, finalizer) == held {
		return nil
	}
	kept := slices.DeleteFunc(slices.Clone(o.rollout.Finalizers), func(f string) bool { return f == finalizer })
	if held {
		kept = append(kept, finalizer)
	}
	stored := &v1alpha1.Rollout{}
	err := r.patch(ctx, o, kindRollout, o.rollout, stored, map[string]any{"metadata": map[string]any{"finalizers": kept}})
	if err != nil {
		return err
	}
	o.rollout = stored
	return nil
}

// finalize gives Services, routes and the pods of a workload back to the user before a Rollout goes. It creates nothing.
// What is gone is left alone, with an event. It rests on what the status has recorded, so that it works whatever the spec
// has become.
func (r *Reconciler) finalize(ctx context.Context, ro *v1alpha1.Rollout) error {
	if !controllerutil.ContainsFinalizer(ro, finalizer) {
		return nil
	}
	o := departing(ro)
	if err := r.findRoutes(ctx, r.live, o); err != nil {
		return err
	}
	if going, err := r.podsGo(ctx, o); err != nil || going {
		if err == nil {
			err = errLookAgain
		}
		return err
	}
	// Services first: with both selecting every pod, any weight is served.
	for _, role := range []plan.ServiceRole{plan.CanaryService, plan.StableService} {
		if err := r.finalizeService(ctx, o, o.serviceName(role)); err != nil {
			return err
		}
	}
	if err := r.awaitEndpoints(ctx, o); err != nil {
		return err
	}
	if err := r.restoreRoutes(ctx, o); err != nil {
		return fmt.Errorf("restore routes: %w", err)
	}
	if err := r.departWithServices(ctx, o); err != nil {
		return err
	}
	if err := r.restoreWorkload(ctx, o); err != nil {
		return err
	}
	r.event(ro, corev1.EventTypeNormal, eventRestored, "routes and Services are as they were before the release")
	err := r.ensureFinalizer(ctx, o, false)
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// shrinkPatience bounds how long the deletion of a Rollout waits for pods that were on their way out already.
const shrinkPatience = 30 * time.Second

// podsGo says that a ReplicaSet is losing pods yet: a Service that selects every pod again would send requests to them.
func (r *Reconciler) podsGo(ctx context.Context, o *observation) (bool, error) {
	if r.clock.Now().Sub(o.rollout.DeletionTimestamp.Time) > shrinkPatience {
		return false, nil
	}
	var err error
	if o.selector, err = labels.Parse(o.rollout.Status.Selector); err != nil || o.selector.Empty() {
		return false, nil //nolint:nilerr // a status that nobody can read keeps no Rollout from going
	}
	sets, err := r.fromLive().replicaSets(ctx, o)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(sets, func(set appsv1.ReplicaSet) bool {
		return set.Status.ObservedGeneration < set.Generation || set.Status.Replicas > or(set.Spec.Replicas, 1)
	}), nil
}

// awaitEndpoints returns errLookAgain until the gateways have had the time to learn what the Services select now: the
// stable one may have had no pods of its own when the canary had all of the traffic.
func (r *Reconciler) awaitEndpoints(ctx context.Context, o *observation) error {
	if len(o.target.Routes) == 0 || o.seen.State.Traffic.High == 0 {
		return nil
	}
	now, settle := r.clock.Now(), wanted.Settle(o.rollout.Spec.Strategy)
	if now.Sub(o.rollout.DeletionTimestamp.Time) > shrinkPatience+settle {
		return nil
	}
	if err := o.readServices(ctx, r.fromLive(), nil); err != nil {
		return err
	}
	key := client.ObjectKeyFromObject(o.rollout)
	if len(o.seen.Stable.Endpoints) == 0 {
		r.departures.forget(key)
		return errLookAgain
	}
	if now.Sub(r.departures.since(key, now)) < settle {
		return errLookAgain
	}
	return nil
}

// departing is what is known of a Rollout that is being deleted.
func departing(ro *v1alpha1.Rollout) *observation {
	o := &observation{rollout: ro, services: map[plan.ServiceRole]*corev1.Service{}}
	o.drives = wanted.Drives(ro.Spec.Strategy)
	if begun, ok := recordedDrives(ro.Status); ok {
		o.drives = begun
	}
	o.target = targetOf(ro, o.drives)
	o.seen.State = readState(ro.Name, ro.Status)
	return o
}

func (r *Reconciler) finalizeService(ctx context.Context, o *observation, name string) error {
	if name == "" {
		return nil
	}
	service := &corev1.Service{}
	err := r.live.Get(ctx, types.NamespacedName{Namespace: o.rollout.Namespace, Name: name}, service)
	if err == nil {
		_, err = r.release(ctx, o, service)
	}
	if apierrors.IsNotFound(err) {
		r.event(o.rollout, corev1.EventTypeWarning, eventNotRestored, fmt.Sprintf("Service %q is gone", name))
		return nil
	}
	if err != nil {
		return errors.Join(fmt.Errorf("restore Service %s", name), err)
	}
	return nil
}
