package lint

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/manifest"
)

func portText(p corev1.ServicePort) string { return fmt.Sprintf("port %d/%s", p.Port, protocol(p)) }

// route is what is looked at of a route of any kind.
type route struct {
	metav1.ObjectMeta `json:"metadata"`

	Spec struct {
		ParentRefs []gatewayv1.ParentReference `json:"parentRefs"`
		Rules      []struct {
			BackendRefs []gatewayv1.BackendRef `json:"backendRefs"`
		} `json:"rules"`
	} `json:"spec"`
}

// routePath is a field of the routes, by its path below gatewayAPI.
func (s *subject) routePath(path string) string {
	if s.rollout.Spec.Strategy.BlueGreen != nil {
		return "spec.strategy.blueGreen.trafficRouting.gatewayAPI." + path
	}
	return "spec.strategy.canary.trafficRouting.gatewayAPI." + path
}

// namespaceOf is the namespace of a reference, which is the Rollout's where none is given.
func (s *subject) namespaceOf(ref string) string {
	if ref == "" {
		return s.object.Namespace()
	}
	return ref
}

func (s *subject) checkRoutes() {
	for _, named := range s.rollout.Spec.Strategy.Routes() {
		namespace := s.namespaceOf(named.Namespace)
		o, others := s.index.findIn(kind{gatewayv1.GroupName, named.Kind}, s.object, namespace, named.Name)
		switch {
		case o != nil:
			s.checkRoute(o, true)
			s.checkGrants(o, s.routePath(named.Path))
		case others:
			s.say(ruleRoute, s.routePath(named.Path)+".name", "%s %q is not among the objects%s", named.Kind, named.Name, inNamespace(namespace))
		}
	}
	for _, selecting := range s.rollout.Spec.Strategy.RouteSelectors() {
		s.checkSelected(selecting)
	}
}

// checkSelected looks at the routes that a selector finds. Those that send nothing to the stable Service are none of the
// Rollout's.
func (s *subject) checkSelected(selecting v1alpha1.StrategyRouteSelector) {
	path := s.routePath(selecting.Path)
	selector, err := metav1.LabelSelectorAsSelector(&metav1.LabelSelector{
		MatchLabels: selecting.MatchLabels, MatchExpressions: selecting.MatchExpressions,
	})
	if err != nil {
		s.say(ruleSchema, path, "%v", err)
		return
	}
	namespace := s.namespaceOf(selecting.Namespace)
	all := s.index.inNamespace(kind{gatewayv1.GroupName, selecting.Kind}, s.object, namespace)
	found := false
	for _, o := range all {
		r := &route{}
		if o.Decode(r) == nil && selector.Matches(labels.Set(r.Labels)) && s.namesStable(o, r) {
			found = true
			s.checkRoute(o, false)
			s.checkGrants(o, path)
		}
	}
	if len(all) > 0 && !found {
		s.say(ruleRoute, path, "none of the %ss that are among the objects%s has these labels and sends traffic to Service %q",
			selecting.Kind, inNamespace(namespace), s.rollout.Spec.Strategy.StableService())
	}
}

// isStable says whether a backend of a route is the stable Service.
func (s *subject) isStable(o *manifest.Object, backend gatewayv1.BackendRef) bool {
	return string(backend.Name) == s.rollout.Spec.Strategy.StableService() && string(or(backend.Kind, "Service")) == kindService.name &&
		string(or(backend.Namespace, gatewayv1.Namespace(o.Namespace()))) == s.object.Namespace()
}

func (s *subject) namesStable(o *manifest.Object, r *route) bool {
	for _, rule := range r.Spec.Rules {
		if slices.ContainsFunc(rule.BackendRefs, func(b gatewayv1.BackendRef) bool { return s.isStable(o, b) }) {
			return true
		}
	}
	return false
}

// checkRoute wants a rule that sends traffic to the stable Service, on a port that it has.
func (s *subject) checkRoute(o *manifest.Object, named bool) {
	r := &route{}
	if err := o.Decode(r); err != nil {
		s.found.add(o, ruleBackend, "spec", "cannot be read as a route: "+err.Error())
		return
	}
	if len(r.Spec.ParentRefs) == 0 {
		s.found.add(o, ruleParents, "spec", "there are no parentRefs: no gateway follows the route")
	}
	stable := s.rollout.Spec.Strategy.StableService()
	sends := false
	for i, rule := range r.Spec.Rules {
		for j, backend := range rule.BackendRefs {
			if s.isStable(o, backend) {
				sends = sends || or(backend.Weight, 1) > 0
				s.checkBackendPort(o, fmt.Sprintf("spec.rules[%d].backendRefs[%d]", i, j), backend)
			}
		}
	}
	switch {
	case named && !s.namesStable(o, r):
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

// checkGrants wants the ReferenceGrants of a route in another namespace: one that lets Rollouts change it, and one that
// lets it send traffic to each Service.
func (s *subject) checkGrants(o *manifest.Object, path string) {
	theirs, ours := o.Namespace(), s.object.Namespace()
	if manifest.MayShareNamespace(theirs, ours) {
		return
	}
	rollout := gatewayv1.ReferenceGrantFrom{Group: gatewayv1.Group(kindRollout.group), Kind: gatewayv1.Kind(kindRollout.name), Namespace: gatewayv1.Namespace(ours)}
	if !s.granted(theirs, rollout, kind{gatewayv1.GroupName, o.Kind()}, o.Name()) {
		s.say(ruleGrant, path, "no ReferenceGrant in namespace %s lets Rollouts of namespace %s change %s", theirs, ours, o)
	}
	from := gatewayv1.ReferenceGrantFrom{Group: gatewayv1.GroupName, Kind: gatewayv1.Kind(o.Kind()), Namespace: gatewayv1.Namespace(theirs)}
	for _, service := range []string{s.rollout.Spec.Strategy.StableService(), s.rollout.Spec.Strategy.CanaryService()} {
		if !s.granted(ours, from, kindService, service) {
			s.say(ruleGrant, path, "no ReferenceGrant in namespace %s lets %s of namespace %s send traffic to Service %q", ours, o, theirs, service)
		}
	}
}

// granted says whether a ReferenceGrant of a namespace lets those refer to an object there.
func (s *subject) granted(namespace string, from gatewayv1.ReferenceGrantFrom, to kind, name string) bool {
	return slices.ContainsFunc(s.index.inNamespace(kindGrant, s.object, namespace), func(o *manifest.Object) bool {
		grant := &gatewayv1.ReferenceGrant{}
		return o.Decode(grant) == nil && slices.Contains(grant.Spec.From, from) &&
			slices.ContainsFunc(grant.Spec.To, func(t gatewayv1.ReferenceGrantTo) bool {
				return string(t.Group) == to.group && string(t.Kind) == to.name && (t.Name == nil || string(*t.Name) == name)
			})
	})
}
