package playing

import (
	"context"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
)

// MainService is the Service that clients use where a namespace has no route.
const MainService = "web"

// playEndpoints writes one EndpointSlice for each Service, with its ready pods.
func (s *Stage) playEndpoints(ctx context.Context, namespace string) error {
	var services corev1.ServiceList
	var pods corev1.PodList
	if err := s.list(ctx, namespace, &services, &pods); err != nil {
		return err
	}
	for i := range services.Items {
		service := &services.Items[i]
		if len(service.Spec.Selector) == 0 {
			continue
		}
		selector := labels.SelectorFromSet(service.Spec.Selector)
		var endpoints []discoveryv1.Endpoint
		for i := range pods.Items {
			if pod := &pods.Items[i]; isReady(pod) && selector.Matches(labels.Set(pod.Labels)) {
				endpoints = append(endpoints, discoveryv1.Endpoint{
					Addresses: []string{"10.0.0.1"}, Conditions: discoveryv1.EndpointConditions{Ready: new(true)},
					TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name},
				})
			}
		}
		if err := s.writeEndpoints(ctx, service, endpoints); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stage) writeEndpoints(ctx context.Context, service *corev1.Service, endpoints []discoveryv1.Endpoint) error {
	slice := &discoveryv1.EndpointSlice{}
	err := s.client.Get(ctx, client.ObjectKeyFromObject(service), slice)
	if apierrors.IsNotFound(err) {
		return s.client.Create(ctx, &discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: service.Namespace, Name: service.Name, Labels: map[string]string{discoveryv1.LabelServiceName: service.Name},
			},
			AddressType: discoveryv1.AddressTypeIPv4, Endpoints: endpoints,
		})
	}
	if err != nil || slices.EqualFunc(slice.Endpoints, endpoints, func(a, b discoveryv1.Endpoint) bool {
		return a.TargetRef.Name == b.TargetRef.Name
	}) {
		return err
	}
	slice.Endpoints = endpoints
	return s.client.Update(ctx, slice)
}

// playGateway accepts every route as it is.
func (s *Stage) playGateway(ctx context.Context, namespace string) error {
	silent := false
	if s.note(namespace, func(n *notes) { silent = n.silentGateway }); silent {
		return nil
	}
	var routes gatewayv1.HTTPRouteList
	if err := s.list(ctx, namespace, &routes); err != nil {
		return err
	}
	for i := range routes.Items {
		route := &routes.Items[i]
		parents := route.Status.Parents
		if len(parents) == 1 && parents[0].Conditions[0].ObservedGeneration == route.Generation {
			continue
		}
		accepted := metav1.Condition{
			Type: string(gatewayv1.RouteConditionAccepted), Status: metav1.ConditionTrue, Reason: "Accepted",
			ObservedGeneration: route.Generation, LastTransitionTime: metav1.NewTime(time.Now()),
		}
		resolved := accepted
		resolved.Type, resolved.Reason = string(gatewayv1.RouteConditionResolvedRefs), "ResolvedRefs"
		route.Status.Parents = []gatewayv1.RouteParentStatus{{
			ParentRef: route.Spec.ParentRefs[0], ControllerName: "test.dev/gateway", Conditions: []metav1.Condition{accepted, resolved},
		}}
		if err := s.client.Status().Update(ctx, route); err != nil {
			return err
		}
	}
	return nil
}

// watchOver looks for a share of the traffic with nobody to serve it.
func (s *Stage) watchOver(ctx context.Context, namespace string) error {
	var sets appsv1.ReplicaSetList
	if err := s.list(ctx, namespace, &sets); err != nil {
		return err
	}
	backends, err := s.backends(ctx, namespace)
	if err != nil {
		return err
	}
	for _, backend := range backends {
		slice := &discoveryv1.EndpointSlice{}
		err := s.client.Get(ctx, types.NamespacedName{Namespace: namespace, Name: backend}, slice)
		if client.IgnoreNotFound(err) != nil {
			return err
		}
		released, err := s.released(ctx, namespace, backend, sets.Items)
		if err != nil {
			return err
		}
		s.note(namespace, func(n *notes) {
			if len(slice.Endpoints) > 0 {
				n.served[backend] = true
			} else if released || n.served[backend] { // before the first revision nobody serves
				n.unserved = append(n.unserved, "Service "+backend+" has a share of the traffic and no endpoint")
			}
		})
	}
	return nil
}

// released says that there is a stable revision for a Service, whichever it is pinned to.
func (s *Stage) released(ctx context.Context, namespace, name string, sets []appsv1.ReplicaSet) (bool, error) {
	service := &corev1.Service{}
	if err := s.client.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, service); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	delete(service.Spec.Selector, v1alpha1.LabelPodTemplateHash)
	selector := labels.SelectorFromSet(service.Spec.Selector)
	return slices.ContainsFunc(sets, func(set appsv1.ReplicaSet) bool {
		return set.Annotations[v1alpha1.AnnotationRole] == "stable" && selector.Matches(labels.Set(set.Spec.Template.Labels))
	}), nil
}

// backends are the Services that have a share of the traffic.
func (s *Stage) backends(ctx context.Context, namespace string) ([]string, error) {
	var routes gatewayv1.HTTPRouteList
	if err := s.list(ctx, namespace, &routes); err != nil {
		return nil, err
	}
	if len(routes.Items) == 0 {
		err := s.client.Get(ctx, types.NamespacedName{Namespace: namespace, Name: MainService}, &corev1.Service{})
		if err != nil {
			return nil, client.IgnoreNotFound(err)
		}
		return []string{MainService}, nil
	}
	var names []string
	for _, route := range routes.Items {
		for _, rule := range route.Spec.Rules {
			for _, backend := range rule.BackendRefs {
				if backend.Weight == nil || *backend.Weight > 0 {
					names = append(names, string(backend.Name))
				}
			}
		}
	}
	return names, nil
}
