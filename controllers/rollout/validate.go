package rollout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
)

// problem says why the spec, or something that it names, cannot be used: the first that is found, in an order in which
// one may have caused the next. Errors are only those of reading.
func (r *Reconciler) problem(ctx context.Context, reader client.Reader, o *observation) (*plan.Problem, error) {
	checks := []func(context.Context, client.Reader, *observation) (*plan.Problem, error){
		r.checkSharing,
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

// checkServices holds both Services to what a release needs of them.
func checkServices(_ context.Context, _ client.Reader, o *observation) (*plan.Problem, error) {
	podLabels := labels.Set(o.rollout.Spec.Template.Metadata.Labels)
	for _, role := range []plan.ServiceRole{plan.StableService, plan.CanaryService} {
		service := o.services[role]
		field := "spec.strategy.canary." + string(role) + "Service"
		if service == nil {
			return problemf(v1alpha1.ReasonServiceInvalid, "%s: Service %q does not exist in namespace %q; create it",
				field, o.serviceName(role), o.rollout.Namespace), nil
		}
		if message := unusableService(service, podLabels); message != "" {
			return problemf(v1alpha1.ReasonServiceInvalid, "%s: Service %q %s", field, service.Name, message), nil
		}
	}
	if message := differentPorts(o.services[plan.StableService], o.services[plan.CanaryService]); message != "" {
		return problemf(v1alpha1.ReasonServiceInvalid, "spec.strategy.canary.canaryService: %s", message), nil
	}
	return nil, nil
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

// checkSharing refuses a second Rollout on the same Service: the younger of two has to go another way.
func (r *Reconciler) checkSharing(ctx context.Context, _ client.Reader, o *observation) (*plan.Problem, error) {
	for _, role := range []plan.ServiceRole{plan.StableService, plan.CanaryService} {
		name := o.serviceName(role)
		others, err := r.rolloutsBy(ctx, indexServices, o.rollout.Namespace, name)
		if err != nil {
			return nil, err
		}
		for i := range others {
			if other := &others[i]; other.UID != o.rollout.UID && older(other, o.rollout) {
				return problemf(v1alpha1.ReasonServiceInvalid,
					"spec.strategy.canary.%sService: Service %q belongs to Rollout %q; give this Rollout Services of its own",
					role, name, other.Name), nil
			}
		}
	}
	return nil, nil
}

func older(a, b *v1alpha1.Rollout) bool {
	if a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.Name < b.Name
	}
	return a.CreationTimestamp.Before(&b.CreationTimestamp)
}

func checkRoutes(_ context.Context, _ client.Reader, o *observation) (*plan.Problem, error) {
	for _, route := range o.routes {
		if route.Problem != "" {
			return problemf(v1alpha1.ReasonRouteInvalid, "HTTPRoute %q: %s", route.Name, route.Problem), nil
		}
	}
	return nil, nil
}

// checkAnalysis makes the run of every analysis step, without starting it.
func (r *Reconciler) checkAnalysis(ctx context.Context, _ client.Reader, o *observation) (*plan.Problem, error) {
	for i, step := range o.rollout.Spec.Strategy.Canary.Steps {
		if step.Analysis == nil {
			continue
		}
		_, err := r.runSpec(ctx, o, *step.Analysis)
		if invalid, ok := errors.AsType[*invalidAnalysisError](err); ok {
			return problemf(v1alpha1.ReasonAnalysisInvalid, "spec.strategy.canary.steps[%d].analysis: %s", i,
				strings.TrimPrefix(invalid.message, "invalid analysis: ")), nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}
