package gitsync

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// Reconciler keeps GitSyncs applied.
type Reconciler struct {
	client client.Client
	// live reads without a cache, as the controller.
	live     client.Reader
	mapper   meta.RESTMapper
	recorder events.EventRecorder
	accounts *accounts
	looker   *looker
	watches  *watches
	memories *memories
	clock    clock.PassiveClock
	counts   *counters
	// account is the service account of GitSyncs that name none; it may be empty.
	account string
}

// Reconcile observes, decides, acts and reports, once.
func (r *Reconciler) Reconcile(ctx context.Context, gs *v1alpha1.GitSync) (ctrl.Result, error) {
	if gs.DeletionTimestamp != nil {
		return r.remove(ctx, gs)
	}
	p, err := r.observe(ctx, gs)
	if err != nil {
		return ctrl.Result{}, err
	}
	if p.mayAct() {
		if err := r.execute(ctx, p); err != nil {
			return ctrl.Result{}, err
		}
	}
	return r.report(ctx, p)
}
