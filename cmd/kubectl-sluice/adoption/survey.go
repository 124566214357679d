package adoption

import (
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// maxName is the greatest length of a Rollout's name: ReplicaSets and AnalysisRuns add a suffix to it.
const maxName = 52

// HTTPRouteKind is the kind of the routes.
var HTTPRouteKind = schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"}

// survey looks at a Deployment and what is around it.
type survey struct {
	client     client.Client
	wish       Wish
	deployment *unstructured.Unstructured
	found      Adoption
}

func (s *survey) hinder(format string, args ...any) {
	s.found.Hindrances = append(s.found.Hindrances, fmt.Sprintf(format, args...))
}

func (s *survey) note(format string, args ...any) {
	s.found.Notes = append(s.found.Notes, fmt.Sprintf(format, args...))
}

func (s *survey) look(ctx context.Context) error {
	var d appsv1.Deployment
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(s.deployment.Object, &d); err != nil {
		return fmt.Errorf("read Deployment %s: %w", s.wish.Deployment, err)
	}
	s.owners(&d)
	s.state(&d)
	for _, look := range []func(context.Context, *appsv1.Deployment) error{s.rollout, s.services, s.routes, s.autoscalers} {
		if err := look(ctx, &d); err != nil {
			return err
		}
	}
	s.note("its steps are setWeight 20 and a pause until somebody promotes; say in spec.strategy.canary.steps what you want")
	return nil
}

// owners tells who would make the Deployment again once it is gone.
func (s *survey) owners(d *appsv1.Deployment) {
	name := s.wish.Deployment.String()
	const inGit = "make the change there: put what this command prints with --dry-run=client -o yaml in place of the Deployment's manifest. " +
		"spec.adopt takes the running pods over when it arrives"
	if owner := d.Labels[v1alpha1.LabelGitSync]; owner != "" {
		s.hinder("GitSync %s keeps Deployment %s as it is in Git; %s", strings.Replace(owner, ".", "/", 1), name, inGit)
	}
	for _, tool := range []struct{ what, mark string }{
		{"Argo CD", d.Annotations["argocd.argoproj.io/tracking-id"]},
		{"Flux", d.Labels["kustomize.toolkit.fluxcd.io/name"]},
		{"Flux", d.Labels["helm.toolkit.fluxcd.io/name"]},
		{"Helm", d.Annotations["meta.helm.sh/release-name"]},
	} {
		if tool.mark != "" {
			s.hinder("%s (%s) keeps Deployment %s and would make it again; %s", tool.what, tool.mark, name, inGit)
		}
	}
	if owner := metav1.GetControllerOf(d); owner != nil {
		s.hinder("%s %s controls Deployment %s and would make it again; the Rollout has to come from there", owner.Kind, owner.Name, name)
	}
}

// state tells whether the Deployment is at rest and may have two versions at once.
func (s *survey) state(d *appsv1.Deployment) {
	name := s.wish.Deployment.String()
	switch wanted := replicas(d); {
	case d.DeletionTimestamp != nil:
		s.hinder("Deployment %s is being deleted", name)
	case d.Status.ObservedGeneration < d.Generation || d.Status.UpdatedReplicas != wanted || d.Status.Replicas != wanted:
		s.hinder("Deployment %s is on its way to another version; wait: kubectl rollout status deployment %s -n %s", name, d.Name, d.Namespace)
	}
	if d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType {
		s.hinder("Deployment %s has strategy Recreate: its versions must not run at the same time, as those of a release do; "+
			"where they may, set RollingUpdate first", name)
	}
	if len(s.wish.Name) > maxName {
		s.hinder("%q is longer than the %d characters that a Rollout's name may have; give another one with --name", s.wish.Name, maxName)
	}
}

func replicas(d *appsv1.Deployment) int32 {
	if d.Spec.Replicas == nil {
		return 1
	}
	return *d.Spec.Replicas
}

// rollout tells whether there is a Rollout of the name, or one that adopts the Deployment already.
func (s *survey) rollout(ctx context.Context, d *appsv1.Deployment) error {
	list := &v1alpha1.RolloutList{}
	if err := s.client.List(ctx, list, client.InNamespace(d.Namespace)); err != nil {
		return fmt.Errorf("list Rollouts: %w", err)
	}
	for i := range list.Items {
		ro := &list.Items[i]
		switch {
		case ro.Name == s.wish.Name:
			s.hinder("Rollout %s/%s is there already; to take the Deployment over with it, set its spec.adopt.name", ro.Namespace, ro.Name)
		case ro.Spec.Adopt != nil && ro.Spec.Adopt.Name == d.Name,
			ro.Spec.WorkloadRef != nil && ro.Spec.WorkloadRef.Name == d.Name:
			s.hinder("Rollout %s/%s has to do with Deployment %s already; delete it first", ro.Namespace, ro.Name, d.Name)
		}
	}
	return nil
}

// services looks at the two Services, and copies the stable one where that of the canary is missing.
func (s *survey) services(ctx context.Context, d *appsv1.Deployment) error {
	stable, err := s.service(ctx, d, s.wish.StableService)
	if err != nil {
		return err
	}
	if s.wish.StableService != "" && stable == nil {
		s.hinder("Service %s/%s is not there", d.Namespace, s.wish.StableService)
	}
	canary, err := s.service(ctx, d, s.wish.CanaryService)
	switch {
	case err != nil || s.wish.CanaryService == "" || canary != nil:
		return err
	case stable == nil:
		s.hinder("Service %s/%s is not there", d.Namespace, s.wish.CanaryService)
		return nil
	}
	s.found.Service = canaryService(s.wish.CanaryService, stable)
	s.note("Service %s/%s is not there and is made, as a copy of %s", d.Namespace, s.wish.CanaryService, s.wish.StableService)
	return nil
}

// service reads a Service, nil where it is not there or not named, and tells whether it selects the pods.
func (s *survey) service(ctx context.Context, d *appsv1.Deployment, name string) (*corev1.Service, error) {
	if name == "" {
		return nil, nil //nolint:nilnil // nil is for none
	}
	service := &corev1.Service{}
	err := s.client.Get(ctx, client.ObjectKey{Namespace: d.Namespace, Name: name}, service)
	if apierrors.IsNotFound(err) {
		return nil, nil //nolint:nilnil // nil is for none
	}
	if err != nil {
		return nil, fmt.Errorf("read Service %s: %w", name, err)
	}
	selects := len(service.Spec.Selector) > 0
	for k, v := range service.Spec.Selector {
		selects = selects && d.Spec.Template.Labels[k] == v
	}
	if !selects {
		s.hinder("Service %s/%s does not select the pods of the Deployment: make its selector fit their labels", d.Namespace, name)
	}
	return service, nil
}

// routes tells whether the routes send traffic to the stable Service.
func (s *survey) routes(ctx context.Context, d *appsv1.Deployment) error {
	for _, name := range s.wish.Routes {
		route := &unstructured.Unstructured{}
		route.SetGroupVersionKind(HTTPRouteKind)
		err := s.client.Get(ctx, client.ObjectKey{Namespace: d.Namespace, Name: name}, route)
		switch {
		case meta.IsNoMatchError(err):
			s.hinder("the cluster does not know HTTPRoutes: install the Gateway API, or leave --route out")
			return nil
		case apierrors.IsNotFound(err):
			s.hinder("HTTPRoute %s/%s is not there", d.Namespace, name)
		case err != nil:
			return fmt.Errorf("read HTTPRoute %s: %w", name, err)
		case !slices.Contains(backends(route), s.wish.StableService):
			s.hinder("HTTPRoute %s/%s sends no traffic to Service %s: name another route, or add it as a backend", d.Namespace, name, s.wish.StableService)
		}
	}
	return nil
}

// backends are the names of the Services of its own namespace that a route sends traffic to.
func backends(route *unstructured.Unstructured) []string {
	var out []string
	rules, _, _ := unstructured.NestedSlice(route.Object, "spec", "rules")
	for _, rule := range rules {
		object, _ := rule.(map[string]any)
		refs, _ := object["backendRefs"].([]any)
		for _, ref := range refs {
			backend, _ := ref.(map[string]any)
			kind, typed := backend["kind"]
			namespace, elsewhere := backend["namespace"]
			if (typed && kind != "Service") || (elsewhere && namespace != route.GetNamespace()) {
				continue
			}
			if name, ok := backend["name"].(string); ok {
				out = append(out, name)
			}
		}
	}
	return out
}

// autoscalers tells which have to follow. Who may not list them is not told.
func (s *survey) autoscalers(ctx context.Context, d *appsv1.Deployment) error {
	list := &autoscalingv2.HorizontalPodAutoscalerList{}
	err := s.client.List(ctx, list, client.InNamespace(d.Namespace))
	if apierrors.IsForbidden(err) {
		s.note("you may not list HorizontalPodAutoscalers here: one that scales the Deployment has to name the Rollout instead")
		return nil
	}
	if err != nil {
		return fmt.Errorf("list HorizontalPodAutoscalers: %w", err)
	}
	for i := range list.Items {
		hpa := &list.Items[i]
		if ref := hpa.Spec.ScaleTargetRef; ref.Kind == "Deployment" && ref.Name == d.Name {
			s.note("HorizontalPodAutoscaler %s scales the Deployment; let it scale the Rollout once that is there: kubectl patch hpa %s -n %s "+
				`-p '{"spec":{"scaleTargetRef":{"apiVersion":"sluice.dev/v1alpha1","kind":"Rollout","name":%q}}}'`, hpa.Name, hpa.Name, hpa.Namespace, s.wish.Name)
		}
	}
	return nil
}
