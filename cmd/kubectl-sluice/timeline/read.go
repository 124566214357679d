package timeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/api/v1alpha1"
	"github.com/sluicehq/sluice/cmd/kubectl-sluice/manifest"
	"github.com/sluicehq/sluice/controllers/rollout/wanted"
)

// source is a Rollout, with the pod template that it runs.
type source struct {
	object   *manifest.Object
	rollout  *v1alpha1.Rollout
	template v1alpha1.PodTemplate
	revision wanted.Revision
	// workload is the Deployment of a workloadRef, and how many pods it asks for.
	workload     *manifest.Object
	workloadPods int32
}

// find is the Rollout of that name, or the only one where no name is given.
func find(objects []*manifest.Object, name string) (*manifest.Object, error) {
	var rollouts []*manifest.Object
	var names []string
	for _, o := range objects {
		if o.Kind() != "Rollout" || (name != "" && o.Name() != name) {
			continue
		}
		if o.Group() != v1alpha1.GroupVersion.Group {
			return nil, fmt.Errorf("%s:%d: %s is of %s; kubectl sluice lint says what to change in it", o.File, o.Line, o, o.APIVersion())
		}
		rollouts = append(rollouts, o)
		names = append(names, o.Name())
	}
	switch {
	case len(rollouts) == 1:
		return rollouts[0], nil
	case len(rollouts) > 1:
		slices.Sort(names)
		return nil, fmt.Errorf("there are %d Rollouts; name one of them: %s", len(rollouts), strings.Join(slices.Compact(names), ", "))
	case name != "":
		return nil, fmt.Errorf("there is no Rollout %q among the %d objects", name, len(objects))
	}
	return nil, fmt.Errorf("there is no Rollout among the %d objects", len(objects))
}

// read takes the Rollout with the pod template that it runs.
func read(objects []*manifest.Object, object *manifest.Object) (*source, error) {
	s := &source{object: object, rollout: &v1alpha1.Rollout{}}
	if err := object.Decode(s.rollout); err != nil {
		return nil, err
	}
	s.template = s.rollout.Spec.Template
	if ref := s.rollout.Spec.WorkloadRef; ref != nil {
		s.workload = deployment(objects, object.Namespace(), ref.Name)
		if s.workload == nil {
			return nil, fmt.Errorf("spec.workloadRef: Deployment %q, whose template it runs, is not among the objects: give its file too", ref.Name)
		}
		if err := s.takeTemplate(s.workload); err != nil {
			return nil, err
		}
	}
	var err error
	if s.revision, err = wanted.RevisionOf(s.template); err != nil {
		return nil, fmt.Errorf("%s: %w", object, err)
	}
	return s, nil
}

func deployment(objects []*manifest.Object, namespace, name string) *manifest.Object {
	for _, o := range objects {
		if o.Group() == "apps" && o.Kind() == "Deployment" && o.Name() == name && manifest.MayShareNamespace(o.Namespace(), namespace) {
			return o
		}
	}
	return nil
}

// takeTemplate takes the template and the size of a Deployment.
func (s *source) takeTemplate(o *manifest.Object) error {
	data, err := json.Marshal(o.At("spec", "template"))
	if err != nil {
		return fmt.Errorf("%s: %w", o, err)
	}
	if err := json.Unmarshal(data, &s.template); err != nil {
		return fmt.Errorf("%s: spec.template: %w", o, err)
	}
	s.workloadPods = replicasOf(o)
	return nil
}

// maxReplicas is how many a Rollout may have.
const maxReplicas = 100_000

// replicasOf is the size of a Deployment.
func replicasOf(o *manifest.Object) int32 {
	if n, ok := o.At("spec", "replicas").(int64); ok {
		return int32(max(0, min(n, maxReplicas)))
	}
	return 1
}

// readBefore takes what there was before: the Rollout of that name, or the Deployment that it adopts or has the name of.
func readBefore(objects []*manifest.Object, after *source) (*source, error) {
	for _, o := range objects {
		if o.Kind() == "Rollout" && o.Group() == v1alpha1.GroupVersion.Group && o.Name() == after.rollout.Name {
			return read(objects, o)
		}
	}
	name := after.rollout.Name
	if adopt := after.rollout.Spec.Adopt; adopt != nil {
		name = adopt.Name
	}
	if o := deployment(objects, after.object.Namespace(), name); o != nil {
		return adopted(o, after)
	}
	return nil, errors.New("--from has neither Rollout " + after.rollout.Name + " nor Deployment " + name)
}

// adopted is the Rollout as it is when it has taken a Deployment over.
func adopted(o *manifest.Object, after *source) (*source, error) {
	s := &source{object: o, rollout: after.rollout.DeepCopy()}
	if err := s.takeTemplate(o); err != nil {
		return nil, err
	}
	s.rollout.Spec.Replicas = new(s.workloadPods)
	s.workloadPods = 0
	var err error
	if s.revision, err = wanted.RevisionOf(s.template); err != nil {
		return nil, fmt.Errorf("%s: %w", o, err)
	}
	return s, nil
}

// images are the images of a template's containers, in their order.
func images(template v1alpha1.PodTemplate) string {
	var spec struct {
		Containers []struct{ Image string }
	}
	if json.Unmarshal(template.Spec.Raw, &spec) != nil {
		return ""
	}
	var out []string
	for _, c := range spec.Containers {
		out = append(out, c.Image)
	}
	return strings.Join(out, ", ")
}
