package rollout

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/controllers/rollout/plan"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

// A Rollout that moves routes and names no canary Service makes one for each release: a copy of the stable Service, made
// with its first pin, kept equal to it while the release runs, and removed when all is at rest.

// notCopied are prefixes of labels and annotations that tell whose the stable Service is, or that make something outside
// of the cluster of it: a copy of them would be taken for the Service itself.
var notCopied = []string{
	"sluice.dev/", "kubectl.kubernetes.io/", "meta.helm.sh/", "helm.sh/", "argocd.argoproj.io/", "kustomize.toolkit.fluxcd.io/",
	"helm.toolkit.fluxcd.io/", "external-dns.alpha.kubernetes.io/", "service.beta.kubernetes.io/", "metallb.io/",
	"metallb.universe.tf/", "cloud.google.com/neg-status", "cloud.google.com/load-balancer-type", "networking.gke.io/load-balancer-type",
}

func copied(from map[string]string) map[string]string {
	out := maps.Clone(from)
	maps.DeleteFunc(out, func(key, _ string) bool {
		return slices.ContainsFunc(notCopied, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
	})
	return out
}

// ownService is the canary Service that a Rollout makes of its stable one: the same pods by the same ports, inside of the
// cluster only. pin is the revision that it selects; empty means every pod.
func ownService(ro *v1alpha1.Rollout, stable *corev1.Service, name, pin string) *corev1.Service {
	from := stable.Spec
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: ro.Namespace, Name: name, Labels: copied(stable.Labels), Annotations: copied(stable.Annotations),
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(ro, rolloutKind)},
		},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeClusterIP, Ports: slices.Clone(from.Ports), Selector: maps.Clone(from.Selector),
			SessionAffinity: from.SessionAffinity, SessionAffinityConfig: from.SessionAffinityConfig.DeepCopy(),
			PublishNotReadyAddresses: from.PublishNotReadyAddresses, InternalTrafficPolicy: from.InternalTrafficPolicy,
			TrafficDistribution: from.TrafficDistribution, IPFamilyPolicy: from.IPFamilyPolicy, IPFamilies: slices.Clone(from.IPFamilies),
		},
	}
	for i := range service.Spec.Ports {
		service.Spec.Ports[i].NodePort = 0
	}
	if from.ClusterIP == corev1.ClusterIPNone {
		service.Spec.ClusterIP = corev1.ClusterIPNone
	}
	if service.Labels == nil {
		service.Labels = map[string]string{}
	}
	service.Labels[v1alpha1.LabelRollout] = ro.Name
	if service.Spec.Selector == nil {
		service.Spec.Selector = map[string]string{}
	}
	delete(service.Spec.Selector, v1alpha1.LabelPodTemplateHash)
	if pin != "" {
		service.Spec.Selector[v1alpha1.LabelPodTemplateHash] = pin
	}
	return service
}

// made says that a Service is one that this Rollout has made. One whose Rollout is deleted with its dependents orphaned
// has no owner any more, and still the label.
func made(ro *v1alpha1.Rollout, service *corev1.Service) bool {
	return service.Labels[v1alpha1.LabelRollout] == ro.Name &&
		(metav1.IsControlledBy(service, ro) || metav1.GetControllerOfNoCopy(service) == nil)
}

// makeOwnService makes the canary Service of a release, pinned to a revision from its first moment.
func (r *Reconciler) makeOwnService(ctx context.Context, o *observation, pin string) error {
	stable, err := o.service(plan.StableService)
	if err != nil {
		return err
	}
	service := ownService(o.rollout, stable, o.drives.CanaryService, pin)
	if err := r.client.Create(ctx, service, client.FieldOwner(v1alpha1.ManagerController)); err != nil {
		return fmt.Errorf("create Service %s: %w", service.Name, err)
	}
	r.written.remember(client.ObjectKeyFromObject(o.rollout), kindService, service, r.clock.Now())
	o.services[plan.CanaryService] = service
	return nil
}

// tendOwnService keeps the canary Service that the Rollout has made equal to the stable one while a release runs, makes it
// again where somebody has deleted it, and removes it when all is at rest.
func (r *Reconciler) tendOwnService(ctx context.Context, o *observation, engaged bool) error {
	if !engaged {
		return r.removeOwnServices(ctx, o)
	}
	if !o.drives.OwnCanaryService || o.taken != nil || o.foreignCanary || o.services[plan.StableService] == nil {
		return nil
	}
	if o.services[plan.CanaryService] == nil {
		return r.makeOwnService(ctx, o, ownPin(o.seen.State))
	}
	return r.syncOwnService(ctx, o, o.services[plan.CanaryService])
}

// ownPin is the revision that a canary Service is for: that which may have traffic by it.
func ownPin(s plan.State) string {
	if s.Candidate == "" && s.SwitchingFrom != "" {
		return s.Stable
	}
	return s.Candidate
}

