package rollout

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// view is where an observation is read from: the cache, or the API server. In the cache everything is found by an index,
// so that what one Rollout costs does not depend on how many others there are; the API server is asked by labels.
type view struct {
	client.Reader
	live bool
}

func (r *Reconciler) fromCache() view { return view{Reader: r.cached} }
func (r *Reconciler) fromLive() view  { return view{Reader: r.live, live: true} }

// The fields by which the cache finds what belongs to a Rollout.
const (
	// indexController is the UID of the controller of an object; "" of one without.
	indexController = "controller"
	// indexService is the Service of an EndpointSlice.
	indexService = "service"
)

func controllerOf(object client.Object) []string {
	if owner := metav1.GetControllerOfNoCopy(object); owner != nil {
		return []string{string(owner.UID)}
	}
	return []string{noController}
}

// noController stands for the controller of an object that has none. It is no UID.
const noController = "none"

func serviceOf(object client.Object) []string {
	return []string{object.GetLabels()[discoveryv1.LabelServiceName]}
}

// replicaSets lists the ReplicaSets that the Rollout controls, and those under its selector that nobody does. Others may
// be among them.
func (v view) replicaSets(ctx context.Context, o *observation) ([]appsv1.ReplicaSet, error) {
	inNamespace := o.inNamespace()
	var own, orphans appsv1.ReplicaSetList
	if v.live {
		if err := v.List(ctx, &own, inNamespace, o.ours()); err != nil {
			return nil, fmt.Errorf("list ReplicaSets: %w", err)
		}
		return own.Items, nil
	}
	err := v.List(ctx, &own, inNamespace, client.MatchingFields{indexController: string(o.rollout.UID)}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("list ReplicaSets: %w", err)
	}
	err = v.List(ctx, &orphans, inNamespace, client.MatchingFields{indexController: noController}, o.ours(), client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("list ReplicaSets: %w", err)
	}
	return append(own.Items, orphans.Items...), nil
}

// podsOf lists the pods of the Rollout's ReplicaSets, by the UID of the ReplicaSet.
func (v view) podsOf(ctx context.Context, o *observation) (map[types.UID][]*corev1.Pod, error) {
	out := map[types.UID][]*corev1.Pod{}
	inNamespace := o.inNamespace()
	add := func(pods []corev1.Pod) {
		for i := range pods {
			if owner := metav1.GetControllerOfNoCopy(&pods[i]); owner != nil {
				out[owner.UID] = append(out[owner.UID], &pods[i])
			}
		}
	}
	if v.live {
		var list corev1.PodList
		if err := v.List(ctx, &list, inNamespace, o.ours()); err != nil {
			return nil, fmt.Errorf("list pods: %w", err)
		}
		add(list.Items)
		return out, nil
	}
	for _, set := range o.sets {
		var list corev1.PodList
		err := v.List(ctx, &list, inNamespace, client.MatchingFields{indexController: string(set.UID)}, client.UnsafeDisableDeepCopy)
		if err != nil {
			return nil, fmt.Errorf("list pods of ReplicaSet %s: %w", set.Name, err)
		}
		add(list.Items)
	}
	return out, nil
}

// endpointSlices lists the EndpointSlices of a Service.
func (v view) endpointSlices(ctx context.Context, service types.NamespacedName) ([]discoveryv1.EndpointSlice, error) {
	var list discoveryv1.EndpointSliceList
	by := []client.ListOption{client.InNamespace(service.Namespace)}
	if v.live {
		by = append(by, client.MatchingLabels{discoveryv1.LabelServiceName: service.Name})
	} else {
		by = append(by, client.MatchingFields{indexService: service.Name}, client.UnsafeDisableDeepCopy)
	}
	if err := v.List(ctx, &list, by...); err != nil {
		return nil, fmt.Errorf("list EndpointSlices of Service %s: %w", service.Name, err)
	}
	return list.Items, nil
}

// analysisRuns lists the AnalysisRuns that the Rollout controls. Others may be among them.
func (v view) analysisRuns(ctx context.Context, ro *v1alpha1.Rollout) ([]v1alpha1.AnalysisRun, error) {
	var list v1alpha1.AnalysisRunList
	by := []client.ListOption{client.InNamespace(ro.Namespace)}
	if v.live {
		by = append(by, client.MatchingLabels{v1alpha1.LabelRollout: ro.Name})
	} else {
		by = append(by, client.MatchingFields{indexController: string(ro.UID)}, client.UnsafeDisableDeepCopy)
	}
	if err := v.List(ctx, &list, by...); err != nil {
		return nil, fmt.Errorf("list AnalysisRuns: %w", err)
	}
	return list.Items, nil
}
