package gatewayapi

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/gateway-api/pkg/features"

	"github.com/sluicehq/sluice/trafficrouting"
	"github.com/sluicehq/sluice/trafficrouting/claims"
)

// need is a feature that a release needs of every gateway of a route.
type need struct {
	feature features.FeatureName
	// why names what needs it.
	why string
	// young says that gateways which have the feature may not list it, since its name is newer than they are.
	young bool
}

// needs are the features that moving the weights of a route takes. Weights have no feature of their own: they are part of
// the core of HTTPRoute and GRPCRoute, and of what is known as TCPRoute and TLSRoute.
func needs(route *unstructured.Unstructured, target trafficrouting.Target) []need {
	kind := route.GetKind()
	found := []need{{feature: features.FeatureName(kind), why: "weights of " + kind + "s", young: kind == claims.KindTCPRoute}}
	if route.GetNamespace() != target.Namespace {
		found = append(found, need{
			feature: features.SupportReferenceGrant, why: "Services in another namespace than the route's",
		})
	}
	return found
}

// features says which GatewayClass of the route's parents says that it lacks what a release needs, and what could not be
// told. An empty list of features says nothing, and neither does a parent that is no Gateway.
func (r *Router) features(
	ctx context.Context, target trafficrouting.Target, route *unstructured.Unstructured,
) (lacks, unknown string, err error) {
	classes, err := r.classesOf(ctx, route)
	if err != nil {
		return "", "", err
	}
	var doubts []string
	for _, class := range classes {
		listed := class.Status.SupportedFeatures
		for _, n := range needs(route, target) {
			switch {
			case slices.ContainsFunc(listed, func(f gatewayv1.SupportedFeature) bool { return string(f.Name) == string(n.feature) }):
			case len(listed) == 0:
				doubts = append(doubts, fmt.Sprintf("GatewayClass %s lists no supportedFeatures, so that nobody knows"+
					" whether it has %s (%s)", class.Name, n.feature, n.why))
			case n.young:
				doubts = append(doubts, fmt.Sprintf("GatewayClass %s does not list %s among its supportedFeatures (%s),"+
					" as many gateways that have it do not", class.Name, n.feature, n.why))
			default:
				return fmt.Sprintf("GatewayClass %s does not list %s among its supportedFeatures, and a release needs it"+
					" (%s): use a gateway that has it, or leave the route out of the Rollout's trafficRouting",
					class.Name, n.feature, n.why), "", nil
			}
		}
	}
	return "", strings.Join(doubts, "; "), nil
}

// classesOf are the classes of the Gateways that are parents of a route, each once. What cannot be found says nothing.
func (r *Router) classesOf(ctx context.Context, route *unstructured.Unstructured) ([]gatewayv1.GatewayClass, error) {
	var classes []gatewayv1.GatewayClass
	if _, ok, err := r.kinds.Served(kindGateway); err != nil || !ok {
		return nil, err
	}
	for _, key := range r.gatewaysOf(route) {
		gateway := &gatewayv1.Gateway{}
		if err := r.client.Get(ctx, key, gateway, client.UnsafeDisableDeepCopy); absent(err) {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("reading Gateway %s: %w", key, err)
		}
		name := string(gateway.Spec.GatewayClassName)
		if slices.ContainsFunc(classes, func(c gatewayv1.GatewayClass) bool { return c.Name == name }) {
			continue
		}
		class := &gatewayv1.GatewayClass{}
		if err := r.client.Get(ctx, types.NamespacedName{Name: name}, class, client.UnsafeDisableDeepCopy); absent(err) {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("reading GatewayClass %s: %w", name, err)
		}
		classes = append(classes, *class)
	}
	return classes, nil
}

// absent says that an object, or its kind, is not there.
func absent(err error) bool {
	return apierrors.IsNotFound(err) || meta.IsNoMatchError(err) || runtime.IsNotRegisteredError(err)
}

// gatewaysOf are the Gateways among the parents of a route, in namespaces that are served.
func (r *Router) gatewaysOf(route *unstructured.Unstructured) []types.NamespacedName {
	var keys []types.NamespacedName
	list, _, _ := unstructured.NestedSlice(route.Object, "spec", "parentRefs")
	for _, item := range list {
		ref, _ := item.(map[string]any)
		text := func(key, otherwise string) string {
			if s, ok := ref[key].(string); ok {
				return s
			}
			return otherwise
		}
		if text("kind", kindGateway) != kindGateway || text("group", group) != group {
			continue
		}
		key := types.NamespacedName{Namespace: text("namespace", route.GetNamespace()), Name: text("name", "")}
		if !slices.Contains(keys, key) && (len(r.namespaces) == 0 || slices.Contains(r.namespaces, key.Namespace)) {
			keys = append(keys, key)
		}
	}
	return keys
}
