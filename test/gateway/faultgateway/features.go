package faultgateway

import (
	"cmp"
	"slices"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/gateway-api/pkg/features"
)

// supported is what the gateway can do, in the Gateway API's words.
var supported = []features.FeatureName{
	features.SupportGateway,
	features.SupportReferenceGrant,
	features.SupportHTTPRoute,
	features.SupportHTTPRouteBackendProtocolH2C,
	features.SupportHTTPRouteBackendRequestHeaderModification,
	features.SupportHTTPRouteBackendTimeout,
	features.SupportHTTPRouteHostRewrite,
	features.SupportHTTPRouteMethodMatching,
	features.SupportHTTPRouteNamedRouteRule,
	features.SupportHTTPRouteParentRefPort,
	features.SupportHTTPRoutePathRewrite,
	features.SupportHTTPRouteQueryParamMatching,
	features.SupportHTTPRouteRequestMirror,
	features.SupportHTTPRouteRequestMultipleMirrors,
	features.SupportHTTPRouteRequestPercentageMirror,
	features.SupportHTTPRouteRequestTimeout,
	features.SupportHTTPRouteResponseHeaderModification,
	features.SupportGRPCRoute,
	features.SupportGRPCRouteNamedRouteRule,
}

// featuresWith are the features that status names, sorted as the API asks, without those that the faults leave out.
func featuresWith(faults *Faults) []gatewayv1.SupportedFeature {
	if faults.HideFeatures {
		return nil
	}
	var result []gatewayv1.SupportedFeature
	for _, name := range supported {
		if !slices.Contains(faults.LackFeatures, string(name)) {
			result = append(result, gatewayv1.SupportedFeature{Name: gatewayv1.FeatureName(name)})
		}
	}
	slices.SortFunc(result, func(a, b gatewayv1.SupportedFeature) int { return cmp.Compare(a.Name, b.Name) })
	return result
}
