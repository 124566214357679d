package rollout

import (
	"context"
	"fmt"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// indexWorkloads finds Rollouts by the Deployment whose template they run.
const indexWorkloads = "workloads"

func workloadOf(o client.Object) []string {
	if ro, ok := o.(*v1alpha1.Rollout); ok && ro.Spec.WorkloadRef != nil {
		return []string{ro.Spec.WorkloadRef.Name}
	}
	return nil
}

// deploymentWatch watches the metadata of Deployments from the first Rollout with a workloadRef on: without one, nothing
// of Deployments is held in memory.
type deploymentWatch struct {
	cache      cache.Cache
	controller controller.Controller
	handler    handler.TypedEventHandler[*metav1.PartialObjectMetadata, ctrl.Request]

	mu      sync.Mutex
	started bool
}

func (r *Reconciler) newDeploymentWatch(mgr ctrl.Manager, built controller.Controller) *deploymentWatch {
	return &deploymentWatch{
		cache: mgr.GetCache(), controller: built,
		handler: handler.TypedEnqueueRequestsFromMapFunc(func(ctx context.Context, d *metav1.PartialObjectMetadata) []ctrl.Request {
			return r.requestsBy(ctx, indexWorkloads, d.Namespace, d.Name)
		}),
	}
}

// ensure begins to watch. It asks memory alone when it has begun.
func (w *deploymentWatch) ensure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.started {
		return nil
	}
	if err := w.controller.Watch(source.Kind(w.cache, newDeploymentMetadata(), w.handler)); err != nil {
		return fmt.Errorf("watch Deployments: %w", err)
	}
	w.started = true
	return nil
}

// stripDeployment keeps of a Deployment what tells that it has changed.
func stripDeployment(d *metav1.PartialObjectMetadata) {
	if d.GroupVersionKind() != deploymentKind {
		return
	}
	d.Labels, d.Annotations, d.OwnerReferences = nil, nil, nil
}
