package lint

import (
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/manifest"
)

// checkWorkload looks for the Deployment that gives the template, and for one that is adopted and should be gone.
func (s *subject) checkWorkload() {
	namespace := s.object.Namespace()
	if ref := s.rollout.Spec.WorkloadRef; ref != nil {
		found, others := s.index.find(kindDeployment, namespace, ref.Name)
		switch {
		case found != nil:
			s.template = templateOf(found)
		case others:
			s.say(ruleWorkload, "spec.workloadRef.name", "Deployment %q is not among the objects%s", ref.Name, inNamespace(namespace))
		}
	}
	if ref := s.rollout.Spec.Adopt; ref != nil {
		if found, _ := s.index.find(kindDeployment, namespace, ref.Name); found != nil {
			s.say(ruleAdopted, "spec.adopt.name", "Deployment %q is at %s:%d: the Rollout takes its place, and applying it again would make it anew; "+
				"take it out of the manifests", ref.Name, found.File, found.Line)
		}
	}
}

// templateOf is the pod template of a Deployment; nil where it has none that can be read.
func templateOf(o *manifest.Object) *podTemplate {
	data, err := json.Marshal(o.At("spec", "template"))
	if err != nil {
		return nil
	}
	t := &podTemplate{object: o, path: "spec.template"}
	if json.Unmarshal(data, &t.PodTemplate) != nil || len(t.Spec.Raw) == 0 {
		return nil
	}
	return t
}

// isOwnWorkload says that an object is the Deployment that the Rollout refers to or adopts.
func (s *subject) isOwnWorkload(k kind, o *manifest.Object) bool {
	if k != kindDeployment {
		return false
	}
	ref, adopt := s.rollout.Spec.WorkloadRef, s.rollout.Spec.Adopt
	return ref != nil && ref.Name == o.Name() || adopt != nil && adopt.Name == o.Name()
}

func inNamespace(namespace string) string {
	if namespace == "" {
		return ""
	}
	return " in namespace " + namespace
}

// checkEphemeral refuses ephemeral labels that something selects by: the pods would come and go in what selects them.
func (s *subject) checkEphemeral() {
	strategy := s.rollout.Spec.Strategy
	metadata := map[string]*v1alpha1.EphemeralMetadata{}
	if c := strategy.Canary; c != nil {
		metadata["canary.canaryMetadata"], metadata["canary.stableMetadata"] = c.CanaryMetadata, c.StableMetadata
	}
	if b := strategy.BlueGreen; b != nil {
		metadata["blueGreen.previewMetadata"], metadata["blueGreen.activeMetadata"] = b.PreviewMetadata, b.ActiveMetadata
	}
	selected := s.selectedKeys()
	for path, m := range metadata {
		if m == nil {
			continue
		}
		for key := range m.Labels {
			if by := selected[key]; by != "" {
				s.say(ruleEphemeral, "spec.strategy."+path+".labels["+key+"]", "%s selects by this label", by)
			}
		}
	}
}

// selectedKeys are the labels that the Rollout and its Services select by, and which of them does.
func (s *subject) selectedKeys() map[string]string {
	keys := map[string]string{}
	for key := range s.rollout.Spec.Selector.MatchLabels {
		keys[key] = "spec.selector"
	}
	for _, e := range s.rollout.Spec.Selector.MatchExpressions {
		keys[e.Key] = "spec.selector"
	}
	for _, role := range s.serviceRoles() {
		if service := s.service(role.name); service != nil {
			for key := range service.Spec.Selector {
				keys[key] = "Service " + service.Name
			}
		}
	}
	return keys
}

// checkBudgets looks for a PodDisruptionBudget that lets no pod go.
func (s *subject) checkBudgets() {
	for _, o := range s.index.in(kindBudget, s.object.Namespace()) {
		selector, err := selectorOf(o)
		if err != nil || s.labels() == nil || !selector.Matches(s.labels()) {
			continue
		}
		least, most := o.At("spec", "minAvailable"), o.At("spec", "maxUnavailable")
		count, isCount := least.(int64)
		switch {
		case most == int64(0), most == "0%":
			s.found.add(o, ruleBudget, "spec.maxUnavailable", "no pod of "+s.object.String()+" may ever be evicted: neither a restart nor a drained node can go on")
		case least == "100%", isCount && count >= int64(s.replicas) && s.replicas > 0:
			s.found.add(o, ruleBudget, "spec.minAvailable", "no pod of "+s.object.String()+" may ever be evicted: neither a restart nor a drained node can go on")
		}
	}
}

// selectorOf is spec.selector of an object.
func selectorOf(o *manifest.Object) (labels.Selector, error) {
	data, err := json.Marshal(o.At("spec", "selector"))
	if err != nil {
		return nil, err
	}
	var selector metav1.LabelSelector
	if err := json.Unmarshal(data, &selector); err != nil {
		return nil, err
	}
	return metav1.LabelSelectorAsSelector(&selector)
}
