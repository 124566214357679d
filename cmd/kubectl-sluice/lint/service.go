package lint

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/manifest"
)

// serviceRole is one of the Services that the strategy names, and where.
type serviceRole struct{ name, field string }

// serviceRoles are the Services that the strategy names, the stable one first.
func (s *subject) serviceRoles() []serviceRole {
	strategy := s.rollout.Spec.Strategy
	stable, canary := "spec.strategy.canary.stableService", "spec.strategy.canary.canaryService"
	if strategy.BlueGreen != nil {
		stable, canary = "spec.strategy.blueGreen.activeService", "spec.strategy.blueGreen.previewService"
	}
	roles := []serviceRole{{strategy.StableService(), stable}}
	if !strategy.OwnsCanaryService() { // which is not there before a release
		roles = append(roles, serviceRole{strategy.CanaryService(), canary})
	}
	return slices.DeleteFunc(roles, func(r serviceRole) bool { return r.name == "" })
}

// service is a Service of the Rollout's namespace; nil where it is not among the objects or cannot be read.
func (s *subject) service(name string) *corev1.Service {
	o, _ := s.index.find(kindService, s.object, name)
	return serviceOf(o)
}

func serviceOf(o *manifest.Object) *corev1.Service {
	service := &corev1.Service{}
	if o == nil || o.Decode(service) != nil {
		return nil
	}
	return service
}

func (s *subject) checkServices() {
	for _, role := range s.serviceRoles() {
		s.checkShared(role)
		o, others := s.index.find(kindService, s.object, role.name)
		if o == nil {
			if others {
				s.say(ruleService, role.field, "Service %q is not among the objects%s", role.name, inNamespace(s.object.Namespace()))
			}
			continue
		}
		s.checkServiceSelector(o)
		s.checkTargetPorts(o)
	}
	s.checkOwnService()
	if !s.rollout.Spec.Strategy.MovesRoutes() {
		return
	}
	stable, canary := s.service(s.rollout.Spec.Strategy.StableService()), s.service(s.rollout.Spec.Strategy.CanaryService())
	if stable != nil && canary != nil && canary.Spec.Type != corev1.ServiceTypeExternalName {
		s.checkPorts(stable, canary)
	}
}

// checkOwnService refuses a Service with the name of the one that the Rollout makes.
func (s *subject) checkOwnService() {
	strategy := s.rollout.Spec.Strategy
	if !strategy.OwnsCanaryService() {
		return
	}
	if o, _ := s.index.find(kindService, s.object, strategy.CanaryService()); o != nil {
		s.found.add(o, ruleTaken, "metadata.name", "is the name of the Service that "+s.object.String()+
			" makes for its releases, since it names none: name this one there, or call it something else")
	}
}

// checkServiceSelector holds a Service to the pods of the template.
func (s *subject) checkServiceSelector(o *manifest.Object) {
	service := serviceOf(o)
	if service == nil {
		s.found.add(o, ruleServicePods, "spec", "cannot be read as a Service")
		return
	}
	selector := maps.Clone(service.Spec.Selector)
	delete(selector, v1alpha1.LabelPodTemplateHash)
	switch {
	case service.Spec.Type == corev1.ServiceTypeExternalName:
		s.found.add(o, ruleServicePods, "spec.type", "a Service of type ExternalName has no pods: "+s.object.String()+" needs one of type ClusterIP")
		return
	case len(selector) == 0:
		s.found.add(o, ruleServicePods, "spec.selector", "has no selector: it needs the labels of the pods of "+s.object.String())
		return
	case s.template == nil:
		return
	}
	podLabels := s.labels()
	for _, key := range slices.Sorted(maps.Keys(selector)) {
		if !podLabels.Has(key) || podLabels[key] != selector[key] {
			s.found.add(o, ruleServicePods, "spec.selector["+key+"]",
				key+"="+selector[key]+" is not among the labels of the pods of "+s.object.String()+": "+podLabels.String())
		}
	}
}

// checkTargetPorts wants a port of a container for each target port that has a name.
func (s *subject) checkTargetPorts(o *manifest.Object) {
	service := serviceOf(o)
	if service == nil || s.template == nil || s.template.typed == nil {
		return
	}
	pod := s.template.typed.Spec
	for i, port := range service.Spec.Ports {
		name := port.TargetPort.StrVal
		has := func(c corev1.Container) bool {
			return slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool { return p.Name == name })
		}
		if name != "" && !slices.ContainsFunc(slices.Concat(pod.Containers, pod.InitContainers), has) {
			s.found.add(o, rulePorts, fmt.Sprintf("spec.ports[%d].targetPort", i), "no container of "+s.object.String()+" has a port named "+name)
		}
	}
}

// checkShared refuses a Service that another Rollout names too.
func (s *subject) checkShared(role serviceRole) {
	for _, o := range s.index.in(kindRollout, s.object) {
		other := &v1alpha1.Rollout{}
		if o == s.object || o.Decode(other) != nil {
			continue
		}
		if strategy := other.Spec.Strategy; strategy.StableService() == role.name || strategy.CanaryService() == role.name {
			s.say(ruleShared, role.field, "Service %q is that of %s (%s:%d) too; each Rollout needs Services of its own", role.name, o, o.File, o.Line)
		}
	}
}

// checkPorts wants every port of the stable Service in the canary's: a backend of a route keeps its port.
func (s *subject) checkPorts(stable, canary *corev1.Service) {
	object, _ := s.index.find(kindService, s.object, canary.Name)
	for _, want := range stable.Spec.Ports {
		i := slices.IndexFunc(canary.Spec.Ports, func(p corev1.ServicePort) bool {
			return p.Port == want.Port && protocol(p) == protocol(want)
		})
		switch {
		case i < 0:
			s.found.add(object, rulePorts, "spec.ports", portText(want)+" is missing, which Service "+stable.Name+" has")
		case canary.Spec.Ports[i].TargetPort != want.TargetPort:
			s.found.add(object, rulePorts, "spec.ports", portText(want)+" goes to target port "+canary.Spec.Ports[i].TargetPort.String()+
				", and that of Service "+stable.Name+" to "+want.TargetPort.String())
		}
	}
}

func protocol(p corev1.ServicePort) corev1.Protocol {
	if p.Protocol == "" {
		return corev1.ProtocolTCP
	}
	return p.Protocol
}
