package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

var deploymentKind = appsv1.SchemeGroupVersion.WithKind("Deployment")

// workload is what is known of the Deployment of a workloadRef.
type workload struct {
	name     types.NamespacedName
	uid      types.UID
	version  string
	deleting bool

	template v1alpha1.PodTemplate
	selector metav1.LabelSelector

	// desired is its size, and pods how many there are or will be at most; available counts those of them that work.
	desired, pods, available int32
	// original is the size that its owner gave it, while a Rollout keeps it smaller.
	original *int32
}

// readDeployment reads a Deployment as it is stored. Its template is never decoded into Kubernetes' types.
func readDeployment(d *unstructured.Unstructured) (*workload, error) {
	w := &workload{
		name: client.ObjectKeyFromObject(d), uid: d.GetUID(), version: d.GetResourceVersion(),
		deleting: d.GetDeletionTimestamp() != nil,
	}
	spec, _, err := unstructured.NestedMap(d.Object, "spec", "template", "spec")
	if err != nil {
		return nil, fmt.Errorf("spec.template.spec: %w", err)
	}
	if w.template.Spec.Raw, err = json.Marshal(spec); err != nil {
		return nil, fmt.Errorf("spec.template.spec: %w", err)
	}
	for field, out := range map[string]*map[string]string{
		"labels": &w.template.Metadata.Labels, "annotations": &w.template.Metadata.Annotations,
	} {
		if *out, _, err = unstructured.NestedStringMap(d.Object, "spec", "template", "metadata", field); err != nil {
			return nil, fmt.Errorf("spec.template.metadata.%s: %w", field, err)
		}
	}
	selector, _, err := unstructured.NestedMap(d.Object, "spec", "selector")
	if err == nil {
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(selector, &w.selector)
	}
	if err != nil {
		return nil, fmt.Errorf("spec.selector: %w", err)
	}
	w.count(d)
	return w, nil
}

func (w *workload) count(d *unstructured.Unstructured) {
	number := func(otherwise int64, path ...string) int32 {
		n, found, err := unstructured.NestedInt64(d.Object, path...)
		if !found || err != nil {
			n = otherwise
		}
		return int32(n)
	}
	w.desired = number(1, "spec", "replicas")
	w.pods, w.available = number(0, "status", "replicas"), number(0, "status", "availableReplicas")
	if observed, _, _ := unstructured.NestedInt64(d.Object, "status", "observedGeneration"); observed < d.GetGeneration() {
		w.pods, w.available = max(w.pods, w.desired), 0
	}
	if n, err := strconv.ParseInt(d.GetAnnotations()[v1alpha1.AnnotationWorkloadReplicas], 10, 32); err == nil && n >= 0 {
		w.original = new(int32(n))
	}
}

// smaller says that the Rollout keeps the workload smaller than its owner made it.
func (w *workload) smaller() bool { return w != nil && w.original != nil && w.desired < *w.original }

// metadata names the Deployment as it was read, for the conditions of a write.
func (w *workload) metadata() *metav1.PartialObjectMetadata {
	d := newDeploymentMetadata()
	d.Namespace, d.Name, d.UID, d.ResourceVersion = w.name.Namespace, w.name.Name, w.uid, w.version
	return d
}

// newDeploymentMetadata is an empty Deployment as it is watched and cached: its metadata alone.
func newDeploymentMetadata() *metav1.PartialObjectMetadata {
	d := &metav1.PartialObjectMetadata{}
	d.SetGroupVersionKind(deploymentKind)
	return d
}

// workloads remember for each Rollout what was read last of its workload, so that a Deployment is read only when it has
// changed.
type workloads struct{ remembered[*workload] }

func newWorkloads() *workloads { return &workloads{} }

// workloadSource is where the pods of a Rollout with spec.workloadRef come from. A workload that is missing is an
// unreadableError.
func (r *Reconciler) workloadSource(ctx context.Context, from view, ro *v1alpha1.Rollout) (podSource, error) {
	w, err := r.readWorkloadOf(ctx, from, ro)
	if err != nil {
		return podSource{}, err
	}
	source := podSource{template: w.template, selector: ro.Spec.Selector, workload: w}
	if len(source.selector.MatchLabels)+len(source.selector.MatchExpressions) == 0 {
		source.selector = w.selector
	}
	return source, nil
}

func (r *Reconciler) readWorkloadOf(ctx context.Context, from view, ro *v1alpha1.Rollout) (*workload, error) {
	if err := r.deployments.ensure(); err != nil {
		return nil, err
	}
	key := types.NamespacedName{Namespace: ro.Namespace, Name: ro.Spec.WorkloadRef.Name}
	if !from.live {
		cached := newDeploymentMetadata()
		if err := from.Get(ctx, key, cached); err != nil {
			return nil, missingWorkload(key, err)
		}
		if known, _ := r.workloads.get(client.ObjectKeyFromObject(ro)); known != nil && known.name == key && known.version == cached.ResourceVersion {
			return known, nil
		}
	}
	d := &unstructured.Unstructured{}
	d.SetGroupVersionKind(deploymentKind)
	if err := r.live.Get(ctx, key, d); err != nil {
		return nil, missingWorkload(key, err)
	}
	w, err := readDeployment(d)
	if err != nil {
		return nil, &unreadableError{fmt.Errorf("spec.workloadRef: Deployment %q: %w", key.Name, err)}
	}
	r.workloads.put(client.ObjectKeyFromObject(ro), w)
	return w, nil
}

func missingWorkload(key types.NamespacedName, err error) error {
	if apierrors.IsNotFound(err) {
		return &unreadableError{fmt.Errorf("spec.workloadRef: Deployment %q does not exist in namespace %q; create it, or "+
			"give the Rollout a template of its own", key.Name, key.Namespace)}
	}
	return fmt.Errorf("get Deployment %s: %w", key.Name, err)
}

// readWorkload tells the engine of the workload.
func (o *observation) readWorkload() {
	if w := o.source.workload; w != nil {
		o.seen.Workload = plan.Workload{Desired: w.desired, Pods: w.pods}
	}
}

// scaleWorkload carries out plan.ScaleWorkload. The size that its owner gave the workload is noted in the same write, and
// the finalizer that gives it back is on before.
func (r *Reconciler) scaleWorkload(ctx context.Context, o *observation, a plan.ScaleWorkload) error {
	w := o.source.workload
	if w == nil || w.desired != a.From {
		return apierrors.NewConflict(appsv1.Resource("deployments"), "", fmt.Errorf("it has not %d replicas any more", a.From))
	}
	if err := r.ensureFinalizer(ctx, o, true); err != nil {
		return err
	}
	original := a.From
	if w.smaller() {
		original = *w.original
	}
	return r.patch(ctx, o, kindDeployment, w.metadata(), newDeploymentMetadata(), map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{
			v1alpha1.AnnotationWorkloadReplicas: strconv.FormatInt(int64(original), 10),
		}},
		"spec": map[string]any{"replicas": a.To},
	})
}

// workloadScaled says that the workload has fewer pods than its owner gave it, so that the finalizer is held.
func workloadScaled(o *observation) bool { return o.source.workload.smaller() }
