package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// TrafficRouting names what moves the traffic.
type TrafficRouting struct {
	// gatewayAPI moves the weights of Gateway API routes.
	// +optional
	GatewayAPI *GatewayAPIRouting `json:"gatewayAPI,omitempty"`

	// settleSeconds is how long after a gateway's acknowledgement of a changed weight requests may still follow the
	// old one. It must exceed the gateway's own batching of changes; nothing that takes pods away happens before it
	// is over. Absent means 5; 0 means that an acknowledgement is taken for the change itself, which few gateways keep.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=3600
	// +optional
	SettleSeconds *int32 `json:"settleSeconds,omitempty"`
}

// GatewayAPIRouting names Gateway API routes, by their names or by their labels. The release moves the weights of every
// rule that sends traffic to the stable Service; other rules are left alone, and so are routes without such a rule that
// a selector finds.
//
// +kubebuilder:validation:XValidation:rule="has(self.httpRoutes) || has(self.grpcRoutes) || has(self.tcpRoutes) || has(self.tlsRoutes) || has(self.httpRouteSelector) || has(self.grpcRouteSelector) || has(self.tcpRouteSelector) || has(self.tlsRouteSelector)",message="gatewayAPI names no route: set one of httpRoutes, grpcRoutes, tcpRoutes and tlsRoutes, or a selector such as httpRouteSelector"
type GatewayAPIRouting struct {
	// httpRoutes are HTTPRoutes that send traffic to the stableService; absent means none.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +listType=atomic
	// +optional
	HTTPRoutes []RouteRef `json:"httpRoutes,omitempty"`

	// grpcRoutes are GRPCRoutes that send traffic to the stableService; absent means none.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +listType=atomic
	// +optional
	GRPCRoutes []RouteRef `json:"grpcRoutes,omitempty"`

	// tcpRoutes are TCPRoutes that send connections to the stableService; absent means none. A connection stays where it
	// is when weights change, for as long as it lasts.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +listType=atomic
	// +optional
	TCPRoutes []RouteRef `json:"tcpRoutes,omitempty"`

	// tlsRoutes are TLSRoutes that send connections to the stableService; absent means none. A connection stays where it
	// is when weights change, for as long as it lasts.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +listType=atomic
	// +optional
	TLSRoutes []RouteRef `json:"tlsRoutes,omitempty"`

	// httpRouteSelector finds further HTTPRoutes by their labels; absent means none. A route that gets the labels in
	// mid-release takes part in it, and one that loses them is given back when the release ends.
	// +optional
	HTTPRouteSelector *RouteSelector `json:"httpRouteSelector,omitempty"`

	// grpcRouteSelector finds further GRPCRoutes by their labels, as httpRouteSelector does; absent means none.
	// +optional
	GRPCRouteSelector *RouteSelector `json:"grpcRouteSelector,omitempty"`

	// tcpRouteSelector finds further TCPRoutes by their labels, as httpRouteSelector does; absent means none.
	// +optional
	TCPRouteSelector *RouteSelector `json:"tcpRouteSelector,omitempty"`

	// tlsRouteSelector finds further TLSRoutes by their labels, as httpRouteSelector does; absent means none.
	// +optional
	TLSRouteSelector *RouteSelector `json:"tlsRouteSelector,omitempty"`
}

// RouteRef names a route.
type RouteRef struct {
	// name of the route.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name,omitempty"`

	// namespace of the route; absent means the Rollout's. Another one needs a ReferenceGrant there, from group sluice.dev
	// and kind Rollout of the Rollout's namespace to the kind of the route, and one in the Rollout's namespace from that
	// kind of route to its Services.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// RouteSelector finds routes by their labels: those that match all of matchLabels and matchExpressions.
//
// +kubebuilder:validation:XValidation:rule="has(self.matchLabels) && size(self.matchLabels) > 0 || has(self.matchExpressions) && size(self.matchExpressions) > 0",message="a selector of nothing would find every route: set matchLabels or matchExpressions"
// +kubebuilder:validation:XValidation:rule="!has(self.matchExpressions) || self.matchExpressions.all(e, e.operator in ['In', 'NotIn'] ? has(e.values) && size(e.values) > 0 : e.operator in ['Exists', 'DoesNotExist'] && (!has(e.values) || size(e.values) == 0))",message="an expression has the operator In or NotIn with values, or Exists or DoesNotExist without"
type RouteSelector struct {
	// namespace of the routes; absent means the Rollout's. Another one needs the ReferenceGrants that a route named there
	// needs.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Namespace string `json:"namespace,omitempty"`

	// matchLabels are labels that the routes have.
	// +kubebuilder:validation:MaxProperties=16
	// +optional
	MatchLabels map[string]string `json:"matchLabels,omitempty"`

	// matchExpressions are requirements of the routes' labels.
	// +kubebuilder:validation:MaxItems=16
	// +listType=atomic
	// +optional
	MatchExpressions []metav1.LabelSelectorRequirement `json:"matchExpressions,omitempty"`
}
