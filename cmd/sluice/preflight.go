package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-logr/logr"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// What is cluster-scoped is granted to the whole cluster even where Rollouts are served in some namespaces only.
// +kubebuilder:rbac:groups=sluice.dev,resources=clusteranalysistemplates,verbs=get;list;watch
// +kubebuilder:rbac:groups=gateway.networking.k8s.io,resources=gatewayclasses,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get
// +kubebuilder:rbac:groups=admissionregistration.k8s.io,resources=validatingadmissionpolicies,resourceNames=sluice-rollout-requests,verbs=get

// requestPolicy is the ValidatingAdmissionPolicy of config/policy.
const requestPolicy = "sluice-rollout-requests"

// checkOwnKinds says which of the kinds of this version the cluster does not have.
func checkOwnKinds(mapper meta.RESTMapper) error {
	for _, kind := range []string{"Rollout", "AnalysisTemplate", "ClusterAnalysisTemplate", "AnalysisRun", "GitSync"} {
		err := served(mapper, v1alpha1.GroupVersion.WithKind(kind))
		if errors.Is(err, errNotServed) {
			return fmt.Errorf("%w: install the CustomResourceDefinitions of config/crd of this version first", err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var errNotServed = errors.New("the cluster does not serve this kind")

// served returns errNotServed for a kind that the cluster does not have, and other errors where it could not be asked.
func served(mapper meta.RESTMapper, kind schema.GroupVersionKind) error {
	_, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if meta.IsNoMatchError(err) {
		return fmt.Errorf("%s in %s: %w", kind.Kind, kind.GroupVersion(), errNotServed)
	}
	if err != nil {
		return fmt.Errorf("ask whether the cluster serves %s in %s: %w", kind.Kind, kind.GroupVersion(), err)
	}
	return nil
}

// warnWithoutGatewayAPI warns where no Rollout can move traffic. Each Rollout says so too, and goes on by itself when the
// definitions are there: they may be among what a GitSync is about to apply, so their absence is no reason to end.
func warnWithoutGatewayAPI(mapper meta.RESTMapper, log logr.Logger) {
	route := schema.GroupVersionKind{Group: gatewayv1.GroupName, Version: "v1", Kind: "HTTPRoute"}
	err := served(mapper, route)
	switch {
	case errors.Is(err, errNotServed):
		log.Info("The Gateway API is not installed: Rollouts wait until it is. Install its standard channel, v1.1 or newer "+
			"(https://gateway-api.sigs.k8s.io/guides), and a gateway", "missing", route.String())
	case err != nil:
		log.Error(err, "Could not look for the Gateway API")
	}
}

// warnWithoutPolicy warns where the right to promote would be the right to forge status. The policy is not required:
// an administrator may hold people to it by other means.
func warnWithoutPolicy(ctx context.Context, reader client.Reader, log logr.Logger) {
	policy := &metav1.PartialObjectMetadata{}
	policy.SetGroupVersionKind(admissionregistrationv1.SchemeGroupVersion.WithKind("ValidatingAdmissionPolicy"))
	err := reader.Get(ctx, types.NamespacedName{Name: requestPolicy}, policy)
	switch {
	case apierrors.IsNotFound(err):
		log.Info("The admission policy for requests is missing: whoever may update rollouts/status can forge any of it. "+
			"Install config/policy", "policy", requestPolicy)
	case err != nil:
		log.Error(err, "Could not look for the admission policy for requests", "policy", requestPolicy)
	}
}
