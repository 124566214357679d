package gatewayapi

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluicehq/sluice/trafficrouting"
	"github.com/sluicehq/sluice/trafficrouting/claims"
)

// halfPolicy says which BackendTLSPolicy is about the stable Service and not about the canary's: the gateway would speak
// TLS to the one and plain text to the other. A TCPRoute has no such policies: its connections are passed on as they are.
func (r *Router) halfPolicy(
	ctx context.Context, reader client.Reader, target trafficrouting.Target, ref trafficrouting.RouteRef,
) (string, error) {
	if ref.Kind == claims.KindTCPRoute {
		return "", nil
	}
	objects, err := r.list(ctx, reader, KindBackendTLSPolicy, target.Namespace)
	if err != nil {
		return "", err
	}
	stable, canary := "", false
	for i := range objects {
		var policy gatewayv1.BackendTLSPolicy
		if runtime.DefaultUnstructuredConverter.FromUnstructured(objects[i].Object, &policy) != nil {
			continue // It says nothing that can be read.
		}
		for _, at := range policy.Spec.TargetRefs {
			if at.Group != "" || at.Kind != kindService {
				continue
			}
			if string(at.Name) == target.StableService && stable == "" {
				stable = policy.Name
			}
			canary = canary || string(at.Name) == target.CanaryService
		}
	}
	if stable == "" || canary {
		return "", nil
	}
	return fmt.Sprintf("%s %s targets Service %s and none targets Service %s, so that a gateway would speak TLS to one of them"+
		" only: add Service %s to the policy's targetRefs, or give it a policy of its own",
		KindBackendTLSPolicy, stable, target.StableService, target.CanaryService, target.CanaryService), nil
}
