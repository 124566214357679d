package lint

import (
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/manifest"
)

// isAutoscaler says that an object sets the number of pods of another.
func isAutoscaler(o *manifest.Object) bool {
	k := kind{o.Group(), o.Kind()}
	return k == kindAutoscaler || k == kindScaledObject
}

// checkAutoscaler holds an autoscaler to the Rollouts of its namespace.
func (c *checker) checkAutoscaler(o *manifest.Object) {
	target := fields(o.At("spec", "scaleTargetRef"))
	targetKind, _ := target["kind"].(string)
	name, _ := target["name"].(string)
	version, _ := target["apiVersion"].(string)
	const path = "spec.scaleTargetRef"
	rollouts := c.index.in(kindRollout, o)
	switch {
	case targetKind == "Rollout":
		if version != v1alpha1.GroupVersion.String() {
			c.found.add(o, ruleAutoscaler, path+".apiVersion", fmt.Sprintf("%q: a Rollout is of %s", version, v1alpha1.GroupVersion))
		}
		c.checkScaled(o, name, rollouts)
	case targetKind == "Deployment" || targetKind == "" && o.Kind() == "ScaledObject":
		for _, ro := range rollouts {
			if why := c.takesPlaceOf(ro, name); why != "" {
				c.found.add(o, ruleAutoscaler, path, fmt.Sprintf("scales Deployment %q, %s %s (%s:%d): scale %s Rollout %q", name, why, ro,
					ro.File, ro.Line, v1alpha1.GroupVersion, ro.Name()))
			}
		}
	}
}

// isScaled says that an autoscaler sets the size of a Rollout.
func (c *checker) isScaled(o *manifest.Object) bool {
	return slices.ContainsFunc(append(c.index.in(kindAutoscaler, o), c.index.in(kindScaledObject, o)...),
		func(scaler *manifest.Object) bool {
			target := fields(scaler.At("spec", "scaleTargetRef"))
			return target["kind"] == "Rollout" && target["name"] == o.Name()
		})
}

// takesPlaceOf says in which way a Rollout takes the place of a Deployment; empty where it does not.
func (c *checker) takesPlaceOf(o *manifest.Object, deployment string) string {
	ro := &v1alpha1.Rollout{}
	if o.Decode(ro) != nil {
		return ""
	}
	there, _ := c.index.find(kindDeployment, o, deployment)
	switch ref := ro.Spec.WorkloadRef; {
	case ro.Spec.Adopt != nil && ro.Spec.Adopt.Name == deployment:
		return "which is adopted by"
	case ref != nil && ref.Name == deployment && ref.ScaleDown != "" && ref.ScaleDown != v1alpha1.ScaleDownNever:
		return "which is scaled down by"
	case ref == nil && ro.Name == deployment && there == nil:
		return "whose place is taken by"
	}
	return ""
}

// checkScaled holds an autoscaler of a Rollout to it.
func (c *checker) checkScaled(o *manifest.Object, name string, rollouts []*manifest.Object) {
	for _, ro := range rollouts {
		if ro.Name() != name {
			continue
		}
		if ro.At("spec", "replicas") != nil {
			c.found.add(ro, ruleReplicas, "spec.replicas", fmt.Sprintf("%s (%s:%d) sets it too, and each kubectl apply puts this number back: leave it out",
				o, o.File, o.Line))
		}
		return
	}
	if len(rollouts) > 0 {
		c.found.add(o, ruleAutoscaler, "spec.scaleTargetRef.name", fmt.Sprintf("Rollout %q is not among the objects%s", name, inNamespace(o.Namespace())))
	}
}
