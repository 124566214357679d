package lint

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluicehq/sluice/cmd/kubectl-sluice/manifest"
)

func portText(p corev1.ServicePort) string { return fmt.Sprintf("port %d/%s", p.Port, protocol(p)) }

// routesPath is the field of the routes, below spec.strategy.
func (s *subject) routesPath() string {
	if s.rollout.Spec.Strategy.BlueGreen != nil {
		return "spec.strategy.blueGreen.trafficRouting.gatewayAPI.httpRoutes"
	}
	return "spec.strategy.canary.trafficRouting.gatewayAPI.httpRoutes"
}

func (s *subject) checkRoutes() {
	for i, name := range s.rollout.Spec.Strategy.HTTPRoutes() {
		o, others := s.index.find(kindHTTPRoute, s.object, name)
		switch {
		case o != nil:
			s.checkRoute(o)
		case others:
			s.say(ruleRoute, fmt.Sprintf("%s[%d].name", s.routesPath(), i), "HTTPRoute %q is not among the objects%s", name,
				inNamespace(s.object.Namespace()))
		}
	}
}

// checkRoute wants a rule that sends traffic to the stable Service, on a port that it has.
func (s *subject) checkRoute(o *manifest.Object) {
	route := &gatewayv1.HTTPRoute{}
	if err := o.Decode(route); err != nil {
		s.found.add(o, ruleBackend, "spec", "cannot be read as an HTTPRoute: "+err.Error())
		return
	}
	if len(route.Spec.ParentRefs) == 0 {
		s.found.add(o, ruleParents, "spec", "there are no parentRefs: no gateway follows the route")
	}
	stable := s.rollout.Spec.Strategy.StableService()
	named, sends := false, false
	for i, rule := range route.Spec.Rules {
		for j, backend := range rule.BackendRefs {
			if string(backend.Name) != stable || or(backend.Kind, "Service") != "Service" ||
				string(or(backend.Namespace, gatewayv1.Namespace(o.Namespace()))) != s.object.Namespace() {
				continue
			}
			named = true
			sends = sends || or(backend.Weight, 1) > 0
			s.checkBackendPort(o, fmt.Sprintf("spec.rules[%d].backendRefs[%d]", i, j), backend.BackendRef)
		}
	}
	switch {
	case !named:
		s.found.add(o, ruleBackend, "spec.rules", fmt.Sprintf("no rule sends traffic to Service %q, the stable one of %s", stable, s.object))
	case !sends:
		s.found.add(o, ruleBackend, "spec.rules", fmt.Sprintf("every rule gives Service %q weight 0, so there is no traffic to move: give it a weight", stable))
	}
}

func (s *subject) checkBackendPort(o *manifest.Object, path string, backend gatewayv1.BackendRef) {
	service := s.service(string(backend.Name))
	switch {
	case service == nil:
	case backend.Port == nil:
		s.found.add(o, rulePorts, path, "the port is missing: a Service as a backend needs one")
	case !slices.ContainsFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == *backend.Port }):
		s.found.add(o, rulePorts, path+".port", fmt.Sprintf("Service %q has no port %d", service.Name, *backend.Port))
	}
}
