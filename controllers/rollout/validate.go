package rollout

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// problem says why the spec, or something that it names, cannot be used: the first that is found, in an order in which
// one may have caused the next. Errors are only those of reading.
func (r *Reconciler) problem(ctx context.Context, reader client.Reader, o *observation) (*plan.Problem, error) {
	if o.unreadable != nil {
		return o.unreadable, nil
	}
	checks := []func(context.Context, client.Reader, *observation) (*plan.Problem, error){
		checkDuplicates,
		checkOwnLabel,
		checkSharing,
		r.checkFeatures,
		r.checkOverlap,
		r.checkNewRevision,
		checkServices,
		checkRoutes,
		r.checkAnalysis,
	}
	for _, check := range checks {
		if problem, err := check(ctx, reader, o); problem != nil || err != nil {
			return problem, err
		}
	}
	return nil, nil
}

func problemf(reason, format string, args ...any) *plan.Problem {
	return &plan.Problem{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// checkDuplicates refuses two ReplicaSets of one revision: their pods could not be told apart.
func checkDuplicates(_ context.Context, _ client.Reader, o *observation) (*plan.Problem, error) {
	for _, set := range o.duplicates {
		revision := set.Labels[v1alpha1.LabelPodTemplateHash]
		return problemf(reasonDuplicate, "ReplicaSets %q and %q both are revision %s; delete %q",
			o.sets[revision].Name, set.Name, revision, set.Name), nil
	}
	return nil, nil
}

// checkOwnLabel refuses the label that tells revisions apart where a user has copied it from a ReplicaSet.
func checkOwnLabel(_ context.Context, _ client.Reader, o *observation) (*plan.Problem, error) {
	const key = v1alpha1.LabelPodTemplateHash
	inSelector := slices.ContainsFunc(o.source.selector.MatchExpressions, func(e metav1.LabelSelectorRequirement) bool { return e.Key == key })
	if _, is := o.source.selector.MatchLabels[key]; is || inSelector {
		return problemf(v1alpha1.ReasonInvalidTemplate, "spec.selector: %s is set by the controller; remove it", key), nil
	}
	if _, is := o.source.template.Metadata.Labels[key]; is {
		return problemf(v1alpha1.ReasonInvalidTemplate, "spec.template.metadata.labels: %s is set by the controller; remove it", key), nil
	}
	return nil, nil
}

// reasonDuplicate is the reason of a Problem with two ReplicaSets of one revision.
const reasonDuplicate = "DuplicateReplicaSet"

// checkServices holds the Services that are named to what a release needs of them. A canary without routes may name them
// or not; a blue-green release needs no preview Service.
func checkServices(_ context.Context, _ client.Reader, o *observation) (*plan.Problem, error) {
	podLabels := labels.Set(o.source.template.Metadata.Labels)
	for _, role := range []plan.ServiceRole{plan.StableService, plan.CanaryService} {
		name, service := o.serviceName(role), o.services[role]
		if name == "" {
			continue
		}
		if own := role == plan.CanaryService && o.drives.OwnCanaryService; own && o.foreignCanary {
			return problemf(v1alpha1.ReasonServiceInvalid, "%s: Service %q, which this Rollout would make for a release, exists and is"+
				" not its own: name it there, or call it something else", o.serviceField(role), name), nil
		} else if own {
			return nil, nil
		}
		if service == nil {
			return problemf(v1alpha1.ReasonServiceInvalid, "%s: Service %q does not exist in namespace %q; create it",
				o.serviceField(role), name, o.rollout.Namespace), nil
		}
		if message := unusableService(service, podLabels); message != "" {
			return problemf(v1alpha1.ReasonServiceInvalid, "%s: Service %q %s", o.serviceField(role), service.Name, message), nil
		}
	}
	if o.spec.Mover != plan.ByRoutes {
		return nil, nil
	}
	if message := differentPorts(o.services[plan.StableService], o.services[plan.CanaryService]); message != "" {
		return problemf(v1alpha1.ReasonServiceInvalid, "%s: %s", o.serviceField(plan.CanaryService), message), nil
	}
	return nil, nil
}

// serviceField is the field that names a Service.
func (o *observation) serviceField(role plan.ServiceRole) string {
	switch {
	case o.spec.Withdraw:
		return "status.release.drives." + string(role) + "Service"
	case o.rollout.Spec.Strategy.BlueGreen == nil:
		return "spec.strategy.canary." + string(role) + "Service"
	case role == plan.StableService:
		return "spec.strategy.blueGreen.activeService"
	}
	return "spec.strategy.blueGreen.previewService"
}

func unusableService(service *corev1.Service, podLabels labels.Set) string {
	selector := maps.Clone(service.Spec.Selector)
	delete(selector, v1alpha1.LabelPodTemplateHash)
	switch {
	case service.Spec.Type == corev1.ServiceTypeExternalName:
		return "is of type ExternalName and has no pods; use a ClusterIP Service"
	case service.DeletionTimestamp != nil:
		return "is being deleted"
	case len(selector) == 0:
		return "has no selector; give it the labels of spec.template"
	}
	for _, key := range slices.Sorted(maps.Keys(selector)) {
		if podLabels[key] != selector[key] || !podLabels.Has(key) {
			return fmt.Sprintf("selects %s=%s, which is not among the labels of spec.template (%s); correct one of them",
				key, selector[key], podLabels)
		}
	}
	return ""
}

// differentPorts says which port of the stable Service the canary Service lacks: a route's backend is given the
// canary Service with the port that it has for the stable one.
func differentPorts(stable, canary *corev1.Service) string {
	for _, want := range stable.Spec.Ports {
		found := slices.ContainsFunc(canary.Spec.Ports, func(p corev1.ServicePort) bool {
			return p.Port == want.Port && p.Protocol == want.Protocol
		})
		if !found {
			return fmt.Sprintf("Service %q lacks port %d/%s, which Service %q has; add it",
				canary.Name, want.Port, want.Protocol, stable.Name)
		}
	}
	return ""
}