func (r *Reconciler) syncOwnService(ctx context.Context, o *observation, is *corev1.Service) error {
	want := ownService(o.rollout, o.services[plan.StableService], is.Name, is.Spec.Selector[v1alpha1.LabelPodTemplateHash])
	if noted, ok := is.Annotations[annotationSelectorOwners]; ok {
		if want.Annotations == nil {
			want.Annotations = map[string]string{}
		}
		want.Annotations[annotationSelectorOwners] = noted
	}
	change := map[string]any{}
	metadata := map[string]any{}
	differs(metadata, "labels", is.Labels, want.Labels, wholeMap(is.Labels, want.Labels))
	differs(metadata, "annotations", is.Annotations, want.Annotations, wholeMap(is.Annotations, want.Annotations))
	if len(metadata) > 0 {
		change["metadata"] = metadata
	}
	spec := map[string]any{}
	differs(spec, "ports", withoutNodePorts(is.Spec.Ports), want.Spec.Ports, want.Spec.Ports)
	differs(spec, "selector", is.Spec.Selector, want.Spec.Selector, wholeMap(is.Spec.Selector, want.Spec.Selector))
	differs(spec, "sessionAffinity", is.Spec.SessionAffinity, want.Spec.SessionAffinity, want.Spec.SessionAffinity)
	differs(spec, "sessionAffinityConfig", is.Spec.SessionAffinityConfig, want.Spec.SessionAffinityConfig, want.Spec.SessionAffinityConfig)
	differs(spec, "publishNotReadyAddresses", is.Spec.PublishNotReadyAddresses, want.Spec.PublishNotReadyAddresses, want.Spec.PublishNotReadyAddresses)
	differs(spec, "internalTrafficPolicy", is.Spec.InternalTrafficPolicy, want.Spec.InternalTrafficPolicy, want.Spec.InternalTrafficPolicy)
	differs(spec, "trafficDistribution", is.Spec.TrafficDistribution, want.Spec.TrafficDistribution, want.Spec.TrafficDistribution)
	if len(spec) > 0 {
		change["spec"] = spec
	}
	if len(change) == 0 {
		return nil
	}
	stored, err := r.patchService(ctx, o, is, change)
	o.services[plan.CanaryService] = stored
	return err
}

// differs adds a field to a merge patch where it is not as it is wanted.
func differs[T any](patch map[string]any, field string, is, want T, value any) {
	if !equality.Semantic.DeepEqual(is, want) {
		patch[field] = value
	}
}

// wholeMap is the merge patch that makes one map of another.
func wholeMap(is, want map[string]string) map[string]any {
	patch := map[string]any{}
	for key := range is {
		patch[key] = nil
	}
	for key, value := range want {
		patch[key] = value
	}
	return patch
}

func withoutNodePorts(ports []corev1.ServicePort) []corev1.ServicePort {
	ports = slices.Clone(ports)
	for i := range ports {
		ports[i].NodePort = 0
	}
	return ports
}

// removeOwnServices removes what the Rollout has made for its releases, whatever the spec names now. Nothing is removed
// while a route still has a share for it.
func (r *Reconciler) removeOwnServices(ctx context.Context, o *observation) error {
	if slices.ContainsFunc(o.seen.Routes, func(route plan.Route) bool { return route.High > 0 }) {
		return nil
	}
	services, err := r.ownServices(ctx, r.fromCache(), o.rollout)
	if err != nil {
		return err
	}
	for i := range services {
		if err := r.removeOwnService(ctx, o.rollout, &services[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reconciler) ownServices(ctx context.Context, from view, ro *v1alpha1.Rollout) ([]corev1.Service, error) {
	var list corev1.ServiceList
	by := []client.ListOption{client.InNamespace(ro.Namespace)}
	if from.live {
		by = append(by, client.MatchingLabels{v1alpha1.LabelRollout: ro.Name})
	} else {
		by = append(by, client.MatchingFields{indexController: string(ro.UID)}, client.UnsafeDisableDeepCopy)
	}
	if err := from.List(ctx, &list, by...); err != nil {
		return nil, fmt.Errorf("list Services of Rollout %s: %w", ro.Name, err)
	}
	return slices.DeleteFunc(list.Items, func(service corev1.Service) bool {
		return !made(ro, &service) || service.DeletionTimestamp != nil
	}), nil
}

func (r *Reconciler) removeOwnService(ctx context.Context, ro *v1alpha1.Rollout, service *corev1.Service) error {
	exactly := client.Preconditions{UID: &service.UID, ResourceVersion: &service.ResourceVersion}
	if err := r.client.Delete(ctx, service.DeepCopy(), exactly); apierrors.IsNotFound(err) {
		return nil
	} else if err != nil {
		return fmt.Errorf("delete Service %s: %w", service.Name, err)
	}
	r.written.forgetObject(client.ObjectKeyFromObject(ro), kindService, service, r.clock.Now())
	return nil
}

// departWithServices removes, for a Rollout that is being deleted, what it has made for a release. The routes are as the
// user wrote them by now, and the gateways are given the time to learn of it. It returns errLookAgain while it waits.
func (r *Reconciler) departWithServices(ctx context.Context, o *observation) error {
	services, err := r.ownServices(ctx, r.fromLive(), o.rollout)
	if err != nil || len(services) == 0 {
		return err
	}
	now := r.clock.Now()
	if now.Sub(r.restored.since(client.ObjectKeyFromObject(o.rollout), now)) < wanted.Settle(o.rollout.Spec.Strategy) {
		return errLookAgain
	}
	for i := range services {
		if err := r.removeOwnService(ctx, o.rollout, &services[i]); err != nil {
			return err
		}
	}
	return nil
}
