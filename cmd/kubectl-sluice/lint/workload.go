package lint

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/manifest"
)

// checkWorkload looks for the Deployment that gives the template, and for one that is adopted and should be gone.
func (s *subject) checkWorkload() {
	namespace := s.object.Namespace()
	if ref := s.rollout.Spec.WorkloadRef; ref != nil {
		found, others := s.index.find(kindDeployment, s.object, ref.Name)
		switch {
		case found != nil:
			s.template = templateOf(found)
		case others:
			s.say(ruleWorkload, "spec.workloadRef.name", "Deployment %q is not among the objects%s", ref.Name, inNamespace(namespace))
		}
	}
	if ref := s.rollout.Spec.Adopt; ref != nil {
		if found, _ := s.index.find(kindDeployment, s.object, ref.Name); found != nil {
			s.checkAdoptable(found)
			s.say(ruleAdopted, "spec.adopt.name", "Deployment %q is at %s:%d: the Rollout takes its place, and applying it again would make it anew; "+
				"take it out of the manifests", ref.Name, found.File, found.Line)
		}
	}
}

// checkAdoptable wants the selector of a Deployment that is adopted to be the Rollout's.
func (s *subject) checkAdoptable(o *manifest.Object) {
	theirs, err := selectorOf(o)
	ours, ourErr := metav1.LabelSelectorAsSelector(&s.rollout.Spec.Selector)
	if err == nil && ourErr == nil && theirs.String() != ours.String() {
		s.say(ruleAdopt, "spec.selector", "%s, and Deployment %q, which is to be adopted, selects %s: give the Rollout what the Deployment has",
			ours, o.Name(), theirs)
	}
}

// checkSharedWorkload refuses a Deployment that another Rollout refers to or adopts too.
func (s *subject) checkSharedWorkload() {
	for _, k := range []string{"workloadRef", "adopt"} {
		name, _ := s.object.At("spec", k, "name").(string)
		if name == "" {
			continue
		}
		for _, other := range s.index.in(kindRollout, s.object) {
			if other != s.object && (other.At("spec", "workloadRef", "name") == name || other.At("spec", "adopt", "name") == name) {
				s.say(ruleSharedWork, "spec."+k+".name", "Deployment %q is that of %s (%s:%d) too; each Rollout needs one of its own",
					name, other, other.File, other.Line)
			}
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

// checkEphemeral refuses ephemeral metadata that no pod may have, and labels that something selects by: the pods would
// come and go in what selects them.
func (s *subject) checkEphemeral() {
	selected := s.selectedKeys()
	for path, m := range s.ephemeral() {
		for key, value := range m.Labels {
			field := "spec.strategy." + path + ".labels[" + key + "]"
			if by := selected[key]; by != "" {
				s.say(ruleEphemeral, field, "%s selects by this label", by)
			}
			for _, broken := range slices.Concat(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)) {
				s.say(ruleEphemeral, field, "%s", broken)
			}
		}
		for key := range m.Annotations {
			for _, broken := range validation.IsQualifiedName(strings.ToLower(key)) {
				s.say(ruleEphemeral, "spec.strategy."+path+".annotations["+key+"]", "%s", broken)
			}
		}
	}
}

// ephemeral is the metadata of each role, by its path below spec.strategy.
func (s *subject) ephemeral() map[string]*v1alpha1.EphemeralMetadata {
	metadata := map[string]*v1alpha1.EphemeralMetadata{}
	if c := s.rollout.Spec.Strategy.Canary; c != nil {
		metadata["canary.canaryMetadata"], metadata["canary.stableMetadata"] = c.CanaryMetadata, c.StableMetadata
	}
	if b := s.rollout.Spec.Strategy.BlueGreen; b != nil {
		metadata["blueGreen.previewMetadata"], metadata["blueGreen.activeMetadata"] = b.PreviewMetadata, b.ActiveMetadata
	}
	maps.DeleteFunc(metadata, func(_ string, m *v1alpha1.EphemeralMetadata) bool { return m == nil })
	return metadata
}

// selectedKeys are the labels that the Rollout and its Services select by, and which of them does.
func (s *subject) selectedKeys() map[string]string {
	keys := map[string]string{v1alpha1.LabelPodTemplateHash: "Sluice itself", "pod-template-hash": "the controller of Deployments"}
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
	for _, o := range s.index.in(kindBudget, s.object) {
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
