package adoption

import (
	"context"
	"fmt"
	"maps"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// Wish is what is to become of a Deployment.
type Wish struct {
	// Deployment is the Deployment.
	Deployment client.ObjectKey
	// Name of the Rollout; empty means that of the Deployment.
	Name string
	// StableService and CanaryService are the Services of the two revisions; empty for none.
	StableService, CanaryService string
	// Routes are the names of the HTTPRoutes whose weights are moved; none means that the numbers of pods carry them.
	Routes []string
}

// Adoption is what an adoption comes to.
type Adoption struct {
	// Rollout to be made.
	Rollout *unstructured.Unstructured
	// Service to be made for the canary, a copy of the stable one; nil where it is there already or none is wanted.
	Service *unstructured.Unstructured
	// Hindrances say why it must not be made now, and what to do about that.
	Hindrances []string
	// Notes say what is left to a person.
	Notes []string
}

// Objects are the objects to be made, in the order in which they are made.
func (a Adoption) Objects() []*unstructured.Unstructured {
	if a.Service == nil {
		return []*unstructured.Unstructured{a.Rollout}
	}
	return []*unstructured.Unstructured{a.Service, a.Rollout}
}

// Prepare reads the Deployment and what its traffic goes through. It writes nothing. The error is the API server's: no
// such Deployment, no right, no connection.
func Prepare(ctx context.Context, c client.Client, wish Wish) (Adoption, error) {
	if wish.Name == "" {
		wish.Name = wish.Deployment.Name
	}
	raw := &unstructured.Unstructured{}
	raw.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
	if err := c.Get(ctx, wish.Deployment, raw); err != nil {
		return Adoption{}, err
	}
	s := survey{client: c, wish: wish, deployment: raw}
	if err := s.look(ctx); err != nil {
		return Adoption{}, err
	}
	s.found.Rollout = rollout(wish, raw)
	return s.found, nil
}

// Make makes the objects. With dryRun the API server only checks them.
func (a Adoption) Make(ctx context.Context, c client.Client, dryRun bool) error {
	options := []client.CreateOption{client.FieldOwner(v1alpha1.ManagerCLI), client.FieldValidation(metav1.FieldValidationStrict)}
	if dryRun {
		options = append(options, client.DryRunAll)
	}
	for _, o := range a.Objects() {
		if err := c.Create(ctx, o, options...); err != nil {
			return fmt.Errorf("create %s %s/%s: %w", o.GetKind(), o.GetNamespace(), o.GetName(), err)
		}
	}
	return nil
}

// rollout is the Rollout of a Deployment. The pod template is copied as plain JSON values and to the byte, but for what
// says nothing: any difference to the running pods would begin a release.
func rollout(wish Wish, deployment *unstructured.Unstructured) *unstructured.Unstructured {
	spec := map[string]any{
		"adopt":    map[string]any{"name": deployment.GetName()},
		"strategy": map[string]any{"canary": canary(wish, deployment)},
	}
	for _, field := range []string{"selector", "template", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds", "paused"} {
		value, found, _ := unstructured.NestedFieldCopy(deployment.Object, "spec", field)
		if found && !isDefault(field, value) {
			spec[field] = value
		}
	}
	unstructured.RemoveNestedField(spec, "template", "metadata", "creationTimestamp")
	out := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	out.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Rollout"))
	out.SetNamespace(deployment.GetNamespace())
	out.SetName(wish.Name)
	out.SetLabels(own(deployment.GetLabels()))
	out.SetAnnotations(own(deployment.GetAnnotations()))
	return out
}

// isDefault says whether a field of a Deployment has the value that absent means in a Rollout too.
func isDefault(field string, value any) bool {
	switch field {
	case "minReadySeconds":
		return fmt.Sprint(value) == "0"
	case "revisionHistoryLimit":
		return fmt.Sprint(value) == "10"
	case "progressDeadlineSeconds":
		return fmt.Sprint(value) == "600"
	case "paused":
		return value == false
	}
	return false
}

// canary is the strategy: a fifth of the traffic, and then a person. The bounds are the Deployment's, except that with a
// router its maxSurge, which is nearly always the default, would only make releases slower.
func canary(wish Wish, deployment *unstructured.Unstructured) map[string]any {
	out := map[string]any{"steps": []any{
		map[string]any{"setWeight": int64(20)},
		map[string]any{"pause": map[string]any{}},
	}}
	for _, field := range []string{"maxSurge", "maxUnavailable"} {
		value, found, _ := unstructured.NestedFieldCopy(deployment.Object, "spec", "strategy", "rollingUpdate", field)
		if found && value != "25%" && (field != "maxSurge" || len(wish.Routes) == 0) {
			out[field] = value
		}
	}
	if wish.StableService != "" {
		out["stableService"] = wish.StableService
	}
	if wish.CanaryService != "" {
		out["canaryService"] = wish.CanaryService
	}
	if len(wish.Routes) > 0 {
		var routes []any
		for _, name := range wish.Routes {
			routes = append(routes, map[string]any{"name": name})
		}
		out["trafficRouting"] = map[string]any{"gatewayAPI": map[string]any{"httpRoutes": routes}}
	}
	return out
}

// foreign begin the labels and annotations that tools write for themselves.
var foreign = []string{
	"deployment.kubernetes.io/", "kubectl.kubernetes.io/", "sluice.dev/", "argocd.argoproj.io/", "meta.helm.sh/",
	"kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/", "external-dns.alpha.kubernetes.io/",
}

// own keeps the labels or annotations that a person has written, and nil for none.
func own(in map[string]string) map[string]string {
	out := maps.Clone(in)
	maps.DeleteFunc(out, func(key, _ string) bool {
		for _, prefix := range foreign {
			if strings.HasPrefix(key, prefix) {
				return true
			}
		}
		return false
	})
	if len(out) == 0 {
		return nil
	}
	return out
}

// canaryService copies what matters of the stable Service. It gets no address of its own to the outside.
func canaryService(name string, stable *corev1.Service) *unstructured.Unstructured {
	ports := make([]any, 0, len(stable.Spec.Ports))
	for _, p := range stable.Spec.Ports {
		port := map[string]any{"port": int64(p.Port), "protocol": string(p.Protocol)}
		if p.Name != "" {
			port["name"] = p.Name
		}
		if p.TargetPort.StrVal != "" {
			port["targetPort"] = p.TargetPort.StrVal
		} else if p.TargetPort.IntVal != 0 {
			port["targetPort"] = int64(p.TargetPort.IntVal)
		}
		if p.AppProtocol != nil {
			port["appProtocol"] = *p.AppProtocol
		}
		ports = append(ports, port)
	}
	selector := map[string]any{}
	for k, v := range stable.Spec.Selector {
		selector[k] = v
	}
	spec := map[string]any{"ports": ports, "selector": selector}
	if stable.Spec.SessionAffinity == corev1.ServiceAffinityClientIP {
		spec["sessionAffinity"] = string(stable.Spec.SessionAffinity)
	}
	out := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	out.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Service"))
	out.SetNamespace(stable.Namespace)
	out.SetName(name)
	out.SetLabels(own(stable.Labels))
	out.SetAnnotations(own(stable.Annotations))
	return out
}
