package main

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	sluicev1alpha1 "github.com/sluicehq/sluice/api/v1alpha1"
)

// leftovers names something of a release that is still in the route or in the Services, or nothing: at rest they are as
// Git has them.
func (c *cluster) leftovers(ctx context.Context) (string, error) {
	var route gatewayv1.HTTPRoute
	if err := c.client.Get(ctx, client.ObjectKey{Namespace: demoNamespace, Name: appName}, &route); err != nil {
		return "", fmt.Errorf("route: %w", err)
	}
	if left := leftInRoute(&route); left != "" {
		return left, nil
	}
	for _, name := range []string{appName, canaryService} {
		var service corev1.Service
		if err := c.client.Get(ctx, client.ObjectKey{Namespace: demoNamespace, Name: name}, &service); err != nil {
			return "", fmt.Errorf("service: %w", err)
		}
		if hash := service.Spec.Selector[sluicev1alpha1.LabelPodTemplateHash]; hash != "" {
			return fmt.Sprintf("Service %s is still pinned to revision %s", name, hash), nil
		}
	}
	return "", nil
}

// leftInRoute names what Git does not have in the route: a mark, another backend, a weight, or an owner of its rules.
func leftInRoute(route *gatewayv1.HTTPRoute) string {
	for name := range route.Annotations {
		if strings.Contains(name, sluicev1alpha1.GroupName) {
			return "the route still has the annotation " + name
		}
	}
	for _, rule := range route.Spec.Rules {
		for _, backend := range rule.BackendRefs {
			if backend.Name != appName || (backend.Weight != nil && *backend.Weight != 1) {
				return fmt.Sprintf("the route still has the backend %s with a weight", backend.Name)
			}
		}
	}
	for _, entry := range route.ManagedFields {
		if entry.Manager == sluicev1alpha1.ManagerController {
			return "the route's fields are still owned by " + entry.Manager
		}
	}
	return ""
}
