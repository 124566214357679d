package gatewayapi

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/trafficrouting"
)

const (
	kindRollout = "Rollout"
	kindService = "Service"
)

// missingGrant says which ReferenceGrant a route in another namespace than the Rollout's lacks: that namespace has to let
// Rollouts change the route, and the Rollout's has to let the route refer to both Services.
func (r *Router) missingGrant(
	ctx context.Context, reader client.Reader, target trafficrouting.Target, ref trafficrouting.RouteRef,
) (string, error) {
	if ref.Namespace == target.Namespace {
		return "", nil
	}
	theirs, err := r.grants(ctx, reader, ref.Namespace)
	if err != nil {
		return "", err
	}
	rollout := gatewayv1.ReferenceGrantFrom{
		Group: gatewayv1.Group(v1alpha1.GroupVersion.Group), Kind: kindRollout, Namespace: gatewayv1.Namespace(target.Namespace),
	}
	if !granted(theirs, rollout, group, ref.Kind, ref.Name) {
		return fmt.Sprintf("no ReferenceGrant in namespace %s lets Rollouts of namespace"+
			" %s change it: add one there, from group %s, kind %s, namespace %s to group %s, kind %s, name %s",
			ref.Namespace, target.Namespace, rollout.Group, rollout.Kind, rollout.Namespace, group, ref.Kind, ref.Name), nil
	}
	ours, err := r.grants(ctx, reader, target.Namespace)
	if err != nil {
		return "", err
	}
	route := gatewayv1.ReferenceGrantFrom{Group: group, Kind: gatewayv1.Kind(ref.Kind), Namespace: gatewayv1.Namespace(ref.Namespace)}
	for _, service := range []string{target.StableService, target.CanaryService} {
		if !granted(ours, route, "", kindService, service) {
			return fmt.Sprintf("no ReferenceGrant in namespace %s lets it send traffic to"+
				" Service %s: add one there, from group %s, kind %s, namespace %s to group \"\", kind %s, name %s",
				target.Namespace, service, group, ref.Kind, ref.Namespace, kindService, service), nil
		}
	}
	return "", nil
}

// grants are the ReferenceGrants of a namespace. One that cannot be read grants nothing.
func (r *Router) grants(ctx context.Context, reader client.Reader, namespace string) ([]gatewayv1.ReferenceGrantSpec, error) {
	objects, err := r.list(ctx, reader, KindReferenceGrant, namespace)
	if err != nil {
		return nil, err
	}
	specs := make([]gatewayv1.ReferenceGrantSpec, 0, len(objects))
	for i := range objects {
		var grant gatewayv1.ReferenceGrant
		if runtime.DefaultUnstructuredConverter.FromUnstructured(objects[i].Object, &grant) == nil {
			specs = append(specs, grant.Spec)
		}
	}
	return specs, nil
}

// granted says whether one of the grants lets those refer to this object of its namespace.
func granted(grants []gatewayv1.ReferenceGrantSpec, from gatewayv1.ReferenceGrantFrom, toGroup, toKind, toName string) bool {
	return slices.ContainsFunc(grants, func(grant gatewayv1.ReferenceGrantSpec) bool {
		return slices.Contains(grant.From, from) && slices.ContainsFunc(grant.To, func(to gatewayv1.ReferenceGrantTo) bool {
			return string(to.Group) == toGroup && string(to.Kind) == toKind &&
				(to.Name == nil || *to.Name == "" || string(*to.Name) == toName)
		})
	})
}
