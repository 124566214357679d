package rollout

import (
	"context"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// reasonMetadataInvalid is the reason of a Problem with canaryMetadata, stableMetadata and their like.
const reasonMetadataInvalid = "InvalidPodMetadata"

// reasonWorkloadShared is the reason of a Problem with a workloadRef that another Rollout has, too.
const reasonWorkloadShared = "WorkloadShared"

// expected says that a pod under the Rollout's selector, which none of its ReplicaSets controls, is meant to be there: of
// the workload, or of the Deployment that is being adopted.
func (r *Reconciler) expected(o *observation, pod *metav1.PartialObjectMetadata) bool {
	if w := o.source.workload; w != nil && madeBy(pod, w.name.Name) {
		return true
	}
	adopt := o.rollout.Spec.Adopt
	return adopt != nil && !r.adoptions.done(o.rollout) && madeBy(pod, adopt.Name)
}

// madeBy says that a pod is a Deployment's, by the name that the controller of Deployments gives its ReplicaSets.
func madeBy(pod *metav1.PartialObjectMetadata, deployment string) bool {
	owner, hash := metav1.GetControllerOf(pod), pod.Labels[appsv1.DefaultDeploymentUniqueLabelKey]
	return owner != nil && owner.Kind == replicaSetKind.Kind && hash != "" && owner.Name == deployment+"-"+hash
}

// checkFeatures says what is wrong with the metadata of pods, or with workloadRef; it is one of the checks of problem.
func (r *Reconciler) checkFeatures(ctx context.Context, _ client.Reader, o *observation) (*plan.Problem, error) {
	if problem := checkPodMetadata(o); problem != nil {
		return problem, nil
	}
	return r.checkWorkloadSharing(ctx, o)
}

// checkPodMetadata refuses labels that decide where a pod belongs, and what the API server would refuse of a pod.
func checkPodMetadata(o *observation) *plan.Problem {
	selected := selectingKeys(o)
	for _, at := range podMetadataFields(o.rollout.Spec.Strategy) {
		for _, key := range slices.Sorted(maps.Keys(at.metadata.Labels)) {
			if by := selected[key]; by != "" {
				return problemf(reasonMetadataInvalid, "spec.strategy.%s.labels: %s is selected by %s; take another label",
					at.field, key, by)
			}
			broken := slices.Concat(validation.IsQualifiedName(key), validation.IsValidLabelValue(at.metadata.Labels[key]))
			if len(broken) > 0 {
				return problemf(reasonMetadataInvalid, "spec.strategy.%s.labels: %s: %s", at.field, key, strings.Join(broken, "; "))
			}
		}
		for _, key := range slices.Sorted(maps.Keys(at.metadata.Annotations)) {
			if broken := validation.IsQualifiedName(strings.ToLower(key)); len(broken) > 0 {
				return problemf(reasonMetadataInvalid, "spec.strategy.%s.annotations: %s: %s", at.field, key, strings.Join(broken, "; "))
			}
		}
	}
	return nil
}

type podMetadataField struct {
	field    string
	metadata v1alpha1.EphemeralMetadata
}

func podMetadataFields(s v1alpha1.RolloutStrategy) []podMetadataField {
	names := [2]string{"canary.canaryMetadata", "canary.stableMetadata"}
	if s.BlueGreen != nil {
		names = [2]string{"blueGreen.previewMetadata", "blueGreen.activeMetadata"}
	}
	canary, stable := roleMetadata(s)
	var out []podMetadataField
	for i, metadata := range []*v1alpha1.EphemeralMetadata{canary, stable} {
		if metadata != nil {
			out = append(out, podMetadataField{names[i], *metadata})
		}
	}
	return out
}

// selectingKeys are the labels by which pods are found, with who does.
func selectingKeys(o *observation) map[string]string {
	by := map[string]string{
		v1alpha1.LabelPodTemplateHash: "this controller", appsv1.DefaultDeploymentUniqueLabelKey: "the controller of Deployments",
	}
	for _, role := range []plan.ServiceRole{plan.StableService, plan.CanaryService} {
		if service := o.services[role]; service != nil {
			for key := range service.Spec.Selector {
				by[key] = "Service " + service.Name
			}
		}
	}
	for key := range o.source.selector.MatchLabels {
		by[key] = "the Rollout"
	}
	for _, expression := range o.source.selector.MatchExpressions {
		by[expression.Key] = "the Rollout"
	}
	return by
}

// checkWorkloadSharing refuses a second Rollout of one workload: the younger of two has to go another way.
func (r *Reconciler) checkWorkloadSharing(ctx context.Context, o *observation) (*plan.Problem, error) {
	ref := o.rollout.Spec.WorkloadRef
	if ref == nil {
		return nil, nil
	}
	others, err := r.rolloutsBy(ctx, indexWorkloads, o.rollout.Namespace, ref.Name)
	if err != nil {
		return nil, err
	}
	for i := range others {
		if other := &others[i]; other.UID != o.rollout.UID && older(other, o.rollout) {
			return problemf(reasonWorkloadShared, "spec.workloadRef: Deployment %q is the workload of Rollout %q; name another",
				ref.Name, other.Name), nil
		}
	}
	return nil, nil
}
